// How elements look inside a shader: the WGSL type of a dtype, exact literals, conversions between dtypes.
import type { Element } from '@dl/tensor/backend'
import type { Library } from './library.ts'

/** Dtypes that a shader can hold. */
export type ShaderDType = 'float32' | 'int32' | 'uint8' | 'bool'

/** Type of a value in a register. uint8 is a u32 that always lies in 0 … 255. */
export const VALUE_TYPE: { readonly [D in ShaderDType]: 'f32' | 'i32' | 'u32' | 'bool' } = {
  float32: 'f32',
  int32: 'i32',
  uint8: 'u32',
  bool: 'bool',
}

const float32 = new Float32Array(1)
const bits32 = new Uint32Array(float32.buffer)

/** The 32 bits of `value` as float32. */
export function float32Bits(value: number): number {
  float32[0] = value
  return bits32[0]!
}
const hex = (bits: number): string => `0x${bits.toString(16).padStart(8, '0')}u`

/**
 * A float32 literal with exactly the bits of `value`. WGSL refuses NaN and infinity as constants and may lose the sign of
 * zero when it folds, so these three are made from their bits at run time.
 */
export function float32Literal(value: number, library: Library): string {
  const x = Math.fround(value)
  if (!Number.isFinite(x) || Object.is(x, -0)) return `${library.use('from_bits')}(${hex(float32Bits(x))})`
  if (Number.isInteger(x) && Math.abs(x) < 1e7) return x < 0 ? `(${x}.0f)` : `${x}.0f`
  const text = hexFloat(Math.abs(x))
  return x < 0 ? `(-${text})` : text
}

/** Hexadecimal floats are exact by specification; decimal ones leave rounding to the compiler. */
function hexFloat(x: number): string {
  const bits = float32Bits(x)
  let exponent = (bits >>> 23) - 127
  let mantissa = bits & 0x7fffff
  if (exponent === -127) {
    // subnormal: shift the first 1 bit out in front of the point
    const zeros = Math.clz32(mantissa) - 8
    mantissa = (mantissa << zeros) & 0x7fffff
    exponent = -126 - zeros
  }
  const fraction = (mantissa << 1).toString(16).padStart(6, '0').replace(/0+$/, '')
  return `0x1${fraction ? `.${fraction}` : ''}p${exponent < 0 ? '' : '+'}${exponent}f`
}

export const int32Literal = (x: number): string =>
  x === -2147483648 ? 'i32(-2147483648)' : x < 0 ? `(${x}i)` : `${x}i`

/** `value` as a WGSL expression of dtype `dtype`. */
export function literal(value: Element, dtype: ShaderDType, library: Library): string {
  switch (dtype) {
    case 'float32':
      return float32Literal(Number(value), library)
    case 'int32':
      return int32Literal(Number(value))
    case 'uint8':
      return `${Number(value)}u`
    case 'bool':
      return value ? 'true' : 'false'
  }
}

/** `cast`: float → int truncates and clamps with NaN → 0, uint8 wraps, anything → bool is "not zero". */
export function convert(x: string, from: ShaderDType, to: ShaderDType, library: Library): string {
  if (from === to) return x
  switch (to) {
    case 'float32':
      return from === 'bool' ? `select(0.0f, 1.0f, ${x})` : `f32(${x})`
    case 'int32':
      if (from === 'bool') return `select(0i, 1i, ${x})`
      return from === 'float32' ? `${library.use('i32_from_f32')}(${x})` : `i32(${x})`
    case 'uint8':
      if (from === 'bool') return `select(0u, 1u, ${x})`
      return `(bitcast<u32>(${from === 'float32' ? convert(x, 'float32', 'int32', library) : x}) & 255u)`
    case 'bool':
      // by bits: a device that flushes subnormals still calls them "not zero"
      if (from === 'float32') return `((bitcast<u32>(${x}) << 1u) != 0u)`
      return from === 'int32' ? `(${x} != 0i)` : `(${x} != 0u)`
  }
}

/** `x` of dtype `dtype` as the 32 bits that travel through a `u32` word. */
export function toWord(x: string, dtype: ShaderDType): string {
  switch (dtype) {
    case 'float32':
    case 'int32':
      return `bitcast<u32>(${x})`
    case 'uint8':
      return x
    case 'bool':
      return `select(0u, 1u, ${x})`
  }
}

/** The value of dtype `dtype` whose bits are the `u32` expression `word`. */
export function fromWord(word: string, dtype: ShaderDType): string {
  switch (dtype) {
    case 'float32':
      return `bitcast<f32>(${word})`
    case 'int32':
      return `bitcast<i32>(${word})`
    case 'uint8':
      return `(${word} & 255u)`
    case 'bool':
      return `(${word} != 0u)`
  }
}
