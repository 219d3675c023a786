// What the compiler's tests share: leaves on an interpreting backend, values through the compiler (fused or not), and the
// same values through the reference interpreter.
import { bytesOf, type DType, type TypedArray, allocate } from '../../src/graph/dtype.ts'
import { type Leaf, type Node, serial } from '../../src/graph/node.ts'
import { buffer } from '../../src/graph/primitives.ts'
import { type Dims, sizeOf } from '../../src/graph/shape.ts'
import { createReferenceBackend } from '../../src/backend/reference/backend.ts'
import type { Backend, KernelBackend } from '../../src/backend/contract.ts'
import type { BoundPlan } from '../../src/compile/plan.ts'
import { type CompileOptions, planGraph } from '../../src/compile/plan-graph.ts'

/** A leaf with its value on the host. */
export interface TestLeaf extends Leaf {
  readonly data: TypedArray
}

let seed = 12345
/** A reproducible number in [0, 1). */
export function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0
  return (seed >>> 8) / 2 ** 24
}
export const seedRandom = (to: number): void => {
  seed = to
}

export function leaf(shape: Dims, dtype: DType = 'float32', data?: ArrayLike<number>): TestLeaf {
  const array = allocate(dtype, sizeOf(shape))
  for (let i = 0; i < array.length; i++) {
    const x = data
      ? data[i]!
      : dtype === 'float32' || dtype === 'float64'
        ? random() * 4 - 2
        : Math.floor(random() * 9)
    array[i] = dtype === 'int64' ? BigInt(x) : dtype === 'bool' ? (x > 4 ? 1 : 0) : x
  }
  return { id: serial(), shape, dtype, data: array }
}

export const input = (shape: Dims, dtype: DType = 'float32', data?: ArrayLike<number>): Node =>
  buffer(leaf(shape, dtype, data))
export const leafOfNode = (n: Node): TestLeaf => {
  if (n.prim !== 'buffer') throw new Error('not a leaf')
  return n.attrs.leaf as TestLeaf
}

export interface Evaluated {
  readonly values: TypedArray[]
  readonly bound: BoundPlan
  /** Leaves after the run, by leaf. */
  readonly leaves: Map<Leaf, TypedArray>
  readonly kept: Map<number, TypedArray>
}

/** Runs a request; values of roots, and of leaves afterwards. */
export function evaluate(
  backend: Backend,
  roots: readonly Node[],
  {
    inPlace = new Map(),
    keep = [],
    ...options
  }: CompileOptions & { inPlace?: Map<number, Leaf>; keep?: readonly Node[] } = {},
): Evaluated {
  const bound = planGraph({ roots, inPlace, keep }, backend, options)
  const { plan } = bound
  const pointers = Array<number>(plan.slots).fill(0)
  bound.leaves.forEach((l, slot) => {
    pointers[slot] = backend.allocate(sizeOf(l.shape) * bytesOf(l.dtype) + 64)
    backend.write(pointers[slot], (l as TestLeaf).data)
  })
  for (const { slot, dtype, size } of plan.outputs)
    pointers[slot] = backend.allocate(size * bytesOf(dtype) + 64)
  plan.executable.run(
    pointers,
    bound.scalars.map((s) => s.value),
  )
  const read = (slot: number, dtype: DType, size: number): TypedArray =>
    backend.readSync!(pointers[slot]!, dtype, size)
  const values = plan.roots.map(({ slot }, i) => read(slot, roots[i]!.dtype, sizeOf(roots[i]!.shape)))
  const leaves = new Map(bound.leaves.map((l, slot) => [l, read(slot, l.dtype, sizeOf(l.shape))]))
  const kept = new Map(
    plan.kept.map(({ index, slot }) => [index, read(slot, keep[index]!.dtype, sizeOf(keep[index]!.shape))]),
  )
  for (const p of pointers) backend.free(p, 0)
  return { values, bound, leaves, kept }
}

const reference = createReferenceBackend('compiler-tests')
/** The values that the executable specification gives. */
export const expected = (roots: readonly Node[]): TypedArray[] => evaluate(reference, roots).values

/** Largest difference relative to the largest magnitude; Infinity where NaN or infinities differ. */
export function distance(actual: TypedArray, wanted: TypedArray): number {
  let scale = 1e-3
  let far = 0
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [Number(actual[i]), Number(wanted[i])]
    if (Number.isFinite(b)) scale = Math.max(scale, Math.abs(b))
    if (Object.is(a, b) || a === b || (a !== a && b !== b)) continue
    if (!Number.isFinite(a) || !Number.isFinite(b)) return Infinity
    far = Math.max(far, Math.abs(a - b))
  }
  return far / scale
}

/** How many kernels a request becomes. */
export const kernelCount = (
  backend: KernelBackend,
  roots: readonly Node[],
  options: CompileOptions = {},
): number => planGraph({ roots, inPlace: new Map(), keep: [] }, backend, options).plan.kernelCount
