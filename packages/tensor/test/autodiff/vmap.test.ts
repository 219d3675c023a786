// vmap: every primitive's batching rule equals a loop over examples; many small products become one; it nests and composes
// with gradients.
import { beforeAll, describe, expect, it } from 'vitest'
import { batchGraph } from '../../src/autodiff/batching.ts'
import { gradients } from '../../src/autodiff/gradient.ts'
import { customGrad, grad, gradsOfVariables, jvp, vmap } from '../../src/autodiff/index.ts'
import { createReferenceBackend } from '../../src/backend/reference/index.ts'
import { jit } from '../../src/compile/jit.ts'
import { defineComposite } from '../../src/graph/composite.ts'
import type { DType } from '../../src/graph/dtype.ts'
import type { Node } from '../../src/graph/node.ts'
import {
  argReduce,
  bitcast,
  broadcastTo,
  cast,
  concat,
  constant,
  dot,
  gather,
  mark,
  pad,
  placeholder,
  reduce,
  reshape,
  reverse,
  s,
  scatterAdd,
  slice,
  stop,
  transpose,
} from '../../src/graph/primitives.ts'
import { sizeOf } from '../../src/graph/shape.ts'
import { add, mul } from '../../src/ops/arithmetic.ts'
import { scalar, tensor, zeros } from '../../src/ops/creation.ts'
import { matMul } from '../../src/ops/matmul.ts'
import { reshape as reshaped } from '../../src/ops/movement.ts'
import { softmax } from '../../src/ops/normalization.ts'
import { sum } from '../../src/ops/reduction.ts'
import { sin, square, tanh } from '../../src/ops/unary.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { variable } from '../../src/tensor/variable.ts'
import { evaluateGraph, input } from '../../src/testing/graph-values.ts'
import { Random, randomArray } from '../../src/testing/random-values.ts'
import { activate } from '../../src/testing/suite.ts'

beforeAll(() => activate(createReferenceBackend()))

const SIZE = 3
const random = new Random(4)
const make = (dtype: DType, shape: readonly number[], low = -1.5, high = 1.5): Node =>
  input(dtype, shape, randomArray(random, dtype, sizeOf(shape), low, high))

interface Arg {
  readonly shape: readonly number[]
  readonly dtype?: DType
  readonly low?: number
  readonly high?: number
}
const f32 = (...shape: number[]): Arg => ({ shape })
const index = (limit: number, ...shape: number[]): Arg => ({
  shape,
  dtype: 'int32',
  low: -2,
  high: limit + 1,
})

const cube = defineComposite<{ by: number }>({
  name: 'cube',
  fallback: ([x, y], { by }) => s.mul(s.mul(s.mul(x!, s.square(x!)), y!), by),
  vjp: (ct, _, [x, y], { by }) => [
    s.mul(ct, s.mul(s.mul(s.square(x!), y!), 3 * by)),
    s.mul(ct, s.mul(s.mul(x!, s.square(x!)), by)),
  ],
})

