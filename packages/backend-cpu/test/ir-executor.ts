// The kernel language executed as plainly as it can be written: one element at a time, in JavaScript numbers. Tests
// compare the generated code with it.
import { allocate, DTYPES, evaluateScalar, toElement } from '@dl/tensor/backend'
import type {
  Affine,
  Axis,
  ContractKernel,
  DType,
  Element,
  Expr,
  Kernel,
  Program,
  ReduceKind,
  RowKernel,
  ScatterKernel,
  TypedArray,
} from '@dl/tensor/backend'

export type Buffers = TypedArray[]

/** Runs every kernel over `buffers` (one typed array a buffer of the program). */
export function execute(program: Program, buffers: Buffers, scalars: readonly Element[] = []): void {
  for (const k of program.kernels) executeKernel(k, buffers, scalars)
}

function executeKernel(k: Kernel, buffers: Buffers, scalars: readonly Element[]): void {
  if (k.kind === 'row') executeRow(k, buffers, scalars)
  else if (k.kind === 'contract') executeContract(k, buffers, scalars)
  else executeScatter(k, buffers)
}

const linear = (addr: Affine, loops: readonly number[]): number =>
  loops.reduce((n, l, i) => n + l * (addr[i + 1] ?? 0), addr[0]!)

function* positions(sizes: readonly number[]): Generator<number[]> {
  const total = sizes.reduce((a, b) => a * b, 1)
  for (let n = 0; n < total; n++) {
    const index: number[] = []
    let rest = n
    for (let d = sizes.length - 1; d >= 0; d--) {
      index[d] = rest % sizes[d]!
      rest = Math.floor(rest / sizes[d]!)
    }
    yield index
  }
}

function write(buffers: Buffers, buffer: number, dtype: DType, at: number, value: Element): void {
  ;(buffers[buffer] as { [i: number]: Element })[at] = toElement(dtype, value)
}

/** Elements of float32 kernels are rounded after each step. */
export function applyMap(x: Extract<Expr, { op: 'map' }>, from: DType, args: Element[]): Element {
  if (x.fn === 'select') return args[0] ? args[1]! : args[2]!
  if (x.fn === 'cast') {
    if (x.dtype === 'bool') return args[0] != 0 ? 1 : 0
    return toElement(x.dtype, args[0]!)
  }
  if (x.fn === 'bitcast') {
    const cell = allocate(from, 1)
    ;(cell as { [i: number]: Element })[0] = args[0]!
    const other = allocate(x.dtype, 1)
    new Uint8Array(other.buffer).set(new Uint8Array(cell.buffer))
    return other[0]!
  }
  return toElement(x.dtype, evaluateScalar(x.fn, from, args))
}

function reduceValues(kind: ReduceKind, dtype: DType, values: Iterable<Element>): Element {
  if (dtype === 'int64') {
    let total: bigint =
      kind === 'sum'
        ? 0n
        : kind === 'prod'
          ? 1n
          : BigInt(kind === 'min' ? DTYPES.int64.highest : DTYPES.int64.lowest)
    for (const v of values as Iterable<bigint>) {
      if (kind === 'sum') total += v
      else if (kind === 'prod') total *= v
      else if (kind === 'min') total = v < total ? v : total
      else total = v > total ? v : total
    }
    return BigInt.asIntN(64, total)
  }
  let total =
    kind === 'sum'
      ? 0
      : kind === 'prod'
        ? 1
        : Number(kind === 'min' ? DTYPES[dtype].highest : DTYPES[dtype].lowest)
  for (const value of values) {
    const v = Number(value)
    if (kind === 'sum') total += v
    else if (kind === 'prod') total = dtype === 'int32' || dtype === 'uint8' ? Math.imul(total, v) : total * v
    else if (kind === 'min') total = Math.min(total, v)
    else if (kind === 'max') total = Math.max(total, v)
    else total = v > total ? v : total
    if (dtype === 'int32') total |= 0
    if (dtype === 'uint8') total &= 255
  }
  return toElement(dtype, total)
}

class Evaluation {
  readonly k: RowKernel
  readonly buffers: Buffers
  readonly scalars: readonly Element[]
  readonly reduced: Map<number, Element> = new Map()

  constructor(k: RowKernel, buffers: Buffers, scalars: readonly Element[]) {
    this.k = k
    this.buffers = buffers
    this.scalars = scalars
  }

  at(i: number, loops: readonly number[], memo: Map<number, Element>): Element {
    const known = memo.get(i)
    if (known !== undefined) return known
    const x = this.k.exprs[i]!
    const value = evaluate(
      x,
      this.k.exprs,
      (a) => this.at(a, loops, memo),
      loops,
      this.buffers,
      this.scalars,
      () => this.reduced.get(i)!,
    )
    memo.set(i, value)
    return value
  }
}

