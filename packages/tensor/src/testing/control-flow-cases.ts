// Loops and branches, alone, nested, and with their derivatives: written out or run by the backend, the values are the same.
import { grad } from '../autodiff/index.ts'
import type { DType } from '../graph/dtype.ts'
import type { Node } from '../graph/node.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'
import { scaledDotProductAttention } from '../ops/attention.ts'
import { add, maximum, mul, sub } from '../ops/arithmetic.ts'
import { greater, less } from '../ops/comparison.ts'
import { cond, scan, whileLoop } from '../ops/control-flow.ts'
import { zeros } from '../ops/creation.ts'
import { matMul } from '../ops/matmul.ts'
import { sum } from '../ops/reduction.ts'
import { slice } from '../ops/slice.ts'
import { exp, sigmoid, tanh } from '../ops/unary.ts'
import { leavesOf } from '../tensor/tree.ts'
import { fromNode, nodeOf, type Tensor } from '../tensor/tensor.ts'
import type { CaseGroup } from './case.ts'
import { input } from './graph-values.ts'
import { Random, randomArray } from './random-values.ts'

const random = new Random(91)
const values = (dtype: DType, shape: Dims, low: number, high: number): Tensor =>
  fromNode(input(dtype, shape, randomArray(random, dtype, sizeOf(shape), low, high)))
const x = (...shape: number[]): Tensor => values('float32', shape, -1, 1)
const nodes = (tree: unknown): Node[] => leavesOf(tree).map((leaf) => nodeOf('case', 'x', leaf as Tensor))

type Pair = readonly [Tensor, Tensor]
const recurrent =
  (w: Tensor) =>
  (h: Tensor, e: Tensor): Pair => {
    const next = tanh(add(matMul(h, w), e))
    return [next, next]
  }

interface State {
  readonly h: Tensor
  readonly c: Tensor
}
/** An LSTM step: one product, gates side by side. */
const lstm =
  (w: Tensor, units: number) =>
  ({ h, c }: State, e: Tensor): readonly [State, Tensor] => {
    const z = add(matMul(h, w), e)
    const gate = (k: number): Tensor => slice(z, [0, k * units], [-1, units])
    const next = add(mul(sigmoid(gate(0)), c), mul(sigmoid(gate(1)), tanh(gate(2))))
    const out = mul(sigmoid(gate(3)), tanh(next))
    return [{ h: out, c: next }, out]
  }

