// The kernel IR read literally: nested loops, one element at a time, in double precision rounded to each dtype. What
// generated code must compute, in the fewest lines that cannot be wrong.
import {
  type Affine,
  allocate,
  type Axis,
  type ContractKernel,
  type CumulateKernel,
  DTYPES,
  type Element,
  evaluateScalar,
  type Expr,
  type Operand,
  type Program,
  type RowKernel,
  type ScatterKernel,
  type SortKernel,
  type Store,
  toElement,
  type TypedArray,
} from '@dl/tensor/backend'

const product = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1)
const at = (addr: Affine, loops: readonly number[]): number =>
  addr.reduce((sum, c, i) => sum + (i ? c * loops[i - 1]! : c), 0)

function unravel(linear: number, sizes: readonly number[]): number[] {
  const index = sizes.map(() => 0)
  for (let i = sizes.length - 1; i >= 0; i--) {
    index[i] = linear % sizes[i]!
    linear = Math.floor(linear / sizes[i]!)
  }
  return index
}

/** Contents of every buffer of `program` after one run; buffers at one place share their contents. */
export function interpret(
  program: Program,
  inputs: ReadonlyMap<number, TypedArray>,
  scalars: readonly number[] = [],
): TypedArray[] {
  const places = new Map<string, TypedArray>()
  const keys = program.buffers.map(({ place }) =>
    place.kind === 'param' ? `p${place.slot}` : place.kind === 'arena' ? `a${place.offset}` : 'loop',
  )
  program.buffers.forEach((b, i) => {
    const data = inputs.get(i)?.slice() ?? places.get(keys[i]!) ?? allocate(b.dtype, b.size)
    places.set(keys[i]!, data)
  })
  const memory = keys.map((key) => places.get(key)!)
  interpretOn(program, memory, scalars)
  return memory
}

/** Runs `program` on the given contents of its buffers. */
export function interpretOn(
  program: Program,
  memory: readonly TypedArray[],
  scalars: ArrayLike<number>,
): void {
  for (const k of program.kernels) {
    if (k.kind === 'row') row(k, memory, scalars)
    else if (k.kind === 'contract') contract(k, memory, scalars)
    else if (k.kind === 'scatter') scatter(k, memory)
    else if (k.kind === 'cumulate') cumulate(k, memory)
    else if (k.kind === 'sort') sort(k, memory)
    else throw new Error(`the WGSL generator was given a ${k.kind} kernel`)
  }
}

/** One point of the loops: what has been computed there (reductions and sums are given). */
interface Point {
  readonly exprs: readonly Expr[]
  readonly loops: readonly number[]
  readonly memory: readonly TypedArray[]
  readonly scalars: ArrayLike<number>
  readonly known: Map<number, Element>
}

function evaluate(point: Point, id: number): Element {
  let value = point.known.get(id)
  if (value === undefined) point.known.set(id, (value = compute(point, id)))
  return value
}

function compute(point: Point, id: number): Element {
  const { exprs, loops, memory, scalars } = point
  const value = (i: number): Element => evaluate(point, i)
  const e = exprs[id]!
  switch (e.op) {
    case 'const':
      return toElement(e.dtype, e.value)
    case 'scalar':
      return toElement(e.dtype, scalars[e.slot]!)
    case 'index':
      return toElement(e.dtype, at(e.addr, loops))
    case 'load': {
      let index = at(e.addr, loops)
      for (const d of e.dynamic ?? [])
        index += Math.min(Math.max(Number(value(d.value)), 0), d.limit - 1) * d.stride
      return memory[e.buffer]![index]!
    }
    case 'map': {
      const args = e.args.map(value)
      const from = exprs[e.args.at(-1)!]!.dtype
      if (e.fn === 'cast') return e.dtype === 'bool' ? Number(args[0] !== 0) : toElement(e.dtype, args[0]!)
      if (e.fn === 'bitcast') return reinterpret(args[0]!, e.dtype === 'float32')
      return toElement(e.dtype, evaluateScalar(e.fn, from, args))
    }
    default:
      throw new Error(`expression ${id} (${e.op}) is not known here`)
  }
}

