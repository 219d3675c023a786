// Code of scatter-add: the output starts as the operand (or zeros), then every update is added in order, so repeated
// indices accumulate and the result does not depend on timing. Indices out of range are dropped. Threads take columns:
// each of them sees all updates of its columns, in the same order.
import { bytesOf } from '@dl/tensor/backend'
import type { ScatterKernel } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP } from '../assembler/opcodes.ts'
import { fillCost } from '../threads/cost.ts'
import { loadContiguous, storeContiguous } from './access.ts'
import type { Environment } from './environment.ts'
import { ExpressionEmitter } from './expressions.ts'
import { emitFill } from './fill.ts'
import { combine } from './reduction.ts'
import type { EmittedKernel } from './row.ts'

/** Wanted units, least columns in one, and bytes of a unit of the copy. */
const [MOST_UNITS, LEAST_COLUMNS, COPY_BYTES] = [64, 16, 65_536]
/** Nanoseconds that an update takes besides its bytes. */
const UPDATE = 4

export function emitScatter(env: Environment, name: string, kernel: ScatterKernel): EmittedKernel {
  const { dtype, outer, limit, count, inner, operand } = kernel
  const buffers = [kernel.out, kernel.indices, kernel.updates, ...(operand === null ? [] : [operand])]
  const f = env.module.function(
    name,
    buffers.map(() => I32),
  )
  const [out, indices, updates, source] = [0, 1, 2, 3]
  const size = outer * limit * inner
  if (operand === null) emitFill(env, f, out, dtype, size, dtype === 'int64' ? 0n : 0)
  else if (size > 0) emitCopy(env, f, source, out, size * bytesOf(dtype))
  if (size === 0 || count === 0) return { fn: f, buffers }
  const least = env.finestUnits ? 4 : LEAST_COLUMNS
  const columns = Math.max(least, Math.ceil(inner / Math.ceil(MOST_UNITS / outer) / least) * least)
  const units = outer * Math.ceil(inner / columns)
  const cost = count * (UPDATE + 3 * fillCost(Math.min(columns, inner) * bytesOf(dtype)))
  const body = env.module.function('', [I32, I32, I32, I32, I32])
  emitColumns(env, body, kernel, columns)
  env.parallel(f, { body, args: [out, indices, updates], units, cost })
  return { fn: f, buffers }
}

/** Copies a whole buffer. */
function emitCopy(env: Environment, f: FunctionWriter, source: number, target: number, bytes: number): void {
  const block = env.finestUnits ? 64 : COPY_BYTES
  const units = Math.ceil(bytes / block)
  const body = env.module.shared(`copy${bytes}`, () => {
    const g = env.module.function('', [I32, I32, I32, I32])
    const [from, to, first, last] = [0, 1, 2, 3]
    const end = g.permanent()
    g.get(first).i32(block).mul().set(first)
    g.get(last).i32(block).mul().set(end)
    g.atMost(end, bytes)
    g.get(to).get(first).add().get(from).get(first).add().get(end).get(first).sub().memoryCopy()
    return g
  })
  env.parallel(f, { body, args: [source, target], units, cost: 2 * fillCost(bytes / units) })
}

/** The function add(out, indices, updates, from, to): blocks of so many columns of all updates. */
function emitColumns(
  env: Environment,
  f: FunctionWriter,
  { dtype, limit, count, inner }: ScatterKernel,
  columns: number,
): void {
  const [out, indices, updates, first, last] = [0, 1, 2, 3, 4]
  const x = new ExpressionEmitter(env, f, { exprs: [], deps: [], lane: 0 }, [], new Map())
  const bytes = bytesOf(dtype)
  const blocks = Math.ceil(inner / columns)
  const [unit, o, column, end, whole] = [
    f.permanent(),
    f.permanent(),
    f.permanent(),
    f.permanent(),
    f.permanent(),
  ]
  const [j, index, from, to, i] = [f.permanent(), f.permanent(), f.permanent(), f.permanent(), f.permanent()]
  const add = (lanes: number): void => {
    const mark = f.mark()
    const sum = combine(
      x.e,
      'sum',
      dtype,
      loadContiguous(x.e, dtype, () => (f.get(to), 0)),
      loadContiguous(x.e, dtype, () => (f.get(from), 0)),
    )
    storeContiguous(x.e, dtype, lanes, () => void f.get(to), 0, sum)
    f.increase(to, lanes * bytes).increase(from, lanes * bytes)
    f.release(mark)
  }
  /** Address of a row of updates or of the output, at the first column of the unit. */
  const row = (buffer: number, rows: number, local: number): FunctionWriter =>
    f
      .get(buffer)
      .get(o)
      .i32(rows)
      .mul()
      .get(local)
      .add()
      .i32(inner)
      .mul()
      .get(column)
      .add()
      .scale(bytes)
      .add()
  f.get(first)
  f.forUntil(unit, last, 1, () => {
    f.get(unit).i32(blocks).op(OP.i32DivU).set(o)
    f.get(unit).i32(blocks).op(OP.i32RemU).i32(columns).mul().set(column)
    f.get(column).plus(columns).set(end)
    f.atMost(end, inner)
    f.get(end).i32(3).sub().set(whole)
    f.i32(0).set(j)
    f.forConstant(j, count, 1, () => {
      f.get(indices).get(j).scale(4).add().memory(OP.i32Load).set(index)
      f.get(index).i32(limit).op(OP.i32LtU)
      f.if(() => {
        row(updates, count, j).set(from)
        row(out, limit, index).set(to)
        f.get(column)
        f.forUntil(i, whole, 4, () => add(4))
        if (inner % 4 > 0)
          f.get(i)
            .get(end)
            .op(OP.i32LtS)
            .if(() => add(inner % 4))
      })
    })
  })
}
