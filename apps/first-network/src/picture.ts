// Turns what the program prints into the picture of the README: reads text with colour codes from standard input, writes an
// SVG to standard output. `pnpm --filter @dl/first-network picture` draws terminal.svg anew.
import { text } from 'node:stream/consumers'

const CELL_WIDTH = 8
const CELL_HEIGHT = 16
const BASELINE = 12
const PADDING = 16
const PAPER = '#161820'
const INK = '#d8dee9'
const FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
const NAMED: Readonly<Record<number, string>> = { 31: '#ff6b6b', 32: '#69db7c', 33: '#ffd43b', 36: '#66d9e8' }
const HALF_BLOCKS = '▀▄█'

interface Style {
  color: string
  background: string
  bold: boolean
  dim: boolean
}
const plain = (): Style => ({ color: INK, background: PAPER, bold: false, dim: false })

/** Applies the numbers of one escape code. */
function restyle(style: Style, codes: readonly number[]): void {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!
    if (code === 0) Object.assign(style, plain())
    else if (code === 1) style.bold = true
    else if (code === 2) style.dim = true
    else if (code === 22) style.bold = style.dim = false
    else if (code === 38 || code === 48) {
      const hex = codes.slice(i + 2, i + 5).map((v) => v.toString(16).padStart(2, '0'))
      style[code === 38 ? 'color' : 'background'] = `#${hex.join('')}`
      i += 4
    } else style.color = NAMED[code] ?? INK
  }
}

function halfBlock(block: string, { color, background }: Style, x: number, y: number): string {
  const [upper, lower] =
    block === '▀' ? [color, background] : block === '▄' ? [background, color] : [color, color]
  const half = (fill: string, top: number): string =>
    fill === PAPER
      ? ''
      : `<path fill="${fill}" d="M${x} ${top}h${CELL_WIDTH}v${CELL_HEIGHT / 2}h-${CELL_WIDTH}z"/>`
  return half(upper, y) + half(lower, y + CELL_HEIGHT / 2)
}

function words(letters: string, { color, bold, dim }: Style, x: number, y: number): string {
  if (letters.trim() === '') return ''
  // browsers collapse ordinary spaces in SVG text, whatever xml:space says
  const escaped = letters
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(' ', '\u00A0')
  const look = `fill="${color}"${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.55"' : ''}`
  const width = Array.from(letters).length * CELL_WIDTH
  return `<text x="${x}" y="${y + BASELINE}" ${look} textLength="${width}">${escaped}</text>`
}

function drawLine(line: string, y: number): { svg: string; columns: number } {
  const style = plain()
  let svg = ''
  let columns = 0
  for (const part of line.split(/(\u001B\[[\d;]*m|[▀▄█])/u)) {
    const x = PADDING + columns * CELL_WIDTH
    if (part.startsWith('\u001B')) restyle(style, part.slice(2, -1).split(';').map(Number))
    else if (part.length === 1 && HALF_BLOCKS.includes(part)) svg += halfBlock(part, style, x, y)
    else svg += words(part, style, x, y)
    if (!part.startsWith('\u001B')) columns += Array.from(part).length
  }
  return { svg, columns }
}

/** `printed` as an SVG document. */
export function picture(printed: string): string {
  const lines = printed
    .trimEnd()
    .split('\n')
    .map((line, row) => drawLine(line, PADDING + row * CELL_HEIGHT))
  const width = Math.max(...lines.map(({ columns }) => columns)) * CELL_WIDTH + 2 * PADDING
  const height = lines.length * CELL_HEIGHT + 2 * PADDING
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      `font-family="${FONTS}" font-size="13.3" shape-rendering="crispEdges">`,
    `<rect width="100%" height="100%" rx="8" fill="${PAPER}"/>`,
    ...lines.map(({ svg }) => svg).filter((svg) => svg !== ''),
    '</svg>\n',
  ].join('\n')
}

if (!process.stdin.isTTY && process.argv[2] === '-') process.stdout.write(picture(await text(process.stdin)))