function reinterpret(x: Element, toFloat: boolean): number {
  const bytes = new DataView(new ArrayBuffer(4))
  if (toFloat) bytes.setInt32(0, Number(x))
  else bytes.setFloat32(0, Number(x))
  return toFloat ? bytes.getFloat32(0) : bytes.getInt32(0)
}

const START = { sum: 0, prod: 1, max: -Infinity, min: Infinity, maxNumber: -Infinity }
const FN = { sum: 'add', prod: 'mul', max: 'max', min: 'min', maxNumber: 'max' } as const

function row(k: RowKernel, memory: readonly TypedArray[], scalars: ArrayLike<number>): void {
  const writes: (() => void)[] = []
  const innerSizes = k.sizes.slice(k.outer)
  for (let o = 0; o < product(k.sizes.slice(0, k.outer)); o++) {
    const outer = unravel(o, k.sizes.slice(0, k.outer))
    const known = new Map<number, Element>()
    const each = (body: (loops: number[]) => void): void => {
      for (let r = 0; r < product(innerSizes); r++) body([...outer, ...unravel(r, innerSizes)])
    }
    k.exprs.forEach((e, id) => {
      if (e.op !== 'reduce') return
      let sum: Element = START[e.kind]
      each((loops) => {
        const x = evaluate({ exprs: k.exprs, loops, memory, scalars, known: new Map(known) }, e.args[0])
        sum =
          e.dtype === 'float32'
            ? evaluateScalar(FN[e.kind], 'float64', [sum, x])
            : reduceInteger(FN[e.kind], sum, x)
      })
      known.set(id, toElement(e.dtype, sum))
    })
    for (const s of k.stores) {
      const write = (loops: number[]): void => {
        const value = evaluate({ exprs: k.exprs, loops, memory, scalars, known: new Map(known) }, s.expr)
        writes.push(() => put(s, loops, value, memory))
      }
      // a row without elements still has its reductions
      if (product(innerSizes)) each(write)
      else write([...outer, ...innerSizes.map(() => 0)])
    }
  }
  fill(k.stores, memory)
  for (const write of writes) write()
}
function reduceInteger(fn: 'add' | 'mul' | 'max' | 'min', a: Element, b: Element): Element {
  if (fn === 'max' || fn === 'min') return Math[fn](Number(a), Number(b))
  return fn === 'add' ? Number(a) + Number(b) : Math.imul(Number(a), Number(b))
}
function fill(stores: readonly Store[], memory: readonly TypedArray[]): void {
  for (const s of stores) if (s.fill !== undefined) (memory[s.buffer] as Float32Array).fill(Number(s.fill))
}
function put(s: Store, loops: readonly number[], value: Element, memory: readonly TypedArray[]): void {
  ;(memory[s.buffer] as Float32Array)[at(s.addr, loops)] = Number(value)
}

const offset = (axis: Axis, i: number): number =>
  unravel(i, axis.sizes).reduce((sum, x, d) => sum + x * axis.strides[d]!, 0)

/** An element of an operand; 0 where a coordinate leaves its bounds. */
function operandElement(
  o: Operand,
  memory: readonly TypedArray[],
  batch: number,
  row: number,
  term: number,
): Element {
  for (const { limit, base, rows, ks } of o.bounds ?? []) {
    const along = { rows: { ...o.rows, strides: rows }, ks: { ...o.ks, strides: ks } }
    const at = base + offset(along.rows, row) + offset(along.ks, term)
    if (at < 0 || at >= limit) return 0
  }
  return memory[o.buffer]![o.base + offset(o.batch, batch) + offset(o.rows, row) + offset(o.ks, term)]!
}

