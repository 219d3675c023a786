// Scatter-add kernels. One thread owns one (outer, inner) column and adds its updates in their order, so sums are the same
// in every run and no float atomics (which WGSL lacks) are needed.
import type { Program, RowKernel, ScatterKernel } from '@dl/tensor/backend'
import { requireDType } from '../errors.ts'
import { Bindings } from './bindings.ts'
import { fillKernel } from './fill.ts'
import { functionCode } from './functions.ts'
import { Library } from './library.ts'
import { blockIndex, grid, moduleText, type WgslKernel } from './module.ts'
import { rowKernel } from './row.ts'
import type { ShaderDType } from './values.ts'

const THREADS = 64

/** Up to two dispatches: the start value (zeros or the operand, unless that is updated in place), then the additions. */
export function scatterKernels(program: Program, kernel: ScatterKernel, number: number): WgslKernel[] {
  requireDType('scatter', kernel.dtype, kernel.name)
  return [startKernel(program, kernel, number), additionKernel(program, kernel, number)].filter(
    (k) => k !== null,
  )
}

function startKernel(program: Program, kernel: ScatterKernel, number: number): WgslKernel | null {
  const { operand, out, name } = kernel
  if (operand === null) return fillKernel(program, name, out, 0, number)
  const bindings = new Bindings(program, name, [operand], [out], false)
  if (bindings.same(operand, out)) return null
  const copy: RowKernel = {
    kind: 'row',
    name: `${name}.copy`,
    sizes: [kernel.outer * kernel.limit * kernel.inner],
    outer: 1,
    exprs: [{ op: 'load', buffer: operand, addr: [0, 1], dtype: kernel.dtype, inner: false, phase: 0 }],
    stores: [{ buffer: out, expr: 0, addr: [0, 1] }],
  }
  return rowKernel(program, copy, number)
}

function additionKernel(program: Program, kernel: ScatterKernel, number: number): WgslKernel | null {
  const { outer, limit, count, inner, out, name } = kernel
  const columns = outer * inner
  const blocks = Math.ceil(columns / THREADS)
  if (blocks === 0 || count === 0) return null
  const library = new Library()
  const bindings = new Bindings(program, name, [kernel.indices, kernel.updates, out], [out], false)
  // true + true is true, as toElement('bool', 2) is
  const fn = kernel.dtype === 'bool' ? 'or' : 'add'
  const sum = functionCode(fn, kernel.dtype as ShaderDType, [bindings.load(out, 'at'), 'update'], library)!
  const body = [
    ...blockIndex(blocks),
    `let column = block * ${THREADS}u + thread;`,
    ...(columns % THREADS ? [`if (column >= ${columns}u) { return; }`] : []),
    `let o = i32(column / ${inner}u);`,
    `let i = i32(column % ${inner}u);`,
    `for (var j = 0; j < ${count}; j++) {`,
    `let row = ${bindings.load(kernel.indices, 'j')};`,
    `if (row >= 0 && row < ${limit}) {`,
    `let at = (o * ${limit} + row) * ${inner} + i;`,
    `let update = ${bindings.load(kernel.updates, `(o * ${count} + j) * ${inner} + i`)};`,
    bindings.store(out, 'at', sum),
    '}',
    '}',
  ]
  const title = `${name}: add ${outer} × ${count} × ${inner} into ${limit} rows`
  const code = moduleText({ title, bindings, library, workgroupSize: THREADS, body })
  return { name, kernel: number, code, bindings: bindings.list(), workgroups: grid(blocks) }
}
