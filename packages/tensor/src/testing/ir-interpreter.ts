// The kernel language as an executable specification: runs programs as plain loops. The compiler is tested on it without any
// code generator, and a code generator can compare its kernels with it one by one. Slow on purpose.
import type { Capabilities, Executable, KernelBackend, PhysicalMemory, Pointer } from '../backend/contract.ts'
import type {
  Affine,
  ContractKernel,
  Expr,
  Kernel,
  LoopKernel,
  Operand,
  Program,
  RowKernel,
  ScatterKernel,
  Store,
} from '../backend/ir.ts'
import {
  bytesOf,
  DTYPE_NAMES,
  type DType,
  DTYPES,
  type Element,
  isFloat,
  toElement,
  type TypedArray,
} from '../graph/dtype.ts'
import type { ReduceKind } from '../graph/node.ts'
import { axisOffset } from './axis-offset.ts'
import { runAttention, runAttentionGrad } from './ir-attention.ts'
import { evaluateScalar, type ScalarName } from '../graph/scalar-table.ts'
import { runCumulate, runSort } from './interpret-lines.ts'

type Elements = { [index: number]: Element; readonly length: number }

const ALL_DTYPES: ReadonlySet<DType> = new Set(DTYPE_NAMES)

/** What an interpreting backend says it can do; limits are generous so that tests see what fusion alone decides. */
export const INTERPRETER_CAPABILITIES: Capabilities = {
  dtypes: ALL_DTYPES,
  contractDtypes: new Set<DType>(['float32', 'float64']),
  maxBuffers: 0,
  maxExprs: 512,
  composites: new Set(['attention', 'attentionGrad'] as const),
  loops: true,
}

/** A kernel backend that interprets. `programs` lists what it was given to compile, newest last. */
export interface InterpretingBackend extends KernelBackend {
  readonly programs: Program[]
}

/** A view of `length` elements, at least as long as the bytes allow. */
function viewOf(bytes: ArrayBuffer, offset: number, dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case 'float32':
      return new Float32Array(bytes, offset, length)
    case 'float64':
      return new Float64Array(bytes, offset, length)
    case 'int32':
      return new Int32Array(bytes, offset, length)
    case 'int64':
      return new BigInt64Array(bytes, offset, length)
    case 'uint8':
    case 'bool':
      return new Uint8Array(bytes, offset, length)
  }
}

/**
 * Makes a backend that runs programs with {@link runProgram}.
 *
 * @param capabilities what differs from {@link INTERPRETER_CAPABILITIES}
 */
export function interpretingBackend(capabilities: Partial<Capabilities> = {}): InterpretingBackend {
  const buffers = new Map<Pointer, ArrayBuffer>()
  const programs: Program[] = []
  let nextPointer = 1
  let liveBytes = 0
  let peakBytes = 0
  let modules = 0
  const bytesAt = (pointer: Pointer): ArrayBuffer => {
    const bytes = buffers.get(pointer)
    if (!bytes) throw new Error(`[interpreter] there is no buffer ${pointer}`)
    return bytes
  }
  const readSync = (pointer: Pointer, dtype: DType, length: number): TypedArray =>
    viewOf(bytesAt(pointer), 0, dtype, length).slice()
  return {
    level: 'kernel',
    name: 'interpreter',
    priority: 1,
    description: 'kernel language, interpreted',
    ready: true,
    capabilities: { ...INTERPRETER_CAPABILITIES, ...capabilities },
    programs,
    start: () => Promise.resolve(),
    allocate(bytes) {
      const buffer = new ArrayBuffer(Math.ceil(bytes / 8) * 8)
      buffers.set(nextPointer, buffer)
      liveBytes += buffer.byteLength
      peakBytes = Math.max(peakBytes, liveBytes)
      return nextPointer++
    },
    free(pointer) {
      liveBytes -= bytesAt(pointer).byteLength
      buffers.delete(pointer)
    },
    write(pointer, data) {
      new Uint8Array(bytesAt(pointer)).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    },
    copy(from, to, bytes) {
      new Uint8Array(bytesAt(to)).set(new Uint8Array(bytesAt(from), 0, bytes))
    },
    read: async (pointer, dtype, length) => readSync(pointer, dtype, length),
    readSync,
    memory: (): PhysicalMemory => ({
      liveBytes,
      peakBytes,
      reservedBytes: liveBytes,
      buffers: buffers.size,
      modules,
    }),
    compile(program): Executable {
      programs.push(program)
      modules++
      let alive = true
      return {
        run: (pointers, scalars) => runProgram(program, Array.from(pointers, bytesAt), scalars),
        dispose() {
          if (alive) modules--
          alive = false
        },
      }
    },
    dispose() {
      buffers.clear()
      liveBytes = 0
    },
  }
}