/** Every primitive with sources; each case runs with every combination of batched and shared arguments. */
const rules: Readonly<Record<string, { args: readonly Arg[]; f: (...xs: Node[]) => Node }>> = {
  map: { args: [f32(2, 3), f32(2, 3)], f: (a, b) => s.mul(s.sin(a), b) },
  select: { args: [{ shape: [4], dtype: 'bool' }, f32(4), f32(4)], f: (c, a, b) => s.select(c, a, b) },
  cast: { args: [f32(4)], f: (x) => cast(s.mul(x, 5), 'int32') },
  bitcast: { args: [f32(4)], f: (x) => bitcast(x, 'int32') },
  reshape: { args: [f32(2, 6)], f: (x) => reshape(x, [3, 4]) },
  transpose: { args: [f32(2, 3, 4)], f: (x) => transpose(x, [2, 0, 1]) },
  broadcast: { args: [f32(2, 1)], f: (x) => broadcastTo(x, [4, 2, 3]) },
  slice: { args: [f32(5, 4)], f: (x) => slice(x, [1, 0], [2, 2], [2, 3]) },
  pad: { args: [f32(2, 3)], f: (x) => pad(x, [1, 0], [0, 2], [1, 0], 9) },
  'pad of nothing': { args: [f32(0, 3)], f: (x) => pad(x, [1, 0], [1, 0], [2, 0], 9) },
  reverse: { args: [f32(2, 3)], f: (x) => reverse(x, [1]) },
  concat: { args: [f32(2, 3), f32(1, 3)], f: (a, b) => concat([a, b], 0) },
  reduce: { args: [f32(2, 3, 4)], f: (x) => reduce('max', x, [0, 2]) },
  argReduce: { args: [f32(5, 2)], f: (x) => argReduce('max', x, 0) },
  dot: { args: [f32(2, 3), f32(3, 4)], f: (a, b) => dot(a, b) },
  'dot with batches': { args: [f32(5, 2, 3), f32(5, 3, 4)], f: (a, b) => dot(a, b) },
  'gather rows': { args: [f32(4, 2), index(4, 5)], f: (x, i) => gather(x, i, 0) },
  'gather in the middle by a matrix': {
    args: [f32(2, 4, 3), index(4, 2, 2)],
    f: (x, i) => gather(x, i, 1),
  },
  'gather by a scalar': { args: [f32(4, 2), index(4)], f: (x, i) => gather(x, i, 0) },
  'scatter rows': { args: [f32(4, 2), index(4, 5), f32(5, 2)], f: (x, i, u) => scatterAdd(x, i, u, 0) },
  'scatter in the middle by a matrix': {
    args: [f32(2, 4, 3), index(4, 2, 2), f32(2, 2, 2, 3)],
    f: (x, i, u) => scatterAdd(x, i, u, 1),
  },
  stop: { args: [f32(3)], f: (x) => stop(s.neg(x)) },
  mark: { args: [f32(3)], f: (x) => mark(s.neg(x)) },
  'composite with its own derivative': { args: [f32(3), f32(3)], f: (x, y) => cube([x, y], { by: 2 }) },
  'gradient of a composite with its own derivative': {
    args: [f32(3), f32(3)],
    f: (x, y) => {
      const m = mark(x)
      return gradients([cube([m, y], { by: 2 })], [constant(1, 'float32', [3])], [m])[0]!
    },
  },
}

describe('batching rules equal a loop over examples', () => {
  const cases = Object.entries(rules).flatMap(([name, { args, f }]) =>
    Array.from({ length: 2 ** args.length - 1 }, (_, bits) => {
      const batched = args.map((__, i) => ((bits + 1) >> i) % 2 === 1)
      return [
        `${name}, ${batched.map((b) => (b ? 'batched' : 'shared')).join(' ')}`,
        args,
        batched,
        f,
      ] as const
    }),
  )
  it.each(cases)('%s', (_, args, batched, f) => {
    const nodes = args.map(({ shape, dtype = 'float32', low, high }, i) =>
      make(dtype, batched[i] ? [SIZE, ...shape] : shape, low, high),
    )
    const stands = args.map(({ shape, dtype = 'float32' }, i) =>
      batched[i] ? placeholder(shape, dtype, 'test') : nodes[i]!,
    )
    const mapped = new Map(stands.flatMap((stand, i) => (batched[i] ? [[stand, nodes[i]!] as const] : [])))
    const [together] = batchGraph([f(...stands)], mapped, SIZE)
    const loop = Array.from({ length: SIZE }, (__, b) => {
      const one = nodes.map((x, i) =>
        batched[i]
          ? reshape(
              slice(
                x,
                x.shape.map((___, a) => (a ? 0 : b)),
                [1, ...x.shape.slice(1)],
              ),
              x.shape.slice(1),
            )
          : x,
      )
      return f(...one)
    })
    expect(together!.shape).toEqual([SIZE, ...loop[0]!.shape])
    const expected = evaluateGraph(loop).flatMap((part) => Array.from(part as Float32Array))
    const actual = Array.from(evaluateGraph([together!])[0] as Float32Array)
    expect(actual).toHaveLength(expected.length)
    actual.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 5))
  })

  it('sums the cotangent of an input that all examples share', () => {
    const [x, y] = [make('float32', [SIZE, 2]), make('float32', [2])]
    const m = mark(y)
    const stand = placeholder([2], 'float32', 'test')
    const [out] = batchGraph([cube([stand, m], { by: 1 })], new Map([[stand, x]]), SIZE)
    const [g] = gradients([out!], [constant(1, 'float32', [SIZE, 2])], [m])
    const direct = reduce('sum', s.mul(x, s.square(x)), [0])
    const [actual, expected] = evaluateGraph([g!, direct]) as Float32Array[]
    actual!.forEach((v, i) => expect(v).toBeCloseTo(expected![i]!, 4))
  })
})

