// Digits in the terminal: which cell stands for which two pixels, at every depth of colour.
import { describe, expect, test } from 'vitest'
import { DIGIT_WIDTH, digitsPerRow, drawDigits, drawPixels } from '../src/digits.ts'
import { visibleLength } from '../src/terminal.ts'
import type { ColorDepth } from '../src/terminal.ts'

const image = (ink: readonly (readonly [x: number, y: number, value: number])[]): Uint8Array => {
  const pixels = new Uint8Array(784)
  for (const [x, y, value] of ink) pixels[y * 28 + x] = value
  return pixels
}
const lines = (depth: ColorDepth, ...ink: [number, number, number][]): string[] =>
  drawPixels(image(ink), { depth, columns: 80 })

describe('one image', () => {
  test.each([1, 4, 8, 24] as const)('is 24 columns and 13 lines at depth %d', (depth) => {
    const drawn = lines(depth)
    expect(drawn).toHaveLength(13)
    for (const line of drawn) expect(visibleLength(line)).toBe(DIGIT_WIDTH)
  })

  test.each([
    ['paper', [], ' '],
    ['ink above', [[2, 1, 255]], '▀'],
    ['ink below', [[2, 2, 255]], '▄'],
    [
      'ink in both',
      [
        [2, 1, 255],
        [2, 2, 200],
      ],
      '█',
    ],
    ['a trace of ink', [[2, 1, 40]], ' '],
  ] as [string, [number, number, number][], string][])('without colours: %s', (_, ink, expected) => {
    expect(lines(1, ...ink)[0]![0]).toBe(expected)
  })

  test('in 256 colours: the upper pixel in front, the lower one behind', () => {
    expect(lines(8, [2, 1, 255], [2, 2, 0])[0]).toMatch(/^\u001B\[38;5;255;48;5;232m▀/)
  })

  test('in all colours: from slate to white, reset at the end of the line', () => {
    const [first] = lines(24, [2, 1, 255], [2, 2, 0])
    expect(first).toMatch(/^\u001B\[38;2;255;250;235;48;2;22;24;32m▀/)
    expect(first!.endsWith('\u001B[0m')).toBe(true)
  })
})

describe('several', () => {
  const digit = (label: number, predicted: number): Parameters<typeof drawDigits>[0][number] => ({
    pixels: new Uint8Array(784),
    label,
    predicted,
    confidence: 0.9876,
  })

  test.each([
    [20, 1],
    [80, 3],
    [120, 4],
    [200, 7],
  ])('%d columns hold %d digits a row', (columns, count) => {
    expect(digitsPerRow({ depth: 1, columns })).toBe(count)
    const text = drawDigits(
      Array.from({ length: 7 }, () => digit(3, 3)),
      { depth: 24, columns },
    )
    for (const line of text.split('\n'))
      expect(visibleLength(line)).toBeLessThanOrEqual(Math.max(columns, DIGIT_WIDTH))
    expect(text.split('✓')).toHaveLength(8)
  })

  test('captions tell prediction and confidence, and the truth where it differs', () => {
    const text = drawDigits([digit(7, 7), digit(4, 9)], { depth: 1, columns: 80 })
    expect(text).toContain('✓ 7  98.8 %')
    expect(text).toContain('✗ 9  98.8 %, is a 4')
    expect(text).not.toContain('\u001B')
  })
})