/** Runs `program` once; `params` are the bytes behind each slot. */
export function runProgram(
  program: Program,
  params: readonly ArrayBuffer[],
  scalars: ArrayLike<number>,
): void {
  const arena = new ArrayBuffer(Math.ceil(program.arenaBytes / 64) * 64)
  // what a kernel forgets to write must not look like a 0
  new Uint8Array(arena).fill(0xcd)
  const views = program.buffers.map(({ dtype, size, place }) => {
    if (place.kind === 'param') return viewOf(params[place.slot]!, 0, dtype, size)
    const offset = place.kind === 'arena' ? place.offset : 0 // a loop's buffers are placed by the loop
    return viewOf(arena, offset, dtype, Math.min(size, (arena.byteLength - offset) / bytesOf(dtype)))
  })
  const scalarValues = program.scalars.map((dtype, i) => toElement(dtype, scalars[i]!))
  for (const kernel of program.kernels) runKernel(kernel, views, scalarValues)
}

function runKernel(kernel: Kernel, views: TypedArray[], scalars: readonly Element[]): void {
  switch (kernel.kind) {
    case 'loop':
      return runLoop(kernel, views, scalars)
    case 'branch': {
      const taken = Number(views[kernel.predicate]![0]) !== 0 ? kernel.yes : kernel.no
      for (const inner of taken) runKernel(inner, views, scalars)
      return
    }
    case 'row':
      return runRow(kernel, views, scalars)
    case 'contract':
      return runContract(kernel, views, scalars)
    case 'scatter':
      return runScatter(kernel, views)
    case 'cumulate':
      return runCumulate(kernel, views, startOf(kernel.reduction, kernel.dtype))
    case 'sort':
      return runSort(kernel, views)
    case 'attention':
      return runAttention(kernel, views)
    case 'attentionGrad':
      return runAttentionGrad(kernel, views)
  }
}

/** Moves windows and carried buffers from iteration to iteration. */
function runLoop(kernel: LoopKernel, views: TypedArray[], scalars: readonly Element[]): void {
  const { count, condition, kernels, windows, carries } = kernel
  const holds = (): boolean => {
    for (const inner of condition!.kernels) runKernel(inner, views, scalars)
    return Number(views[condition!.buffer]![0]) !== 0
  }
  for (const { buffer, initial } of carries) views[buffer] = views[initial]!
  for (let i = 0; condition ? holds() : i < count; i++) {
    for (const { buffer, of, start, step } of windows) {
      const from = start + i * step
      views[buffer] = views[of]!.subarray(from, from + Math.abs(step))
    }
    // a counted loop ends in `last`
    const toLast = (condition ? i : count - 1 - i) % 2 === 0
    for (const { next, last, spare } of carries) views[next] = views[toLast ? last : spare]!
    for (const inner of kernels) runKernel(inner, views, scalars)
    for (const { buffer, next } of carries) views[buffer] = views[next]!
  }
  for (const { buffer, last } of carries)
    if (views[buffer] !== views[last]) views[last]!.set(views[buffer]! as never)
}

// ---- addresses and loops
function evaluateAffine(form: Affine, loops: readonly number[]): number {
  let at = form[0]!
  for (let i = 1; i < form.length; i++) at += form[i]! * loops[i - 1]!
  return at
}

/** Calls `body` for each setting of loops `from` … `to - 1`. */
function forEachIndex(
  sizes: readonly number[],
  from: number,
  to: number,
  loops: number[],
  body: () => void,
): void {
  if (from === to) return body()
  for (loops[from] = 0; loops[from] < sizes[from]!; loops[from] = loops[from] + 1)
    forEachIndex(sizes, from + 1, to, loops, body)
}

function element(view: TypedArray, at: number): Element {
  if (at < 0 || at >= view.length)
    throw new Error(`[interpreter] index ${at} is outside of a buffer of ${view.length} elements`)
  return view[at]!
}

