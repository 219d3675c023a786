// Contract kernels: a product through tiles in workgroup memory, `rows × columns` sums a thread in registers, masked edges
// (any M, N, K), operands read along whichever axis is contiguous (so AᵀB and ABᵀ cost what AB costs), and an epilogue that
// may load, compute and store any number of outputs.
import type { Bound, ContractKernel, Operand, Program } from '@dl/tensor/backend'
import { requireDType } from '../errors.ts'
import { affineText, axisOffset, fastestStride, sumText } from './affine.ts'
import { Bindings } from './bindings.ts'
import { requireDTypes, Scope, writeExpression } from './expressions.ts'
import { Library } from './library.ts'
import { blockIndex, grid, moduleText, type WgslKernel } from './module.ts'
import { K_TILE, SIDE, tileShape } from './tile-shape.ts'
import { type ShaderDType, VALUE_TYPE } from './values.ts'

const THREADS = SIDE * SIDE

/** The tiles of one kernel: block of a thread, extent of a tile, how many tiles lie beside and below each other. */
interface Tiling {
  readonly rows: number
  readonly columns: number
  readonly tileM: number
  readonly tileN: number
  readonly across: number
  readonly down: number
  readonly blocks: number
}

function tilingOf({ batch, m, n }: ContractKernel): Tiling {
  const { rows, columns } = tileShape(batch, m, n)
  const [tileM, tileN] = [SIDE * rows, SIDE * columns]
  const [across, down] = [Math.ceil(n / tileN), Math.ceil(m / tileM)]
  return { rows, columns, tileM, tileN, across, down, blocks: batch * across * down }
}

export function contractKernel(program: Program, kernel: ContractKernel, number: number): WgslKernel | null {
  requireDTypes(kernel.name, kernel.exprs)
  requireDType('dot', kernel.dtype, kernel.name)
  const tiling = tilingOf(kernel)
  if (tiling.blocks === 0) return null
  const library = new Library()
  const bindings = bindingsOf(program, kernel)
  const type = VALUE_TYPE[kernel.dtype as ShaderDType]
  const functions = epilogueText(kernel, bindings, library)
  const code = moduleText({
    title: `${kernel.name}: ${kernel.batch} × ${kernel.m} × ${kernel.n} × ${kernel.k}`,
    bindings,
    library,
    globals: [
      `var<workgroup> left: array<${type}, ${K_TILE * (tiling.tileM + 1)}>;`,
      `var<workgroup> right: array<${type}, ${K_TILE * (tiling.tileN + 1)}>;`,
    ],
    functions,
    workgroupSize: THREADS,
    body: productText(kernel, tiling, bindings),
  })
  return {
    name: kernel.name,
    kernel: number,
    code,
    bindings: bindings.list(),
    workgroups: grid(tiling.blocks),
  }
}

/** The body of `main`: slices of K through workgroup memory into sums in registers, then the epilogue of each sum. */
function productText(kernel: ContractKernel, tiling: Tiling, bindings: Bindings): string[] {
  const { rows, columns, tileM, tileN, across, down, blocks } = tiling
  const left = tileLoad('left', kernel.a, tileM, kernel.m, kernel.k, bindings)
  const right = tileLoad('right', kernel.b, tileN, kernel.n, kernel.k, bindings)
  const cells = range(rows * columns).map((c) => [Math.floor(c / columns), c % columns] as const)
  const zero = kernel.dtype === 'float32' ? '0.0f' : '0i'
  return [
    ...blockIndex(blocks),
    `let batch = i32(block / ${across * down}u);`,
    `let m0 = i32(block / ${across}u % ${down}u) * ${tileM};`,
    `let n0 = i32(block % ${across}u) * ${tileN};`,
    `let x = thread % ${SIDE}u;`,
    `let y = thread / ${SIDE}u;`,
    ...left.before,
    ...right.before,
    ...cells.map(([i, j]) => `var sum_${i}_${j} = ${zero};`),
    `for (var k0 = 0; k0 < ${kernel.k}; k0 += ${K_TILE}) {`,
    ...left.inside,
    ...right.inside,
    'workgroupBarrier();',
    `for (var kk = 0u; kk < ${K_TILE}u; kk++) {`,
    ...range(rows).map((i) => `let p${i} = left[kk * ${tileM + 1}u + ${sumText('y', unsigned(i * SIDE))}];`),
    ...range(columns).map(
      (j) => `let q${j} = right[kk * ${tileN + 1}u + ${sumText('x', unsigned(j * SIDE))}];`,
    ),
    ...cells.map(([i, j]) => `sum_${i}_${j} += p${i} * q${j};`),
    '}',
    'workgroupBarrier();',
    '}',
    ...cells.map(([i, j]) => {
      const at = `${sumText('m0', 'i32(y)', i * SIDE)}, ${sumText('n0', 'i32(x)', j * SIDE)}`
      return `epilogue(batch, ${at}, sum_${i}_${j});`
    }),
  ]
}
const unsigned = (n: number): string | number => (n === 0 ? 0 : `${n}u`)
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

