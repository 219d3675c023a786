// Code of scatter-add: the output starts as the operand (or zeros), then every update is added in order, so repeated
// indices accumulate and the result does not depend on timing. Indices out of range are dropped.
import { bytesOf } from '@dl/tensor/backend'
import type { ScatterKernel } from '@dl/tensor/backend'
import { I32, OP } from '../assembler/opcodes.ts'
import { loadContiguous, storeContiguous } from './access.ts'
import type { Environment } from './environment.ts'
import { ExpressionEmitter } from './expressions.ts'
import { emitFill } from './fill.ts'
import { combine } from './reduction.ts'
import type { EmittedKernel } from './row.ts'

export function emitScatter(env: Environment, name: string, kernel: ScatterKernel): EmittedKernel {
  const { dtype, outer, limit, count, inner, operand } = kernel
  const buffers = [kernel.out, kernel.indices, kernel.updates, ...(operand === null ? [] : [operand])]
  const f = env.module.function(
    name,
    buffers.map(() => I32),
  )
  const [out, indices, updates, source] = [0, 1, 2, 3]
  const x = new ExpressionEmitter(env, f, { exprs: [], deps: [], lane: 0 }, [], new Map())
  const bytes = bytesOf(dtype)
  const rowBytes = inner * bytes
  const total = outer * limit * rowBytes
  if (operand === null) emitFill(env, f, out, dtype, outer * limit * inner, dtype === 'int64' ? 0n : 0)
  else if (total > 0) f.get(out).get(source).i32(total).memoryCopy()
  if (outer === 0 || count === 0 || inner === 0 || limit === 0) return { fn: f, buffers }

  const [o, j, index, from, to, i] = Array.from({ length: 6 }, () => f.permanent(I32)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
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
  const whole = inner - (inner % 4)
  f.i32(0).set(o)
  f.forConstant(o, outer, 1, () => {
    f.i32(0).set(j)
    f.forConstant(j, count, 1, () => {
      f.get(indices).get(j).scale(4).add().memory(OP.i32Load).set(index)
      f.get(index).i32(limit).op(OP.i32LtU)
      f.if(() => {
        f.get(updates).get(o).i32(count).mul().get(j).add().i32(rowBytes).mul().add().set(from)
        f.get(out).get(o).i32(limit).mul().get(index).add().i32(rowBytes).mul().add().set(to)
        if (whole > 0) {
          f.i32(0).set(i)
          f.forConstant(i, whole, 4, () => add(4))
        }
        if (inner > whole) add(inner - whole)
      })
    })
  })
  return { fn: f, buffers }
}
