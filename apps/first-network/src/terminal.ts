// What the terminal can show: how many colours, how many columns. Without a terminal, or with NO_COLOR, text stays plain.

export type ColorDepth = 1 | 4 | 8 | 24

export interface Terminal {
  /** Bits of colour: 1 (none), 4 (16 colours), 8 (256) or 24. */
  readonly depth: ColorDepth
  readonly columns: number
}

/** The parts of `process.stdout` that matter here. */
export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  getColorDepth?(env?: Record<string, string | undefined>): number
}

const FORCED: Readonly<Record<string, ColorDepth>> = {
  '0': 1,
  false: 1,
  '1': 4,
  '2': 8,
  '3': 24,
  true: 4,
  '': 4,
}

/** See https://no-color.org and https://force-color.org: any value of NO_COLOR but the empty one turns colours off. */
export function terminalOf(stream: OutputStream, env: Record<string, string | undefined>): Terminal {
  const columns = stream.columns ?? (Number(env['COLUMNS']) || 80)
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return { depth: 1, columns }
  const forced = env['FORCE_COLOR']
  if (forced !== undefined) return { depth: FORCED[forced] ?? 4, columns }
  if (stream.isTTY !== true) return { depth: 1, columns }
  return { depth: (stream.getColorDepth?.(env) ?? 1) as ColorDepth, columns }
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const
export type Style = keyof typeof CODES

/** `text` in a style, or as it is where there are no colours. */
export function paint({ depth }: Terminal, style: Style, text: string): string {
  const [on, off] = CODES[style]
  return depth === 1 ? text : `\u001B[${on}m${text}\u001B[${off}m`
}

/** Number of columns that text takes, escape codes not counted. */
export const visibleLength = (text: string): number => Array.from(text.replace(ESCAPES, '')).length

// oxlint-disable-next-line no-control-regex -- escape codes are control characters
const ESCAPES = /\u001B\[[\d;]*m/g

/** Pads with blanks to `width` columns, at the right or on both sides. */
export function padTo(text: string, width: number, align: 'left' | 'center' = 'left'): string {
  const blanks = Math.max(0, width - visibleLength(text))
  const before = align === 'left' ? 0 : Math.floor(blanks / 2)
  return ' '.repeat(before) + text + ' '.repeat(blanks - before)
}

/** 300000 as 300,000. */
export const withCommas = (n: number): string => n.toLocaleString('en-US')

/** 0.98123 as 98.12 %. */
export const percent = (part: number, digits = 2): string => `${(100 * part).toFixed(digits)} %`