/** Primitives under a node, counted. */
function count(roots: readonly Node[], prim: string): number {
  const seen = new Set<Node>()
  const stack = [...roots]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    stack.push(...node.src)
  }
  return [...seen].filter((node) => node.prim === prim).length
}

describe('products', () => {
  it.each([
    ['x · W', [100, 4, 8], [8, 6], true, false],
    ['W · x', [4, 8], [100, 8, 6], false, true],
    ['x · y', [100, 4, 8], [100, 8, 6], true, true],
  ] as const)('a hundred of %s are one dot', (_, a, b, left, right) => {
    const [x, y] = [make('float32', a), make('float32', b)]
    const [p, q] = [
      left ? placeholder(a.slice(1), 'float32', 'test') : x,
      right ? placeholder(b.slice(1), 'float32', 'test') : y,
    ]
    const mapped = new Map<Node, Node>()
    if (left) mapped.set(p, x)
    if (right) mapped.set(q, y)
    const batched = batchGraph([dot(p, q)], mapped, 100)
    expect(batched[0]!.shape).toEqual([100, 4, 6])
    expect(count(batched, 'dot')).toBe(1)
  })
})

const values = (x: Tensor): number[] => Array.from(x.dataSync() as Float32Array)

describe('vmap', () => {
  it('maps over the first axis of all arguments, trees included', () => {
    const f = vmap((p: { w: Tensor; b: Tensor }, x: Tensor) => ({
      y: add(mul(p.w, x), p.b),
      twice: mul(x, 2),
    }))
    const out = f(
      {
        w: tensor([
          [1, 2],
          [3, 4],
        ]),
        b: tensor([10, 20]),
      },
      tensor([
        [1, 1],
        [2, 2],
      ]),
    )
    expect(values(out.y)).toEqual([11, 12, 26, 28])
    expect(values(out.twice)).toEqual([2, 2, 4, 4])
  })
  it('takes batch axes and shared arguments, and places the batch', () => {
    const f = vmap((x: Tensor, y: Tensor) => add(x, y), { inAxes: [1, null], outAxes: -1 })
    const out = f(
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      tensor([10, 20]),
    )
    expect(out.shape).toEqual([2, 3])
    expect(values(out)).toEqual([11, 12, 13, 24, 25, 26])
  })
  it('gives results that do not depend on the example the batch all the same', () => {
    const out = vmap((_example: Tensor) => tensor([7, 8]))(zeros([3, 1]))
    expect(values(out)).toEqual([7, 8, 7, 8, 7, 8])
  })
  it('gives one gradient per example', () => {
    const x = tensor([
      [0.1, 0.2],
      [0.3, 0.4],
      [0.5, 0.6],
    ])
    const f = (t: Tensor): Tensor => sum(square(tanh(t)))
    const each = vmap(grad(f))(x)
    const together = grad(f)(x)
    expect(values(each)).toEqual(values(together))
  })
  it('is differentiated: the gradient of a vmap, with weights from outside', () => {
    const w = tensor([
      [1, 2],
      [3, 4],
    ])
    const x = tensor([
      [1, 0],
      [0, 1],
      [1, 1],
    ])
    const g = grad((m: Tensor) => sum(vmap((row: Tensor) => square(matMul(reshaped(row, [1, 2]), m)))(x)))(w)
    const direct = grad((m: Tensor) => sum(square(matMul(x, m))))(w)
    expect(values(g)).toEqual(values(direct))
  })
  it('nests', () => {
    const outer = vmap((a: Tensor) => vmap((b: Tensor) => mul(a, b))(tensor([1, 2, 3])))
    expect(values(outer(tensor([10, 100])))).toEqual([10, 20, 30, 100, 200, 300])
  })
  it('makes Jacobians: vmap of jvp over basis vectors', () => {
    const x = tensor([0.5, 1])
    const columns = vmap((v: Tensor) => jvp((t: Tensor) => softmax(sin(t)), [x], [v]).tangent)(
      tensor([
        [1, 0],
        [0, 1],
      ]),
    )
    const p = values(softmax(sin(x)))
    const d = [Math.cos(0.5), Math.cos(1)]
    const expected = [0, 1].flatMap((j) => [0, 1].map((i) => p[i]! * ((i === j ? 1 : 0) - p[j]!) * d[j]!))
    values(columns).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 5))
  })
  it('keeps own derivatives: vmap of the gradient, and gradient of the vmap, of a customGrad', () => {
    const odd = customGrad((x: Tensor) => ({ value: square(x), gradient: (dy: Tensor) => mul(dy, 100) }))
    const x = tensor([1, 2, 3])
    expect(values(vmap(grad((t: Tensor) => odd(t)))(x))).toEqual([100, 100, 100])
    expect(values(grad((t: Tensor) => sum(vmap((u: Tensor) => odd(u))(t)))(x))).toEqual([100, 100, 100])
  })

  it('reads variables, and takes gradients with respect to them', () => {
    const w = variable(tensor([10, 20]))
    const x = tensor([
      [1, 2],
      [3, 4],
    ])
    expect(values(vmap((a: Tensor) => mul(a, w))(x))).toEqual([10, 40, 30, 80])
    const { grads } = gradsOfVariables(() => sum(vmap((a: Tensor) => square(mul(a, w)))(x)))
    expect(values(grads[0]!)).toEqual([200, 800])
    w.dispose()
  })
  it('refuses to assign a value of one example to a variable, which stays as it was', () => {
    const w = variable(tensor([10, 20]))
    const f = vmap((a: Tensor) => {
      w.assign(a)
      return a
    })
    expect(() => f(zeros([3, 2]))).toThrow(
      /\[vmap\] a variable cannot be assigned a value that is not known inside of vmap/,
    )
    expect(values(w)).toEqual([10, 20])
    w.dispose()
  })
  it('composes with jit in both orders', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ])
    const inside = vmap(jit((a: Tensor) => sum(square(a))))
    const outside = jit(vmap((a: Tensor) => sum(square(a))))
    for (const scale of [1, 2, 3]) {
      expect(values(inside(mul(x, scale)))).toEqual([5 * scale ** 2, 25 * scale ** 2])
      expect(values(outside(mul(x, scale)))).toEqual([5 * scale ** 2, 25 * scale ** 2])
    }
  })

  const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      'different batch sizes',
      () => vmap((a: Tensor, b: Tensor) => add(a, b))(zeros([2]), zeros([3])),
      /\[vmap\] argument 1 has 3 examples along axis 0 of \[3\], an argument before it has 2/,
    ],
    [
      'a scalar',
      () => vmap((a: Tensor) => a)(scalar(1)),
      /\[vmap\] argument 0 is a scalar and has no axis 0/,
    ],
    [
      'nothing batched',
      () => vmap((a: Tensor) => a, { inAxes: null })(scalar(1)),
      /\[vmap\] no argument is batched/,
    ],
    [
      'a wrong number of axes',
      () => vmap((a: Tensor) => a, { inAxes: [0, 1] })(zeros([2])),
      /\[vmap\] inAxes has 2 entries for 1 arguments/,
    ],
    [
      'reading a value inside',
      () => vmap((a: Tensor) => mul(a, values(a)[0]!))(zeros([2])),
      /\[vmap\] the value of a traced tensor is not known here/,
    ],
    [
      'reading a computed value inside',
      () => vmap((a: Tensor) => mul(a, values(square(a))[0]!))(zeros([2])),
      /\[vmap\] the value of a traced tensor is not known here/,
    ],
  ]
  it.each(refused)('refuses %s', (_, act, message) => expect(act).toThrow(message))
})
