// Sets whole buffers to one element before a kernel stores into them (pad, dilation, zero-sized reductions).
import { allocate, bytesOf } from '@dl/tensor/backend'
import type { DType, Element, Store } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP } from '../assembler/opcodes.ts'
import { fillCost } from '../threads/cost.ts'
import { storeContiguous } from './access.ts'
import type { Environment } from './environment.ts'
import { ExpressionEmitter } from './expressions.ts'

/** Elements in a unit of a fill that threads share. */
const unitOf = (env: Environment): number => (env.finestUnits ? 16 : 16_384)

/** Fills each buffer that has a store with `fill`; `pointers` are locals of `f`. */
export function emitFills(
  env: Environment,
  f: FunctionWriter,
  stores: readonly Store[],
  pointers: ReadonlyMap<number, number>,
): void {
  const done = new Set<number>()
  for (const { buffer, fill } of stores) {
    if (fill === undefined || done.has(buffer)) continue
    done.add(buffer)
    const { dtype, size } = env.buffers[buffer]!
    emitFill(env, f, pointers.get(buffer)!, dtype, size, fill)
  }
}

/** Fills `size` elements at the pointer in local `pointer`. */
export function emitFill(
  env: Environment,
  f: FunctionWriter,
  pointer: number,
  dtype: DType,
  size: number,
  value: Element,
): void {
  if (size === 0) return
  const units = Math.ceil(size / unitOf(env))
  const name = Object.is(value, -0) ? '-0' : String(value)
  const body = env.module.shared(`fill${dtype}${name}/${size}`, () => fillFunction(env, dtype, size, value))
  env.parallel(f, { body, args: [pointer], units, cost: fillCost((size * bytesOf(dtype)) / units) })
}

/** The function fill(pointer, from, to) over units of a buffer of `size` elements. */
function fillFunction(env: Environment, dtype: DType, size: number, value: Element): FunctionWriter {
  const f = env.module.function('', [I32, I32, I32])
  const [pointer, from, to] = [0, 1, 2]
  const bytes = bytesOf(dtype)
  const end = f.permanent()
  f.get(from).i32(unitOf(env)).mul().set(from)
  f.get(to).i32(unitOf(env)).mul().set(end)
  f.atMost(end, size)
  const one = allocate(dtype, 1)
  one[0] = dtype === 'int64' ? BigInt(value) : dtype === 'bool' ? Number(Boolean(value)) : Number(value)
  const pattern = new Uint8Array(one.buffer)
  f.get(pointer).get(from).scale(bytes).add().set(pointer)
  if (pattern.every((b) => b === pattern[0])) {
    f.get(pointer).i32(pattern[0]!).get(end).get(from).sub().scale(bytes).memoryFill()
    return f
  }
  const x = new ExpressionEmitter(env, f, { exprs: [], deps: [], lane: 0 }, [], new Map())
  const vector = x.literal(dtype, value)
  const push = (): void => void f.get(pointer)
  const whole = f.permanent()
  f.get(end).i32(3).sub().set(whole)
  f.get(from)
  f.forUntil(from, whole, 4, () => {
    storeContiguous(x.e, dtype, 4, push, 0, vector)
    f.increase(pointer, 4 * bytes)
  })
  if (size % 4 > 0)
    f.get(from)
      .get(end)
      .op(OP.i32LtS)
      .if(() => storeContiguous(x.e, dtype, size % 4, push, 0, vector))
  return f
}