const BUILDS: Readonly<Record<string, () => unknown>> = {
  'a running sum': () => scan((c: Tensor, e: Tensor) => [add(c, e), c] as const, zeros([3]), x(5, 3)),
  'from the end': () => scan(recurrent(x(3, 3)), x(2, 3), x(4, 2, 3), { reverse: true }),
  'one step': () => scan(recurrent(x(3, 3)), x(2, 3), x(1, 2, 3)),
  'an odd number of steps': () => scan(recurrent(x(4, 4)), x(1, 4), x(7, 1, 4)),
  'only the last carried value': () => scan(recurrent(x(3, 3)), x(2, 3), x(6, 2, 3)).carry,
  'carried values that change places': () =>
    scan(([a, b]: Pair, e: Tensor) => [[b, add(a, e)], a] as const, [x(3), x(3)] as Pair, x(5, 3)),
  'a carried value that stays': () =>
    scan(([a, b]: Pair, e: Tensor) => [[a, add(b, mul(a, e))], a] as const, [x(3), x(3)] as Pair, x(3, 3)),
  integers: () =>
    scan(
      (c: Tensor, e: Tensor) => [add(mul(c, 3), e), maximum(c, e)] as const,
      values('int32', [4], -9, 9),
      values('int32', [6, 4], -9, 9),
    ),
  'sequences of constants': () =>
    scan((c: Tensor, e: Tensor) => [add(c, e), mul(c, e)] as const, x(), zeros([4])),
  'a loop in a loop': () =>
    scan(
      (c: Tensor, row: Tensor) => {
        const inner = scan((d: Tensor, e: Tensor) => [tanh(add(d, e)), mul(d, e)] as const, c, row)
        return [inner.carry, inner.ys] as const
      },
      x(),
      x(3, 4),
    ),
  'a loop whose sequence is what another gives': () => {
    const first = scan(recurrent(x(3, 3)), zeros([2, 3]), x(4, 2, 3))
    return scan(recurrent(x(3, 3)), first.carry, first.ys, { reverse: true }).ys
  },
  'the gradient of a recurrent layer': () =>
    grad((p: { w: Tensor; h: Tensor; e: Tensor }) => sum(scan(recurrent(p.w), p.h, p.e).ys))({
      w: x(5, 5),
      h: x(2, 5),
      e: x(4, 2, 5),
    }),
  'an LSTM': () => scan(lstm(x(6, 24), 6), { h: zeros([3, 6]), c: x(3, 6) }, x(5, 3, 24)),
  'the gradient of an LSTM': () =>
    grad((p: { w: Tensor; h: Tensor; c: Tensor; e: Tensor }) => {
      const { carry, ys } = scan(lstm(p.w, 4), { h: p.h, c: p.c }, p.e)
      return add(sum(mul(ys, ys)), sum(carry.c))
    })({ w: x(4, 16), h: x(3, 4), c: x(3, 4), e: x(5, 3, 16) }),
  'the second derivative of a recurrent layer': () => {
    const e = x(3, 2, 3)
    const first = grad((w: Tensor) => sum(scan(recurrent(w), zeros([2, 3]), e).ys))
    return grad((w: Tensor) => sum(mul(first(w), first(w))))(x(3, 3))
  },
  'attention in a loop': () =>
    grad((p: { c: Tensor; e: Tensor }) => {
      const attend = (c: Tensor, e: Tensor): Pair => {
        const next = add(c, scaledDotProductAttention(c, e, e))
        return [next, next]
      }
      const { carry, ys } = scan(attend, p.c, p.e)
      return add(sum(carry), sum(mul(ys, ys)))
    })({ c: x(1, 1, 5, 4), e: x(3, 1, 1, 6, 4) }),
  'a branch': () => {
    const [p, a] = [x(), x(5)]
    return [p, sub(0, p)].map((q) =>
      cond(
        greater(q, 0),
        (y: Tensor) => exp(y),
        (y: Tensor) => mul(y, 2),
        a,
      ),
    )
  },
  'the gradient of a branch in a loop': () =>
    grad((p: { c: Tensor; e: Tensor }) => {
      const { carry, ys } = scan(
        (c: Tensor, e: Tensor) => {
          const next = cond(
            greater(sum(c), 0),
            (y: Tensor) => mul(y, e),
            (y: Tensor) => add(tanh(y), e),
            c,
          )
          return [next, mul(next, c)] as const
        },
        p.c,
        p.e,
      )
      return add(sum(carry), sum(ys))
    })({ c: x(3), e: x(6, 3) }),
}

/** Programs that only backends with loops run. */
const WHILE: Readonly<Record<string, () => unknown>> = {
  'a loop until a sum is reached': () =>
    whileLoop(
      ({ total }: { total: Tensor; steps: Tensor }) => less(sum(total), 50),
      ({ total, steps }) => ({ total: add(mul(total, 1.5), 1), steps: add(steps, 1) }),
      { total: x(7), steps: values('int32', [], 0, 0) },
    ),
  'a loop that ends at once': () =>
    whileLoop(
      (y: Tensor) => greater(sum(y), 1e6),
      (y: Tensor) => mul(y, 2),
      x(5),
    ),
  'loops of one, two and three steps': () =>
    [1, 2, 3].map((count) =>
      whileLoop(
        ({ i }: { i: Tensor; y: Tensor }) => less(i, count),
        ({ i, y }) => ({ i: add(i, 1), y: tanh(add(y, i)) }),
        { i: values('int32', [], 0, 0), y: x(3, 5) },
      ),
    ),
  'a loop in a branch in a loop': () => {
    const halved = (y: Tensor): Tensor =>
      whileLoop(
        (z: Tensor) => greater(sum(mul(z, z)), 1),
        (z: Tensor) => mul(z, 0.5),
        y,
      )
    return scan(
      (c: Tensor, e: Tensor) => {
        const next = cond(greater(sum(e), 0), halved, (y: Tensor) => add(y, 1), add(c, e))
        return [next, mul(next, e)] as const
      },
      x(4),
      x(5, 4),
    )
  },
}

const group = (name: string, builds: Readonly<Record<string, () => unknown>>): CaseGroup => ({
  name,
  cases: Object.entries(builds).map(([key, build]) => ({
    name: key,
    build: () => nodes(build()),
    tolerance: { relative: 2e-5 },
  })),
})

export function controlFlowCases(): CaseGroup[] {
  return [group('loops and branches', BUILDS), group('while loops', WHILE)]
}