// ---- expressions
const bitsBuffer = new ArrayBuffer(4)
const bitsFloat = new Float32Array(bitsBuffer)
const bitsInt = new Int32Array(bitsBuffer)

function bitcast(to: DType, x: number): number {
  if (to === 'float32') {
    bitsInt[0] = x
    return bitsFloat[0]!
  }
  bitsFloat[0] = x
  return bitsInt[0]!
}

function evaluateMap(fn: ScalarName, dtype: DType, argumentDtype: DType, args: readonly Element[]): Element {
  if (fn === 'bitcast') return bitcast(dtype, args[0] as number)
  return toElement(dtype, evaluateScalar(fn, argumentDtype, args))
}

/** Evaluates expressions at the present loops; `memo` holds what is known there. */
class Evaluator {
  readonly exprs: readonly Expr[]
  readonly views: readonly TypedArray[]
  readonly scalars: readonly Element[]
  /** Results of reductions, and the sum of a product. */
  readonly finished = new Map<number, Element>()

  constructor(exprs: readonly Expr[], views: readonly TypedArray[], scalars: readonly Element[]) {
    this.exprs = exprs
    this.views = views
    this.scalars = scalars
  }

  value(i: number, loops: readonly number[], memo: Map<number, Element>): Element {
    const known = memo.get(i) ?? this.finished.get(i)
    if (known !== undefined) return known
    const value = this.#compute(i, loops, memo)
    memo.set(i, value)
    return value
  }

  #compute(i: number, loops: readonly number[], memo: Map<number, Element>): Element {
    const e = this.exprs[i]!
    switch (e.op) {
      case 'load': {
        let at = evaluateAffine(e.addr, loops)
        for (const { value, limit, stride } of e.dynamic ?? [])
          at += Math.min(Math.max(Number(this.value(value, loops, memo)), 0), limit - 1) * stride
        return element(this.views[e.buffer]!, at)
      }
      case 'const':
        return e.value
      case 'scalar':
        return this.scalars[e.slot]!
      case 'index':
        return toElement(e.dtype, evaluateAffine(e.addr, loops))
      case 'map': {
        const last = e.args[e.args.length - 1]!
        const args = e.args.map((a) => this.value(a, loops, memo))
        return evaluateMap(e.fn, e.dtype, this.exprs[last]!.dtype, args)
      }
      case 'reduce':
        throw new Error(`[interpreter] reduction ${i} is read before its phase`)
      case 'acc':
        throw new Error('[interpreter] a row kernel has no accumulator')
    }
  }
}

// ---- reductions
function startOf(kind: ReduceKind, dtype: DType): Element {
  if (kind === 'sum' || kind === 'prod')
    return dtype === 'int64' ? (kind === 'sum' ? 0n : 1n) : kind === 'sum' ? 0 : 1
  return kind === 'min' ? DTYPES[dtype].highest : DTYPES[dtype].lowest
}

/** Floats are not rounded between steps; integers wrap at each. */
function combine(kind: ReduceKind, dtype: DType, sum: Element, x: Element): Element {
  if (kind === 'maxNumber') return x > sum ? x : sum
  const fn = kind === 'sum' ? 'add' : kind === 'prod' ? 'mul' : kind
  const result = evaluateScalar(fn, dtype, [sum, x])
  return isFloat(dtype) ? result : toElement(dtype, result)
}

// ---- kernels
function fillBuffers(stores: readonly Store[], views: readonly TypedArray[]): void {
  for (const { buffer, fill } of stores) if (fill !== undefined) views[buffer]!.fill(fill as never)
}

function put(views: readonly TypedArray[], store: Store, loops: readonly number[], value: Element): void {
  const view = views[store.buffer]!
  const at = evaluateAffine(store.addr, loops)
  element(view, at)
  ;(view as Elements)[at] = value
}

