// The executable specification: what every primitive computes, as plain loops over typed arrays. Slow and obvious on purpose;
// every other backend is compared with it, and small integer tensors are folded on the host with it.
import {
  allocate,
  type DType,
  DTYPES,
  type Element,
  isFloat,
  type TypedArray,
  toElement,
} from '../../graph/dtype.ts'
import type { Node, NodeOf, PrimitiveName } from '../../graph/node.ts'
import { evaluateScalar } from '../../graph/scalar-table.ts'
import { type Dims, rowMajor, showShape, sizeOf } from '../../graph/shape.ts'
import { evaluateIf, evaluateItem, evaluateScan, evaluateWhile } from './control-flow.ts'

type Inputs = readonly TypedArray[]
type Elements = { [index: number]: Element; readonly length: number }

/**
 * Value of one node from the values of its sources. float32 is rounded once per node (sums and products inside a node are
 * kept in double precision), integers are exact and wrap, int64 is a `BigInt64Array`, bool is 0 or 1.
 *
 * The result may be the array of a source (reshape, stop, mark, composite); treat arrays as immutable.
 *
 * @throws when `node` is a buffer whose value is not on the host: whoever walks the graph supplies those
 */
export function evaluateNode(node: Node, inputs: Inputs): TypedArray {
  return (PRIMITIVES[node.prim] as (node: Node, inputs: Inputs) => TypedArray)(node, inputs)
}