function contract(c: ContractKernel, memory: readonly TypedArray[], scalars: ArrayLike<number>): void {
  const writes: (() => void)[] = []
  for (let b = 0; b < c.batch; b++)
    for (let m = 0; m < c.m; m++)
      for (let n = 0; n < c.n; n++) {
        let sum = 0
        for (let k = 0; k < c.k; k++) {
          const x = operandElement(c.a, memory, b, m, k)
          const y = operandElement(c.b, memory, b, n, k)
          sum += c.dtype === 'int32' ? Math.imul(Number(x), Number(y)) : Number(x) * Number(y)
        }
        const known = new Map<number, Element>()
        c.exprs.forEach(
          (e, id) => e.op === 'acc' && known.set(id, c.dtype === 'int32' ? sum | 0 : Math.fround(sum)),
        )
        for (const s of c.stores) {
          const value = evaluate({ exprs: c.exprs, loops: [b, m, n], memory, scalars, known }, s.expr)
          writes.push(() => put(s, [b, m, n], value, memory))
        }
      }
  fill(c.stores, memory)
  for (const write of writes) write()
}

function scatter(s: ScatterKernel, memory: readonly TypedArray[]): void {
  const out = memory[s.out] as Float32Array
  if (s.operand === null) out.fill(0)
  else if (s.operand !== s.out) out.set(memory[s.operand] as Float32Array)
  for (let o = 0; o < s.outer; o++)
    for (let j = 0; j < s.count; j++) {
      const row = Number(memory[s.indices]![j])
      if (row < 0 || row >= s.limit) continue
      for (let i = 0; i < s.inner; i++) {
        const to = (o * s.limit + row) * s.inner + i
        const sum = out[to]! + Number(memory[s.updates]![(o * s.count + j) * s.inner + i])
        out[to] = Number(toElement(s.dtype, s.dtype === 'float32' || s.dtype === 'bool' ? sum : BigInt(sum)))
      }
    }
}

/** Addresses of the elements of each line, and which line it is. */
function* linesOf({
  outer,
  length,
  inner,
}: CumulateKernel | SortKernel): Iterable<{ o: number; i: number; at: number[] }> {
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++)
      yield { o, i, at: Array.from({ length }, (_, j) => (o * length + j) * inner + i) }
}

function cumulate(k: CumulateKernel, memory: readonly TypedArray[]): void {
  const [source, out] = [memory[k.source]! as Float32Array, memory[k.out] as Float32Array]
  for (const { at } of linesOf(k)) {
    const walk = k.reverse ? at.toReversed() : at
    walk.forEach((to, j) => {
      const terms = walk.slice(0, k.exclusive ? j : j + 1).map((from) => source[from]!)
      out[to] = Number(toElement(k.dtype, wrapped(k, terms)))
    })
  }
}

function wrapped({ reduction, dtype }: CumulateKernel, terms: readonly number[]): Element {
  switch (reduction) {
    case 'max':
      return terms.reduce((a, b) => Math.max(a, b), Number(DTYPES[dtype].lowest))
    case 'min':
      return terms.reduce((a, b) => Math.min(a, b), Number(DTYPES[dtype].highest))
    case 'sum':
      if (dtype === 'float32') return terms.reduce((a, b) => a + b, 0)
      return terms.reduce((a, b) => a + BigInt(b), 0n)
    case 'prod':
      if (dtype === 'float32') return terms.reduce((a, b) => a * b, 1)
      return terms.reduce((a, b) => a * BigInt(b), 1n)
  }
}

function sort(k: SortKernel, memory: readonly TypedArray[]): void {
  const [source, out] = [memory[k.source]! as Float32Array, memory[k.out] as Int32Array]
  for (const { o, i, at } of linesOf(k)) {
    const order = at
      .map((_, j) => j)
      .sort((a, b) => {
        const [x, y] = [source[at[a]!]!, source[at[b]!]!]
        const ascending = Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || Number(x > y) - Number(x < y)
        return k.descending ? -ascending : ascending
      })
    order.slice(0, k.count).forEach((j, place) => (out[(o * k.count + place) * k.inner + i] = j))
  }
}
