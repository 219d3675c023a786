// Derivatives of orders 1 to 3. From a function f and fixed directions v: φ₀(x) = Σ c·f(x), φₖ(x) = ⟨∇φₖ₋₁(x), v⟩, so that
// φₖ is the k-th derivative of t ↦ φ₀(x + t·v) at 0. On the reference in float64, φₖ is compared with differences of φₖ₋₁; on
// every backend in float32, the gradients of each order are compared with the reference's.
import { gradients } from '../autodiff/gradient.ts'
import type { DType, TypedArray } from '../graph/dtype.ts'
import type { Leaf, Node } from '../graph/node.ts'
import { constant, mark, reduce, reshape, s } from '../graph/primitives.ts'
import { sizeOf } from '../graph/shape.ts'
import { scoped } from '../tensor/scope.ts'
import type { CaseGroup } from './case.ts'
import { type Differentiable, differentiables } from './derivative-table.ts'
import { evaluateGraph, input, leafOf, valuesOf } from './graph-values.ts'
import { Random, randomArray, spreadArray } from './random-values.ts'

const ORDERS = 3

interface Derivatives {
  readonly inputs: readonly Node[]
  readonly directions: readonly Node[]
  /** φ₀ … φ₃; null where nothing depends on the inputs any more. */
  readonly phis: readonly (Node | null)[]
  /** `gradients[k]` is ∇φₖ by input. */
  readonly gradients: readonly (readonly Node[])[]
}

function derivativesOf({ inputs: specs, f }: Differentiable, dtype: DType): Derivatives {
  const random = new Random(97)
  const inputs = specs.map(({ shape, low, high, values }) =>
    input(dtype, shape, values ?? spreadArray(random, sizeOf(shape), low, high)),
  )
  const directions = specs.map(({ shape }) =>
    input(dtype, shape, randomArray(random, 'float64', sizeOf(shape), 0.3, 1)),
  )
  const marks = inputs.map(mark)
  let y: Node | undefined
  scoped(() => {
    y = f(...marks)
  })
  const weights = input(dtype, y!.shape, randomArray(random, 'float64', sizeOf(y!.shape), 0.5, 1.5))
  const phis: (Node | null)[] = [total(s.mul(y!, weights))]
  const all: Node[][] = []
  for (let order = 1; order <= ORDERS; order++) {
    const phi = phis[order - 1]!
    const found = phi ? gradients([phi], [constant(1, dtype)], marks) : marks.map(() => null)
    const terms = found.flatMap((g, i) => (g ? [total(s.mul(g, directions[i]!))] : []))
    phis.push(terms.length ? terms.reduce((a, b) => s.add(a, b)) : null)
    all.push(found.map((g, i) => g ?? constant(0, dtype, inputs[i]!.shape)))
  }
  return { inputs, directions, phis, gradients: all }
}

const total = (x: Node): Node =>
  reshape(
    reduce(
      'sum',
      x,
      x.shape.map((_, a) => a),
    ),
    [],
  )

/** Cases for any backend: gradients of each order as the reference has them. */
export function derivativeCases(): CaseGroup[] {
  return differentiables().map((spec) => ({
    name: spec.name,
    cases: Array.from({ length: ORDERS }, (_, k) => ({
      name: `order ${k + 1}`,
      build: () => derivativesOf(spec, 'float32').gradients[k]!,
      tolerance: { relative: 2e-5 * 10 ** k },
    })),
  }))
}

const STEP = 2e-3

/** Compares derivatives in float64 with Richardson's extrapolation of central differences (error ~ STEP⁶). Reports the worst order. */
export function compareWithDifferences(spec: Differentiable): void {
  const { inputs, directions, phis } = derivativesOf(spec, 'float64')
  for (let order = 1; order <= ORDERS; order++) {
    const lower = phis[order - 1]
    if (!lower) return
    const at = (t: number): number => Number(evaluateGraph([lower], moved(inputs, directions, t))[0]![0])
    const central = (h: number): number => (at(h) - at(-h)) / (2 * h)
    const [d1, d2, d4] = [central(STEP), central(STEP / 2), central(STEP / 4)]
    const [r1, r2] = [(4 * d2 - d1) / 3, (4 * d4 - d2) / 3]
    const expected = (16 * r2 - r1) / 15
    const phi = phis[order]
    const actual = phi ? Number(evaluateGraph([phi])[0]![0]) : 0
    // differences lose the digits that the lower derivative has more than its change over a step
    const allowed = 1e-7 * Math.max(1, Math.abs(expected), Math.abs(at(0)))
    if (!(Math.abs(actual - expected) <= allowed))
      throw new Error(`${spec.name}, order ${order}: the graph gives ${actual}, differences give ${expected}`)
  }
}

function moved(inputs: readonly Node[], directions: readonly Node[], t: number): Map<Leaf, TypedArray> {
  return new Map(
    inputs.map((x, i) => {
      const v = valuesOf(directions[i]!) as Float64Array
      return [leafOf(x), (valuesOf(x) as Float64Array).map((value, j) => value + t * v[j]!)]
    }),
  )
}

export { differentiables } from './derivative-table.ts'