const PRIMITIVES: { readonly [P in PrimitiveName]: (node: NodeOf<P>, inputs: Inputs) => TypedArray } = {
  buffer: ({ attrs: { leaf } }) => {
    if (leaf.host) return leaf.host
    throw new Error(
      `[reference] the value of buffer ${leaf.id} (${leaf.dtype} ${showShape(leaf.shape)}) is not on the host`,
    )
  },
  const: ({ attrs, dtype }) => filled(dtype, 1, attrs.value),
  scalar: ({ attrs, dtype }) => filled(dtype, 1, attrs.leaf.value),
  iota: ({ attrs, shape, dtype }) => {
    const steps = shape.map((_, a) => (a === attrs.axis ? 1 : 0))
    return generate(dtype, shape, steps, (index) => toElement(dtype, index))
  },
  map: (node, inputs) =>
    node.attrs.fn === 'bitcast' ? reinterpret(inputs[0]!, node.dtype) : elementwise(node, inputs),

  reshape: (_, [x]) => x!,
  stop: (_, [x]) => x!,
  mark: (_, [x]) => x!,
  composite: (_, [fallback]) => fallback!,
  transpose: ({ attrs, src, shape, dtype }, [x]) => {
    const strides = rowMajor(src[0]!.shape)
    return view(
      x!,
      dtype,
      shape,
      0,
      attrs.perm.map((p) => strides[p]!),
    )
  },
  broadcast: ({ src, shape, dtype }, [x]) => view(x!, dtype, shape, 0, stretched(src[0]!.shape)),
  slice: ({ attrs, src, shape, dtype }, [x]) => {
    const strides = rowMajor(src[0]!.shape)
    const steps = strides.map((st, a) => st * attrs.stride[a]!)
    return view(x!, dtype, shape, weighted(attrs.start, strides), steps)
  },
  reverse: ({ attrs, shape, dtype }, [x]) => {
    const strides = rowMajor(shape)
    const last = attrs.axes.reduce((sum, a) => sum + (shape[a]! - 1) * strides[a]!, 0)
    const steps = strides.map((st, a) => (attrs.axes.includes(a) ? -st : st))
    return view(x!, dtype, shape, last, steps)
  },
  window: ({ attrs, src, shape, dtype }, [x]) => {
    const { axes, stride, dilation } = attrs
    const strides = rowMajor(src[0]!.shape)
    const starts = strides.map((st, a) => (axes.includes(a) ? st * stride[axes.indexOf(a)]! : st))
    const inside = axes.map((a, i) => strides[a]! * dilation[i]!)
    return view(x!, dtype, shape, 0, [...starts, ...inside])
  },
  pad: ({ attrs, src, shape, dtype }, [x]) => {
    const strides = rowMajor(shape)
    const out = filled(dtype, sizeOf(shape), attrs.value)
    const steps = strides.map((st, a) => st * (attrs.interior[a]! + 1))
    place(out, x!, src[0]!.shape, weighted(attrs.low, strides), steps)
    return out
  },
  concat: ({ attrs, src, shape, dtype }, inputs) => {
    const strides = rowMajor(shape)
    const out = allocate(dtype, sizeOf(shape))
    let at = 0
    for (const [i, part] of src.entries()) {
      place(out, inputs[i]!, part.shape, at * strides[attrs.axis]!, strides)
      at += part.shape[attrs.axis]!
    }
    return out
  },

  scan: (node, inputs) => evaluateScan(node, inputs, evaluateNode),
  while: (node, inputs) => evaluateWhile(node, inputs, evaluateNode),
  if: (node, inputs) => evaluateIf(node, inputs, evaluateNode),
  item: (node, [handle]) => evaluateItem(node, handle!),
  whilePullback: () => {
    throw new Error('[reference] the pullback of a while loop exists only inside of jvp')
  },

  reduce: ({ attrs, src, shape, dtype }, [x]) => {
    const { start, step } = REDUCTIONS[attrs.kind]
    const sums = Array<Element>(sizeOf(shape)).fill(start(dtype))
    walk(src[0]!.shape, 0, stretched(shape), (to, i) => {
      sums[to] = step(dtype, sums[to]!, x![i]!)
    })
    return fromElements(dtype, sums)
  },
  argReduce: ({ attrs, src, shape }, [x]) => {
    const best = allocate('int32', sizeOf(shape)).fill(-1)
    const { axis, kind } = attrs
    const from = src[0]!.shape
    const along = rowMajor(from)[axis]!
    walk(from, 0, stretched(shape), (to, i) => {
      const index = Math.floor(i / along) % from[axis]!
      const winner = best[to]!
      if (winner < 0 || beats(kind, x![i]!, x![i + (winner - index) * along]!)) best[to] = index
    })
    return best
  },
  cumulate: ({ attrs, shape, dtype }, [x]) => {
    const { kind, axis, exclusive, reverse } = attrs
    const { start, step: combine } = REDUCTIONS[kind]
    const out = allocate(dtype, x!.length) as Elements
    forEachLine(shape, axis, (at) => {
      let sum = start(dtype)
      for (let j = 0; j < shape[axis]!; j++) {
        const here = at(reverse ? shape[axis]! - 1 - j : j)
        if (exclusive) out[here] = toElement(dtype, sum)
        sum = combine(dtype, sum, x![here]!)
        if (!exclusive) out[here] = toElement(dtype, sum)
      }
    })
    return out as TypedArray
  },
  sort: ({ attrs, src, shape }, [x]) => {
    const { axis, descending } = attrs
    const length = src[0]!.shape[axis]!
    const inner = sizeOf(shape.slice(axis + 1))
    const out = allocate('int32', sizeOf(shape))
    let line = 0
    forEachLine(src[0]!.shape, axis, (at) => {
      const order = Array.from({ length }, (_, j) => j).sort((i, j) => {
        const ascending = compareElements(x![at(i)]!, x![at(j)]!)
        return descending ? -ascending : ascending
      })
      const first = Math.floor(line / inner) * shape[axis]! * inner + (line % inner)
      for (let j = 0; j < shape[axis]!; j++) out[first + j * inner] = order[j]!
      line++
    })
    return out
  },
  dot: ({ src, shape, dtype }, [a, b]) => {
    const [m, n] = shape.slice(-2) as [number, number]
    const k = src[0]!.shape.at(-1)!
    const out = allocate(dtype, sizeOf(shape))
    const start = toElement(dtype, 0)
    const multiplyAdd = MULTIPLY_ADD[dtype] as (sum: Element, x: Element, y: Element) => Element
    for (let o = 0; o < out.length; o++) {
      const batch = Math.floor(o / (m * n))
      const row = Math.floor(o / n) % m
      const column = o % n
      let sum = start
      for (let i = 0; i < k; i++)
        sum = multiplyAdd(sum, a![(batch * m + row) * k + i]!, b![(batch * k + i) * n + column]!)
      ;(out as Elements)[o] = sum
    }
    return out
  },

  gather: ({ attrs, src, shape, dtype }, [x, indices]) => {
    const from = src[0]!.shape
    const [count, inner] = [indices!.length, sizeOf(from.slice(attrs.axis + 1))]
    const limit = from[attrs.axis]!
    const out = allocate(dtype, sizeOf(shape))
    for (let o = 0; o < out.length; o++) {
      const outer = Math.floor(o / (count * inner))
      const index = Math.min(Math.max(Number(indices![Math.floor(o / inner) % count]), 0), limit - 1)
      ;(out as Elements)[o] = x![(outer * limit + index) * inner + (o % inner)]!
    }
    return out
  },
  scatter: ({ attrs, shape, dtype }, [x, indices, updates]) => {
    const [count, inner] = [indices!.length, sizeOf(shape.slice(attrs.axis + 1))]
    const limit = shape[attrs.axis]!
    const out = x!.slice() as TypedArray
    for (let u = 0; u < updates!.length; u++) {
      const index = Number(indices![Math.floor(u / inner) % count])
      if (index < 0 || index >= limit) continue
      const to = (Math.floor(u / (count * inner)) * limit + index) * inner + (u % inner)
      ;(out as Elements)[to] = toElement(dtype, evaluateScalar('add', dtype, [out[to]!, updates![u]!]))
    }
    return out
  },
}

