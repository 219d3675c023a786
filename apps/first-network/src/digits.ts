// Draws handwritten digits in the terminal: two pixels in a character cell, the upper one in the colour of a half block, the
// lower one as its background. Where there are no greys to choose from, ink is on or off.
import type { Terminal } from './terminal.ts'
import { padTo, paint, percent } from './terminal.ts'

export interface DrawnDigit {
  /** `[784]` bytes, 0 paper … 255 ink, 28 a row. */
  readonly pixels: Uint8Array
  readonly label: number
  readonly predicted: number
  /** Probability of the predicted class. */
  readonly confidence: number
}

const SIDE = 28
/** Digits are 20 × 20 pixels around the middle: two columns at each side and one row above and below are nearly always paper. */
const SIDE_MARGIN = 2
const TOP_MARGIN = 1
export const DIGIT_WIDTH: number = SIDE - 2 * SIDE_MARGIN
const GAP = 2
/** Plain drawing: bytes above this are ink. */
const INK = 96

/** How many digits fit side by side. */
export const digitsPerRow = ({ columns }: Terminal): number =>
  Math.max(1, Math.floor((columns + GAP) / (DIGIT_WIDTH + GAP)))

/** Lines of one image, {@link DIGIT_WIDTH} columns wide. */
export function drawPixels(pixels: Uint8Array, terminal: Terminal): string[] {
  const lines: string[] = []
  for (let y = TOP_MARGIN; y < SIDE - TOP_MARGIN; y += 2) {
    let line = ''
    for (let x = SIDE_MARGIN; x < SIDE - SIDE_MARGIN; x++)
      line += cell(pixels[y * SIDE + x]!, pixels[(y + 1) * SIDE + x]!, terminal)
    lines.push(terminal.depth < 8 ? line : `${line}\u001B[0m`)
  }
  return lines
}

function cell(upper: number, lower: number, { depth }: Terminal): string {
  if (depth === 24) return `\u001B[38;2;${rgb(upper)};48;2;${rgb(lower)}m▀`
  if (depth === 8) return `\u001B[38;5;${grey(upper)};48;5;${grey(lower)}m▀`
  return upper > INK ? (lower > INK ? '█' : '▀') : lower > INK ? '▄' : ' '
}

/** From a dark slate to a warm white. */
const rgb = (ink: number): string => [mix(22, 255, ink), mix(24, 250, ink), mix(32, 235, ink)].join(';')
const mix = (from: number, to: number, ink: number): number => Math.round(from + ((to - from) * ink) / 255)
/** The 24 greys of the 256-colour palette. */
const grey = (ink: number): number => 232 + Math.round((ink / 255) * 23)

/** Digits side by side with what the network says under each; wrong ones also tell what they are. */
export function drawDigits(digits: readonly DrawnDigit[], terminal: Terminal): string {
  const blocks: string[] = []
  const perRow = digitsPerRow(terminal)
  for (let start = 0; start < digits.length; start += perRow) {
    const row = digits.slice(start, start + perRow)
    const images = row.map((digit) => drawPixels(digit.pixels, terminal))
    const lines = images[0]!.map((_, y) =>
      images
        .map((image) => image[y])
        .join(' '.repeat(GAP))
        .trimEnd(),
    )
    const captions = row.map((digit) => padTo(caption(digit, terminal), DIGIT_WIDTH, 'center'))
    blocks.push([...lines, captions.join(' '.repeat(GAP)).trimEnd()].join('\n'))
  }
  return blocks.join('\n\n')
}

function caption({ label, predicted, confidence }: DrawnDigit, terminal: Terminal): string {
  const text = `${predicted}  ${percent(confidence, 1)}`
  return label === predicted
    ? paint(terminal, 'green', `✓ ${text}`)
    : paint(terminal, 'red', `✗ ${text}, is a ${label}`)
}
