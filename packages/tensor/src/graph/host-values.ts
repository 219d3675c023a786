// Host values: a small integer tensor whose sources are known on the host is computed at once. Shape arithmetic (and the
// random generator's state outside `jit`) folds away and never reaches a kernel.
import { evaluateNode } from '../backend/reference/evaluate.ts'
import { allocate, type DType, type TypedArray } from './dtype.ts'
import { type Attributes, type Leaf, makeNode, type Node, type PrimitiveName, serial } from './node.ts'
import { type Dims, sizeOf } from './shape.ts'

/** Tensors of at most this many integers carry their value on the host. */
export const HOST_VALUE_LIMIT = 64

export const carriesHostValue = (shape: Dims, dtype: DType): boolean =>
  (dtype === 'int32' || dtype === 'int64' || dtype === 'bool' || dtype === 'uint8') &&
  sizeOf(shape) <= HOST_VALUE_LIMIT

class HostLeaf implements Leaf {
  readonly id: number = serial()
  readonly shape: Dims
  readonly dtype: DType
  readonly host: TypedArray
  constructor(shape: Dims, dtype: DType, host: TypedArray) {
    this.shape = shape
    this.dtype = dtype
    this.host = host
  }
}

let makeLeaf = (shape: Dims, dtype: DType, host: TypedArray): Leaf => new HostLeaf(shape, dtype, host)
/** The runtime makes folded values leaves of its own kind, so that they can be uploaded like any other. */
export function setHostLeafFactory(factory: (shape: Dims, dtype: DType, host: TypedArray) => Leaf): void {
  makeLeaf = factory
}

/** The value of `x` if it is known on the host: a small integer leaf, or a constant of any size up to the limit. */
export function hostValueOf(x: Node): TypedArray | undefined {
  if (x.value) return x.value.host
  if (x.prim === 'buffer') return x.attrs.leaf.host
  if (x.prim === 'const') {
    const one = allocate(x.dtype, 1)
    one[0] = x.attrs.value
    return one
  }
  if (x.prim === 'iota') return evaluateNode(x, [])
  return undefined
}

/** A leaf with the value of this node if all sources are known on the host and at least one is a tensor, else null. */
export function foldHost<P extends PrimitiveName>(
  prim: P,
  src: readonly Node[],
  attrs: Attributes[P],
  shape: Dims,
  dtype: DType,
): Node | null {
  if (!carriesHostValue(shape, dtype)) return null
  let tensors = 0
  for (let i = 0; i < src.length; i++) {
    const x = src[i]!
    if (!carriesHostValue(x.shape, x.dtype)) return null
    if (hostValueOf(x) === undefined) return null
    if (x.prim !== 'const' && x.prim !== 'iota') tensors++
  }
  if (!tensors) return null
  const node = { prim, src, attrs, shape, dtype, id: 0, value: null } as Node
  const value = evaluateNode(
    node,
    src.map((x) => hostValueOf(x)!),
  )
  const leaf = makeLeaf(shape, dtype, value)
  return makeNode('buffer', [], { leaf }, shape, dtype)
}