// ---- elementwise
function elementwise(node: NodeOf<'map'>, inputs: Inputs): TypedArray {
  const { attrs, shape, dtype } = node
  const argumentDtype = node.src.at(-1)!.dtype
  const out = allocate(dtype, sizeOf(shape)) as Elements
  const args = Array<Element>(inputs.length)
  for (let i = 0; i < out.length; i++) {
    for (let a = 0; a < args.length; a++) args[a] = inputs[a]![i]!
    out[i] =
      attrs.fn === 'cast'
        ? castElement(dtype, args[0]!)
        : toElement(dtype, evaluateScalar(attrs.fn, argumentDtype, args))
  }
  return out as TypedArray
}

/** `cast`: as `toElement`, but an int64 reaches float32 with one rounding instead of two. */
function castElement(dtype: DType, value: Element): Element {
  if (dtype !== 'float32' || typeof value !== 'bigint') return toElement(dtype, value)
  const magnitude = value < 0n ? -value : value
  if (magnitude < 1n << 53n) return Math.fround(Number(value))
  // the bits far below float32's last place matter only as "some bit is set", which decides ties
  const low = magnitude & 0xfffffn
  const rounded = Math.fround(Number(magnitude - low + (low > 0n ? 1n << 19n : 0n)))
  return value < 0n ? -rounded : rounded
}

function reinterpret(x: TypedArray, dtype: DType): TypedArray {
  const copy = x.slice()
  return dtype === 'float32' ? new Float32Array(copy.buffer) : new Int32Array(copy.buffer)
}

// ---- reductions
/** Floats are not rounded between steps; integers wrap at each. */
const step =
  (fn: 'add' | 'mul' | 'max' | 'min') =>
  (dtype: DType, x: Element, y: Element): Element => {
    const result = evaluateScalar(fn, dtype, [x, y])
    return isFloat(dtype) ? result : toElement(dtype, result)
  }

interface Reduction {
  /** The value over no elements. */
  readonly start: (dtype: DType) => Element
  readonly step: (dtype: DType, sum: Element, x: Element) => Element
}
const REDUCTIONS: Readonly<Record<NodeOf<'reduce'>['attrs']['kind'], Reduction>> = {
  sum: { start: (dtype) => toElement(dtype, 0), step: step('add') },
  prod: { start: (dtype) => toElement(dtype, 1), step: step('mul') },
  max: { start: (dtype) => DTYPES[dtype].lowest, step: step('max') },
  min: { start: (dtype) => DTYPES[dtype].highest, step: step('min') },
  maxNumber: { start: (dtype) => DTYPES[dtype].lowest, step: (_, x, y) => (y > x ? y : x) },
}