function evaluate(
  x: Expr,
  exprs: readonly Expr[],
  arg: (i: number) => Element,
  loops: readonly number[],
  buffers: Buffers,
  scalars: readonly Element[],
  special: () => Element,
): Element {
  switch (x.op) {
    case 'const':
      return toElement(x.dtype, x.value)
    case 'scalar':
      return toElement(x.dtype, scalars[x.slot]!)
    case 'index':
      return toElement(x.dtype, x.dtype === 'int64' ? BigInt(linear(x.addr, loops)) : linear(x.addr, loops))
    case 'load': {
      let at = linear(x.addr, loops)
      for (const d of x.dynamic ?? [])
        at += Math.min(Math.max(Number(arg(d.value)), 0), d.limit - 1) * d.stride
      return buffers[x.buffer]![at]!
    }
    case 'map':
      return applyMap(x, exprs[x.args.at(-1)!]!.dtype, x.args.map(arg))
    default:
      return special()
  }
}

function executeRow(k: RowKernel, buffers: Buffers, scalars: readonly Element[]): void {
  const filled = new Set<number>()
  for (const s of k.stores)
    if (s.fill !== undefined && !filled.has(s.buffer)) {
      filled.add(s.buffer)
      for (let i = 0; i < buffers[s.buffer]!.length; i++)
        write(buffers, s.buffer, k.exprs[s.expr]!.dtype, i, s.fill)
    }
  const inner = k.sizes.slice(k.outer)
  for (const row of positions(k.sizes.slice(0, k.outer))) {
    const evaluation = new Evaluation(k, buffers, scalars)
    k.exprs.forEach((x, i) => {
      if (x.op !== 'reduce') return
      const values: Element[] = []
      for (const r of positions(inner)) values.push(evaluation.at(x.args[0], [...row, ...r], new Map()))
      evaluation.reduced.set(i, reduceValues(x.kind, x.dtype, values))
    })
    const pending: [number, DType, number, Element][] = []
    for (const r of positions(inner)) {
      const loops = [...row, ...r]
      const memo = new Map<number, Element>()
      for (const s of k.stores)
        pending.push([
          s.buffer,
          k.exprs[s.expr]!.dtype,
          linear(s.addr, loops),
          evaluation.at(s.expr, loops, memo),
        ])
    }
    if (inner.includes(0)) {
      const zero = inner.map(() => 0)
      for (const s of k.stores)
        if (s.addr.slice(1 + k.outer).every((c) => c === 0) && k.exprs[s.expr]!.op === 'reduce')
          pending.push([
            s.buffer,
            k.exprs[s.expr]!.dtype,
            linear(s.addr, [...row, ...zero]),
            evaluation.at(s.expr, [...row, ...zero], new Map()),
          ])
    }
    for (const p of pending) write(buffers, ...p)
  }
}

function axisOffset(axis: Axis, position: number): number {
  let offset = 0
  for (let d = axis.sizes.length - 1; d >= 0; d--) {
    offset += (position % axis.sizes[d]!) * axis.strides[d]!
    position = Math.floor(position / axis.sizes[d]!)
  }
  return offset
}

function executeContract(k: ContractKernel, buffers: Buffers, scalars: readonly Element[]): void {
  const a = buffers[k.a.buffer]!
  const b = buffers[k.b.buffer]!
  const pending: [number, DType, number, Element][] = []
  for (const loops of positions([k.batch, k.m, k.n])) {
    const [bi, m, n] = loops as [number, number, number]
    const atA = k.a.base + axisOffset(k.a.batch, bi) + axisOffset(k.a.rows, m)
    const atB = k.b.base + axisOffset(k.b.batch, bi) + axisOffset(k.b.rows, n)
    let sum = 0
    for (let i = 0; i < k.k; i++)
      sum += Number(a[atA + axisOffset(k.a.ks, i)]) * Number(b[atB + axisOffset(k.b.ks, i)])
    const memo = new Map<number, Element>()
    const at = (i: number): Element => {
      const known = memo.get(i)
      if (known !== undefined) return known
      const value = evaluate(k.exprs[i]!, k.exprs, at, loops, buffers, scalars, () => Math.fround(sum))
      memo.set(i, value)
      return value
    }
    for (const s of k.stores)
      pending.push([s.buffer, k.exprs[s.expr]!.dtype, linear(s.addr, loops), at(s.expr)])
  }
  for (const p of pending) write(buffers, ...p)
}

function executeScatter(k: ScatterKernel, buffers: Buffers): void {
  const out = buffers[k.out] as { [i: number]: Element; length: number }
  const zero = k.dtype === 'int64' ? 0n : 0
  for (let i = 0; i < out.length; i++) out[i] = k.operand === null ? zero : buffers[k.operand]![i]!
  for (const [o, j, i] of positions([k.outer, k.count, k.inner]) as Iterable<[number, number, number]>) {
    const index = Number(buffers[k.indices]![j])
    if (index < 0 || index >= k.limit) continue
    const at = (o * k.limit + index) * k.inner + i
    const from = buffers[k.updates]![(o * k.count + j) * k.inner + i]!
    out[at] = toElement(
      k.dtype,
      typeof from === 'bigint' ? (out[at] as bigint) + from : Number(out[at]) + from,
    )
  }
}
