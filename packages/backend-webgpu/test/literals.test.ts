// Constants keep every bit on their way into WGSL text, and grids number every workgroup within WebGPU's limits.
import { describe, expect, it } from 'vitest'
import { Library } from '../src/wgsl/library.ts'
import { blockIndex, grid } from '../src/wgsl/module.ts'
import { float32Literal, int32Literal, literal } from '../src/wgsl/values.ts'

/** What a WGSL compiler reads: decimal and hexadecimal floats, and bits made into a float at run time. */
function valueOf(text: string): number {
  const plain = text.replaceAll(/[()]/g, '')
  const bits = /^from_bits0x(?<hex>[0-9a-f]{8})u$/.exec(plain)?.groups?.['hex']
  if (bits !== undefined) return new Float32Array(Uint32Array.of(Number.parseInt(bits, 16)).buffer)[0]!
  const hex = /^(?<sign>-?)0x1(?:\.(?<fraction>[0-9a-f]+))?p(?<exponent>[+-]\d+)f$/.exec(plain)?.groups
  if (!hex) return Number(plain.replace(/f$/, ''))
  const fraction = hex['fraction'] ?? ''
  const mantissa = 1 + (fraction ? Number.parseInt(fraction, 16) / 16 ** fraction.length : 0)
  return (hex['sign'] ? -1 : 1) * mantissa * 2 ** Number(hex['exponent'])
}

describe('float32 literals', () => {
  const library = new Library()
  it.each([
    0,
    -0,
    1,
    -1,
    0.1,
    -0.1,
    1e7,
    16777217,
    1e-45,
    -1e-40,
    2 ** -126,
    3.4028234663852886e38,
    -3.4028234663852886e38,
    Infinity,
    -Infinity,
    Number.NaN,
    Math.PI,
  ])('%s keeps its bits', (x) => expect(valueOf(float32Literal(x, library))).toBe(Math.fround(x)))
  it('keep the bits of ten thousand random floats', () => {
    const word = new Uint32Array(1)
    const float = new Float32Array(word.buffer)
    let bits = 1
    for (let i = 0; i < 10_000; i++) {
      bits = (Math.imul(bits, 1664525) + 1013904223) >>> 0
      word[0] = bits
      const x = float[0]!
      expect(valueOf(float32Literal(x, library))).toBe(x)
    }
  })
  it('ask for from_bits only where a constant would be refused', () => {
    const asked = new Library()
    float32Literal(0.3, asked)
    expect(asked.definitions()).toEqual([])
    float32Literal(Infinity, asked)
    expect(asked.definitions()).toHaveLength(1)
  })
})

describe('other literals', () => {
  const library = new Library()
  it.each([
    [int32Literal(-2147483648), 'i32(-2147483648)'],
    [int32Literal(-5), '(-5i)'],
    [int32Literal(2147483647), '2147483647i'],
    [literal(255, 'uint8', library), '255u'],
    [literal(1, 'bool', library), 'true'],
    [literal(7n, 'int32', library), '7i'],
  ])('%s', (text, expected) => expect(text).toBe(expected))
})

describe('grids', () => {
  it.each([1, 2, 65535, 65536, 65537, 131071, 1_000_003, 2 ** 28])(
    '%i workgroups fit, none is left out',
    (blocks) => {
      const [x, y, z] = grid(blocks)
      expect(Math.max(x, y)).toBeLessThanOrEqual(65535)
      expect(z).toBe(1)
      expect(x * y).toBeGreaterThanOrEqual(blocks)
      expect(x * (y - 1)).toBeLessThan(blocks)
      expect(blockIndex(blocks).some((line) => line.includes('return'))).toBe(x * y > blocks)
    },
  )
})