/** Whether `x`, which comes later, takes the place of the winner so far. NaN wins over every number, the first NaN over later ones. */
function beats(kind: 'max' | 'min', x: Element, winner: Element): boolean {
  if (winner !== winner) return false
  if (x !== x) return true
  return kind === 'max' ? x > winner : x < winner
}

/** Negative where `a` comes first in ascending order; NaN comes last, −0 equals 0. */
function compareElements(a: Element, b: Element): number {
  if (a !== a || b !== b) return Number(a !== a) - Number(b !== b)
  return a < b ? -1 : a > b ? 1 : 0
}

const float = (sum: number, x: number, y: number): number => sum + x * y
const integer = (sum: number, x: number, y: number): number => (sum + Math.imul(x, y)) | 0
const MULTIPLY_ADD = {
  float32: float,
  float64: float,
  int32: integer,
  uint8: integer,
  bool: integer,
  int64: (sum: bigint, x: bigint, y: bigint): bigint => BigInt.asIntN(64, sum + x * y),
}

// ---- arrays and strides
const weighted = (index: Dims, strides: Dims): number => index.reduce((sum, i, a) => sum + i * strides[a]!, 0)

/** Strides of a contiguous array whose dimensions of 1 are walked in place. */
const stretched = (shape: Dims): number[] => rowMajor(shape).map((stride, a) => (shape[a] === 1 ? 0 : stride))

/** Calls `visit(base + Σ index·strides, position)` for every index of `shape` in row-major order. */
function walk(
  shape: Dims,
  base: number,
  strides: Dims,
  visit: (address: number, position: number) => void,
): void {
  const index = shape.map(() => 0)
  const size = sizeOf(shape)
  let address = base
  for (let position = 0; position < size; position++) {
    visit(address, position)
    for (let a = shape.length - 1; a >= 0; a--) {
      address += strides[a]!
      if (++index[a]! < shape[a]!) break
      address -= strides[a]! * shape[a]!
      index[a] = 0
    }
  }
}

/** Calls `visit` for each line along `axis` in row-major order; `at(j)` is the address of its element j. */
function forEachLine(shape: Dims, axis: number, visit: (at: (j: number) => number) => void): void {
  const strides = rowMajor(shape)
  const along = strides[axis]!
  walk(
    shape.map((d, a) => (a === axis ? 1 : d)),
    0,
    strides,
    (first) => visit((j) => first + j * along),
  )
}

function generate(dtype: DType, shape: Dims, strides: Dims, value: (address: number) => Element): TypedArray {
  const out = allocate(dtype, sizeOf(shape))
  walk(shape, 0, strides, (address, i) => {
    ;(out as Elements)[i] = value(address)
  })
  return out
}

/** Copy of the elements of `x` at `base + Σ index·strides`. */
function view(x: TypedArray, dtype: DType, shape: Dims, base: number, strides: Dims): TypedArray {
  const out = allocate(dtype, sizeOf(shape))
  walk(shape, base, strides, (from, i) => {
    ;(out as Elements)[i] = x[from]!
  })
  return out
}

/** Writes `x` (of `shape`) to the elements of `out` at `base + Σ index·strides`. */
function place(out: TypedArray, x: TypedArray, shape: Dims, base: number, strides: Dims): void {
  walk(shape, base, strides, (to, i) => {
    ;(out as Elements)[to] = x[i]!
  })
}

function filled(dtype: DType, length: number, value: Element): TypedArray {
  const out = allocate(dtype, length) as Elements
  const element = toElement(dtype, value)
  for (let i = 0; i < length; i++) out[i] = element
  return out as TypedArray
}

function fromElements(dtype: DType, values: readonly Element[]): TypedArray {
  const out = allocate(dtype, values.length) as Elements
  for (let i = 0; i < values.length; i++) out[i] = values[i]!
  return out as TypedArray
}