function runRow(kernel: RowKernel, views: readonly TypedArray[], scalars: readonly Element[]): void {
  const { sizes, outer, exprs, stores } = kernel
  const evaluator = new Evaluator(exprs, views, scalars)
  const loops = Array<number>(sizes.length).fill(0)
  const isInner = (s: Store): boolean => exprs[s.expr]!.inner || s.addr.some((c, i) => i > outer && c !== 0)
  const reduces = exprs.flatMap((e, i) => (e.op === 'reduce' ? [{ e, i }] : []))
  const innerStores = stores.filter(isInner)
  const rowStores = stores.filter((s) => !isInner(s))
  const passes = Math.max(
    0,
    ...reduces.map(({ e }) => e.phase),
    ...innerStores.map((s) => exprs[s.expr]!.phase + 1),
  )
  fillBuffers(stores, views)
  forEachIndex(sizes, 0, outer, loops, () => {
    evaluator.finished.clear()
    for (let pass = 0; pass < passes; pass++) {
      const sums = reduces
        .filter(({ e }) => e.phase === pass + 1)
        .map(({ e, i }) => ({ e, i, sum: startOf(e.kind, e.dtype) }))
      const now = innerStores.filter((s) => exprs[s.expr]!.phase === pass)
      if (!sums.length && !now.length) continue
      forEachIndex(sizes, outer, sizes.length, loops, () => {
        const memo = new Map<number, Element>()
        for (const s of sums)
          s.sum = combine(s.e.kind, s.e.dtype, s.sum, evaluator.value(s.e.args[0], loops, memo))
        // all values of a pass are known before anything is stored
        const values = now.map((s) => evaluator.value(s.expr, loops, memo))
        now.forEach((s, j) => put(views, s, loops, values[j]!))
      })
      for (const { e, i, sum } of sums) evaluator.finished.set(i, toElement(e.dtype, sum))
    }
    const memo = new Map<number, Element>()
    const values = rowStores.map((s) => evaluator.value(s.expr, loops, memo))
    rowStores.forEach((s, j) => put(views, s, loops, values[j]!))
  })
}

/** One element of an operand, 0 outside of its bounds. */
function operandElement(
  view: TypedArray,
  o: Operand,
  batch: number,
  row: number,
  term: number,
  dtype: DType,
): Element {
  for (const { limit, base, rows, ks } of o.bounds ?? []) {
    const at = base + axisOffset(o.rows, row, rows) + axisOffset(o.ks, term, ks)
    if (at < 0 || at >= limit) return toElement(dtype, 0)
  }
  return element(view, o.base + axisOffset(o.batch, batch) + axisOffset(o.rows, row) + axisOffset(o.ks, term))
}

function runContract(
  kernel: ContractKernel,
  views: readonly TypedArray[],
  scalars: readonly Element[],
): void {
  const { batch, m, n, k, a, b, exprs, stores, dtype } = kernel
  const evaluator = new Evaluator(exprs, views, scalars)
  const acc = exprs.findIndex((e) => e.op === 'acc')
  const [left, right] = [views[a.buffer]!, views[b.buffer]!]
  fillBuffers(stores, views)
  const loops = [0, 0, 0]
  forEachIndex([batch, m, n], 0, 3, loops, () => {
    const [bi, mi, ni] = loops as [number, number, number]
    let sum = startOf('sum', dtype)
    for (let ki = 0; ki < k; ki++) {
      const x = operandElement(left, a, bi, mi, ki, dtype)
      const y = operandElement(right, b, bi, ni, ki, dtype)
      sum = combine('sum', dtype, sum, evaluateScalar('mul', dtype, [x, y]))
    }
    evaluator.finished.clear()
    if (acc >= 0) evaluator.finished.set(acc, toElement(dtype, sum))
    const memo = new Map<number, Element>()
    const values = stores.map((s) => evaluator.value(s.expr, loops, memo))
    stores.forEach((s, j) => put(views, s, loops, values[j]!))
  })
}

function runScatter(kernel: ScatterKernel, views: readonly TypedArray[]): void {
  const { outer, limit, count, inner, dtype } = kernel
  const out = views[kernel.out]! as Elements
  const start = kernel.operand === null ? null : views[kernel.operand]!.slice()
  const size = outer * limit * inner
  for (let i = 0; i < size; i++) out[i] = start ? start[i]! : toElement(dtype, 0)
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < count; j++) {
      const index = Number(views[kernel.indices]![j])
      if (index < 0 || index >= limit) continue
      for (let i = 0; i < inner; i++) {
        const to = (o * limit + index) * inner + i
        const update = views[kernel.updates]![(o * count + j) * inner + i]!
        out[to] = toElement(dtype, evaluateScalar('add', dtype, [out[to]!, update]))
      }
    }
}