function bindingsOf(program: Program, kernel: ContractKernel): Bindings {
  const loads = kernel.exprs.flatMap((e) => (e.op === 'load' ? [e.buffer] : []))
  return new Bindings(
    program,
    kernel.name,
    [kernel.a.buffer, kernel.b.buffer, ...loads],
    kernel.stores.map((s) => s.buffer),
    kernel.exprs.some((e) => e.op === 'scalar'),
  )
}

/** What happens to one finished sum: the kernel's expressions and stores, for positions inside the result. */
function epilogueText(kernel: ContractKernel, bindings: Bindings, library: Library): string[] {
  const loops = ['batch', 'm', 'n']
  const scope = new Scope()
  kernel.exprs.forEach((e, i) => {
    if (e.op === 'acc') scope.bind(i, 'sum')
  })
  const cx = { kernel: kernel.name, exprs: kernel.exprs, loops, bindings, library }
  const stores = kernel.stores.map((s) => {
    const value = writeExpression(cx, s.expr, scope)
    return bindings.store(s.buffer, affineText(s.addr, loops), value)
  })
  return [
    `fn epilogue(batch: i32, m: i32, n: i32, sum: ${VALUE_TYPE[kernel.dtype as ShaderDType]}) {`,
    `if (m >= ${kernel.m} || n >= ${kernel.n}) { return; }`,
    ...scope.lines,
    ...stores,
    '}',
  ]
}

/** The test that a coordinate lies inside: below 0 it wraps to a large unsigned number. */
function insideText({ rows, ks }: Operand, bound: Bound, row: string, term: string): string {
  const alongRows = axisOffset({ sizes: rows.sizes, strides: bound.rows }, row)
  const alongTerms = axisOffset({ sizes: ks.sizes, strides: bound.ks }, term)
  return `u32(${sumText(bound.base, alongRows, alongTerms)}) < ${bound.limit}u`
}

interface TileLoad {
  /** Once a thread: its rows, whether they exist, their offsets. */
  readonly before: readonly string[]
  /** Once a tile of K: the elements, 0 outside. */
  readonly inside: readonly string[]
}

/**
 * Fills a tile `[K_TILE][extent + 1]` (one word of padding against bank conflicts). Neighbouring threads take neighbours
 * along K when K is contiguous in memory, else along the other axis.
 */
function tileLoad(
  name: 'left' | 'right',
  operand: Operand,
  tile: number,
  extent: number,
  k: number,
  bindings: Bindings,
): TileLoad {
  const alongK = Math.abs(fastestStride(operand.ks)) === 1 && Math.abs(fastestStride(operand.rows)) !== 1
  const origin = name === 'left' ? 'm0' : 'n0'
  const p = name === 'left' ? 'l' : 'r'
  const before = [`let ${p}_base = ${sumText(operand.base, axisOffset(operand.batch, 'batch'))};`]
  const inside: string[] = []
  const ragged = extent % tile !== 0
  for (let t = 0; t < (tile * K_TILE) / THREADS; t++) {
    const at = t === 0 ? 'thread' : `(thread + ${t * THREADS}u)`
    const row = `${p}_row${t}`
    const kk = `${p}_k${t}`
    before.push(
      `let ${row} = i32(${alongK ? `${at} / ${K_TILE}u` : `${at} % ${tile}u`});`,
      `let ${kk} = i32(${alongK ? `${at} % ${K_TILE}u` : `${at} / ${tile}u`});`,
      `let ${p}_m${t} = ${origin} + ${row};`,
      `let ${p}_at${t} = ${sumText(`${p}_base`, axisOffset(operand.rows, `${p}_m${t}`))};`,
    )
    const step = `${p}_s${t}`
    const conditions = [
      ...(ragged ? [`${p}_m${t} < ${extent}`] : []),
      ...(k % K_TILE ? [`${kk} + k0 < ${k}`] : []),
      ...(operand.bounds ?? []).map((bound) => insideText(operand, bound, `${p}_m${t}`, step)),
    ]
    const place = `${name}[${kk} * ${tile + 1} + ${row}]`
    const value = bindings.load(operand.buffer, sumText(`${p}_at${t}`, axisOffset(operand.ks, step)))
    inside.push(`let ${step} = k0 + ${kk};`)
    if (!conditions.length) inside.push(`${place} = ${value};`)
    else inside.push(`${place} = 0;`, `if (${conditions.join(' && ')}) {`, `${place} = ${value};`, '}')
  }
  return { before, inside }
}
