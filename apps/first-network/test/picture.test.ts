// The picture of a terminal: letters, colours, half blocks.
import { expect, test } from 'vitest'
import { picture } from '../src/picture.ts'

test.each([
  ['letters', 'a < b & c', ['<text x="16" y="28" fill="#d8dee9" textLength="72">a &lt; b &amp; c</text>']],
  [
    'a colour and back',
    '\u001B[32mok\u001B[39m no',
    ['fill="#69db7c" textLength="16">ok<', 'fill="#d8dee9" textLength="24"> no<'],
  ],
  ['bold and dim', '\u001B[1mB\u001B[22m \u001B[2mD\u001B[22m', ['font-weight="bold"', 'opacity="0.55"']],
  ['the second line', 'a\nb', ['y="44"']],
  [
    'a half block of two colours, the lower one paper',
    '\u001B[38;2;255;0;16;48;2;22;24;32m▀\u001B[0m',
    ['<path fill="#ff0010" d="M16 16h8v8h-8z"/>'],
  ],
  [
    'a lower half and a whole block',
    '▄█',
    ['d="M16 24h8v8h-8z"', 'd="M24 16h8v8h-8z"', 'd="M24 24h8v8h-8z"'],
  ],
])('%s', (_, printed, pieces) => {
  const svg = picture(printed).replaceAll('\u00A0', ' ')
  for (const piece of pieces) expect(svg).toContain(piece)
  expect(svg.match(/<path /g)?.length ?? 0).toBe(pieces.filter((piece) => piece.includes('d="M')).length)
})

test('the size follows the longest line and the number of lines', () => {
  expect(picture('abc\nabcdef\n')).toContain('viewBox="0 0 80 64"')
})
