// Sets whole buffers to one element before a kernel stores into them (pad, dilation, zero-sized reductions).
import { allocate, bytesOf } from '@dl/tensor/backend'
import type { DType, Element } from '@dl/tensor/backend'
import { storeContiguous } from './access.ts'
import type { ExpressionEmitter } from './expressions.ts'

/** Fills `size` elements at the pointer in local `pointer`. */
export function emitFill(
  x: ExpressionEmitter,
  pointer: number,
  dtype: DType,
  size: number,
  value: Element,
): void {
  const f = x.f
  const bytes = bytesOf(dtype)
  const one = allocate(dtype, 1)
  one[0] = dtype === 'int64' ? BigInt(value) : dtype === 'bool' ? Number(Boolean(value)) : Number(value)
  const pattern = new Uint8Array(one.buffer)
  if (size === 0) return
  if (pattern.every((b) => b === pattern[0])) {
    f.get(pointer)
      .i32(pattern[0]!)
      .i32(size * bytes)
      .memoryFill()
    return
  }
  const vector = x.literal(dtype, value)
  const [at, count] = [f.local(), f.local()]
  f.get(pointer).set(at)
  const whole = size - (size % 4)
  const push = (): void => void f.get(at)
  if (whole > 0) {
    f.i32(0).set(count)
    f.forConstant(count, whole, 4, () => {
      storeContiguous(x.e, dtype, 4, push, 0, vector)
      f.increase(at, 4 * bytes)
    })
  }
  if (size > whole) storeContiguous(x.e, dtype, size - whole, push, 0, vector)
}
