// scan, whileLoop and cond: values against the same program written out in JavaScript, derivatives of orders 1 to 3, batches,
// compiled and not, and what they refuse.
import { beforeAll, describe, expect, it } from 'vitest'
import { grad, hvp, jvp, variableGrads, vmap } from '../../src/autodiff/index.ts'
import { createReferenceBackend } from '../../src/backend/reference/index.ts'
import { jit } from '../../src/compile/jit.ts'
import { add, mul, sub } from '../../src/ops/arithmetic.ts'
import { cond, scan, whileLoop } from '../../src/ops/control-flow.ts'
import { scalar, tensor, zeros } from '../../src/ops/creation.ts'
import { concat, stack } from '../../src/ops/join.ts'
import { matMul } from '../../src/ops/matmul.ts'
import { slice } from '../../src/ops/slice.ts'
import { reshape } from '../../src/ops/movement.ts'
import { greater, less } from '../../src/ops/comparison.ts'
import { sum } from '../../src/ops/reduction.ts'
import '../../src/tensor/methods.ts'
import { exp, sigmoid, sin, square, tanh } from '../../src/ops/unary.ts'
import { type Tensor } from '../../src/tensor/tensor.ts'
import { variable } from '../../src/tensor/variable.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { Random, randomArray } from '../../src/testing/random-values.ts'
import { activate } from '../../src/testing/suite.ts'

const values = (x: Tensor): number[] => Array.from(x.dataSync() as Float32Array)
const random = new Random(5)
const some = (...shape: number[]): Tensor =>
  tensor(
    randomArray(
      random,
      'float32',
      shape.reduce((n, d) => n * d, 1),
      -1,
      1,
    ) as Float32Array,
    shape,
  )
function close(x: Tensor, expected: Tensor, relative = 2e-4): void {
  expect(x.shape).toEqual(expected.shape)
  const [got, wanted] = [values(x), values(expected)]
  const scale = Math.max(1, ...wanted.map(Math.abs))
  got.forEach((v, i) => expect(Math.abs(v - wanted[i]!)).toBeLessThan(relative * scale))
}

type Step = (carry: any, x: any) => readonly [any, any]
/** The same program as JavaScript would run it. */
function unrolled(step: Step, init: any, xs: Tensor | null, length: number, reverse = false): any {
  let carry = init
  const ys: Tensor[] = []
  for (let i = 0; i < length; i++) {
    const t = reverse ? length - 1 - i : i
    const x = xs && reshape(slice(xs, t, 1), xs.shape.slice(1))
    const [next, y] = step(carry, x)
    carry = next
    ys[t] = y
  }
  return { carry, ys: ys[0] ? stack(ys) : null }
}

interface LoopCase {
  readonly name: string
  readonly step: (w: Tensor) => Step
  readonly init: () => any
  readonly xs: () => Tensor
  readonly w: () => Tensor
  readonly reverse?: boolean
}
const loops: readonly LoopCase[] = [
  {
    name: 'a running sum of products',
    step: (w) => (c, x) => [add(c, mul(x, w)), mul(c, x)],
    init: () => scalar(0.5),
    xs: () => some(4),
    w: () => scalar(1.5),
  },
  {
    name: 'a recurrent layer',
    step: (w) => (h, x) => {
      const next = tanh(add(matMul(h, w), x))
      return [next, next]
    },
    init: () => some(2, 3),
    xs: () => some(4, 2, 3),
    w: () => some(3, 3),
  },
  {
    name: 'a recurrent layer from the end',
    step: (w) => (h, x) => {
      const next = tanh(add(matMul(h, w), x))
      return [next, square(next)]
    },
    init: () => some(2, 3),
    xs: () => some(3, 2, 3),
    w: () => some(3, 3),
    reverse: true,
  },
  {
    name: 'gates, a tree as carried value, weights used twice',
    step: (w) => (state, x) => {
      const z = matMul(concat([state.h, x], 1), w)
      const [i, o] = [sigmoid(slice(z, [0, 0], [-1, 2])), sigmoid(slice(z, [0, 2], [-1, 2]))]
      const c = add(mul(state.c, i), tanh(matMul(x, slice(w, [0, 0], [2, 2]))))
      const h = mul(o, tanh(c))
      return [{ h, c }, mul(h, 2)]
    },
    init: () => ({ h: some(3, 2), c: some(3, 2) }),
    xs: () => some(3, 3, 2),
    w: () => some(4, 4),
  },
  {
    name: 'a loop in a loop',
    step: (w) => (c, x) => {
      const inner = scan((a: any, e: any) => [mul(sin(add(a, e)), w), mul(a, e)] as const, c, x)
      return [add(inner.carry, 0.1), sum(inner.ys as any)]
    },
    init: () => scalar(0.3),
    xs: () => some(3, 4),
    w: () => scalar(0.8),
  },
  {
    name: 'values that the derivative needs and weights that are scaled',
    step: (w) => (c, x) => [mul(exp(mul(c, w)), x), exp(mul(w, x))],
    init: () => some(3),
    xs: () => some(3, 3),
    w: () => some(3),
  },
]

const backends = { reference: createReferenceBackend(), interpreter: interpretingBackend() }
for (const [name, backend] of Object.entries(backends))
  describe(`scan on ${name}`, () => {
    beforeAll(() => activate(backend))
    for (const loop of loops)
      describe(loop.name, () => {
        const { reverse = false } = loop
        const total = (result: any): Tensor => {
          const parts = [...(result.carry.h ? [result.carry.h, result.carry.c] : [result.carry]), result.ys]
          return parts.map((x, i) => sum(mul(sin(x), 1 + i / 3))).reduce((a, b) => add(a, b))
        }
        const looped = (w: Tensor, init: any, xs: Tensor): Tensor =>
          total(scan(loop.step(w), init, xs, { reverse }))
        const written = (w: Tensor, init: any, xs: Tensor): Tensor =>
          total(unrolled(loop.step(w), init, xs, xs.shape[0]!, reverse))
        const parts = (tree: any): Tensor[] => (tree.h ? [tree.h, tree.c] : [tree])

        it('gives the values', () => {
          const [w, init, xs] = [loop.w(), loop.init(), loop.xs()]
          const a = scan(loop.step(w), init, xs, { reverse })
          const b = unrolled(loop.step(w), init, xs, xs.shape[0]!, reverse)
          close(a.ys as Tensor, b.ys)
          parts(a.carry).forEach((x, i) => close(x, parts(b.carry)[i]!))
          const compiled = jit((p: Tensor) => scan(loop.step(p), init, xs, { reverse }).ys as Tensor)
          close(compiled(w), b.ys)
          close(compiled(mul(w, 1)), b.ys)
        })
        it('differentiates to orders 1, 2 and 3', () => {
          const [w, init, xs] = [loop.w(), loop.init(), loop.xs()]
          const all = (f: typeof looped): any[] => {
            const g = grad((p: any) => f(p.w, p.init, p.xs))({ w, init, xs })
            return [g.w, ...parts(g.init), g.xs]
          }
          const wanted = all(written)
          all(looped).forEach((x, i) => close(x, wanted[i]))
          const second = (f: typeof looped) => (p: any) =>
            sum(square(grad((q: any) => f(q.w, init, q.xs))(p).w))
          const a = grad(second(looped))({ w, xs })
          const b = grad(second(written))({ w, xs })
          close(a.w, b.w)
          close(a.xs, b.xs)
          const third = (f: typeof looped) => (p: Tensor) => sum(grad((q: any) => second(f)({ w: q, xs }))(p))
          close(grad(third(looped))(w), grad(third(written))(w), 1e-3)
        })
        it('has directional derivatives and second derivatives in a direction', () => {
          const [w, init, xs, v] = [loop.w(), loop.init(), loop.xs(), loop.w()]
          const f = (h: typeof looped) => (p: Tensor) => h(p, init, xs)
          close(jvp(f(looped), [w], [v]).tangent, jvp(f(written), [w], [v]).tangent)
          close(hvp(f(looped), w, v), hvp(f(written), w, v))
        })
        it('maps over a batch of weights, and of sequences', () => {
          const init = loop.init()
          const [w, xs] = [stack([loop.w(), loop.w()]), stack([loop.xs(), loop.xs()])]
          const f = (h: typeof looped) => (p: Tensor, x: Tensor) => h(p, init, x)
          close(vmap(f(looped))(w, xs), vmap(f(written))(w, xs))
          const one = loop.w()
          close(
            vmap(f(looped), { inAxes: [null, 0] })(one, xs),
            vmap(f(written), { inAxes: [null, 0] })(one, xs),
          )
          const g = (h: typeof looped) => vmap(grad((p: Tensor, x: Tensor) => h(p, init, x)))
          close(g(looped)(w, xs), g(written)(w, xs))
        })
      })
  })

describe('scan', () => {
  beforeAll(() => activate(backends.interpreter))
  it('runs over a length without sequences, and over nothing', () => {
    const { carry, ys } = scan((c: Tensor) => [mul(c, 2), c] as const, scalar(1), null, { length: 5 })
    expect([values(carry), values(ys)]).toEqual([[32], [1, 2, 4, 8, 16]])
    const none = scan((c: Tensor, x: Tensor) => [add(c, x), x] as const, scalar(7), zeros([0]))
    expect([values(none.carry), none.ys.shape]).toEqual([[7], [0]])
    const silent = scan((c: Tensor, x: Tensor) => [add(c, x), null] as const, scalar(7), tensor([1, 2]))
    expect([values(silent.carry), silent.ys]).toEqual([[10], null])
  })
  it('differentiates with respect to variables that the step reads', () => {
    const w = variable(
      tensor([
        [0.5, -0.25],
        [1, 0.75],
      ]),
    )
    const xs = some(3, 1, 2)
    const step = (h: Tensor, x: Tensor): readonly [Tensor, Tensor] => {
      const next = tanh(add(matMul(h, w), x))
      return [next, next]
    }
    const a = variableGrads(() => sum(scan(step, zeros([1, 2]), xs).ys))
    const b = variableGrads(() => sum(unrolled(step, zeros([1, 2]), xs, 3).ys))
    close(a.value, b.value)
    close(a.grads[w.name]!, b.grads[w.name]!)
  })
  it('sees assignments from outside when it is compiled', () => {
    const w = variable(scalar(2))
    const f = jit(
      (x: Tensor) => scan((c: Tensor, e: Tensor) => [add(c, mul(e, w)), null] as const, scalar(0), x).carry,
    )
    expect(values(f(tensor([1, 2])))).toEqual([6])
    w.assign(scalar(10))
    expect(values(f(tensor([1, 2])))).toEqual([30])
  })
  it('refuses what it cannot do', () => {
    const xs = tensor([1, 2])
    const w = variable(scalar(2))
    expect(() => scan((c: Tensor) => [stack([c, c]), c] as const, scalar(1), xs)).toThrow(
      /\[scan\] the carried value: expected float32 \[\], got float32 \[2\]/,
    )
    expect(() => scan((c: Tensor) => [c, c] as const, scalar(1), null)).toThrow(
      /the number of steps is not known/,
    )
    expect(() => scan((c: Tensor) => [c, c] as const, scalar(1), xs, { length: 3 })).toThrow(
      /3 elements along axis 0/,
    )
    expect(() => scan((c: Tensor) => c as never, scalar(1), xs)).toThrow(/must return \[carry, y\]/)
    const assigning = (c: Tensor, x: Tensor): readonly [Tensor, Tensor] => {
      w.assign(x)
      return [c, c]
    }
    expect(() => scan(assigning, scalar(1), xs)).toThrow(/a variable cannot be assigned inside/)
    const reading = (c: Tensor, x: Tensor): readonly [Tensor, Tensor] => {
      x.dataSync()
      return [c, c]
    }
    expect(() => scan(reading, scalar(1), xs)).toThrow(
      /\[scan\] the value of a traced tensor is not known here/,
    )
    expect(values(w)).toEqual([2])
  })
})

const collatz = (n: Tensor): Tensor => {
  const even = (x: Tensor): Tensor => x.equal(x.floorDiv(2).mul(2))
  return whileLoop(
    (s: { n: Tensor; steps: Tensor }) => greater(s.n, 1),
    ({ n: x, steps }) => ({
      n: cond(
        even(x),
        (a: Tensor) => a.floorDiv(2),
        (a: Tensor) => a.mul(3).add(1),
        x,
      ),
      steps: add(steps, 1),
    }),
    { n, steps: scalar(0, 'int32') },
  ).steps
}
const growth = (x: Tensor, w: Tensor): Tensor =>
  whileLoop(
    (y: Tensor) => less(sum(y), 20),
    (y: Tensor) => add(mul(y, w), sin(y)),
    x,
  )

describe('whileLoop', () => {
  beforeAll(() => activate(backends.reference))
  it('repeats as long as the condition holds', () => {
    expect(values(collatz(scalar(27, 'int32')))).toEqual([111])
    expect(values(collatz(scalar(1, 'int32')))).toEqual([0])
    expect(values(jit(collatz)(scalar(6, 'int32')))).toEqual([8])
  })
  it('has directional derivatives', () => {
    const [x, w] = [tensor([1, 2]), tensor([1.5, 1.2])]
    const written = (a: Tensor, b: Tensor): Tensor => {
      let y = a
      while (values(sum(y))[0]! < 20) y = add(mul(y, b), sin(y))
      return y
    }
    const delta = 1e-3
    const { value, tangent } = jvp(growth, [x, w], [tensor([1, 0.5]), tensor([0.25, -1])])
    const at = (h: number): Tensor =>
      written(add(x, mul(tensor([1, 0.5]), h)), add(w, mul(tensor([0.25, -1]), h)))
    close(value, written(x, w))
    close(tangent, mul(sub(at(delta), at(-delta)), 0.5 / delta), 5e-3)
    // twice: the second derivative in a direction
    const second = jvp((a: Tensor) => jvp((b: Tensor) => growth(b, w), [a], [x]).tangent, [x], [x])
    const first = (h: number): Tensor => jvp((b: Tensor) => growth(b, w), [add(x, mul(x, h))], [x]).tangent
    close(second.tangent, mul(sub(first(delta), first(-delta)), 0.5 / delta), 2e-2)
  })
  it('refuses reverse mode and says what to use', () => {
    expect(() => grad((x: Tensor) => sum(growth(x, x)))(tensor([1, 2]))).toThrow(
      /\[whileLoop\] reverse-mode differentiation needs the number of steps/,
    )
  })
  it('maps over a batch whose examples need different numbers of steps', () => {
    expect(values(vmap(collatz)(tensor([1, 6, 27, 7], [4], 'int32')))).toEqual([0, 8, 111, 16])
    const x = tensor([
      [1, 2],
      [8, 9],
      [30, 1],
    ])
    const w = tensor([1.5, 1.2])
    const each = [0, 1, 2].map((i) => growth(reshape(slice(x, [i, 0], [1, 2]), [2]), w))
    close(vmap(growth, { inAxes: [0, null] })(x, w), stack(each))
    // a shared number of steps stays one
    const twice = vmap(
      (y: Tensor) =>
        whileLoop(
          (s: { i: Tensor; y: Tensor }) => less(s.i, 3),
          (s) => ({ i: add(s.i, 1), y: mul(s.y, 2) }),
          { i: scalar(0, 'int32'), y },
        ).y,
    )
    expect(values(twice(tensor([1, 2, 3])))).toEqual([8, 16, 24])
  })
  it('refuses a body that changes the type of the value', () => {
    expect(() =>
      whileLoop(
        (x: Tensor) => less(x, 1),
        (x: Tensor) => stack([x, x]),
        scalar(1),
      ),
    ).toThrow(/\[whileLoop\] the value: expected float32 \[\], got float32 \[2\]/)
    expect(() =>
      whileLoop(
        (x: Tensor) => stack([x, x]),
        (x: Tensor) => x,
        scalar(1),
      ),
    ).toThrow(/must be one value/)
  })
})

for (const [name, backend] of Object.entries(backends))
  describe(`cond on ${name}`, () => {
    beforeAll(() => activate(backend))
    const w = tensor([2, 3])
    const f = (p: Tensor, x: Tensor): Tensor =>
      sum(
        cond(
          greater(p, 0),
          (a: Tensor) => mul(sin(a), w),
          (a: Tensor) => exp(mul(a, w)),
          x,
        ),
      )
    it('takes one branch, and so do its derivatives', () => {
      const x = tensor([0.5, -1])
      close(f(scalar(1), x), sum(mul(sin(x), w)))
      close(f(scalar(-1), x), sum(exp(mul(x, w))))
      for (const sign of [1, -1]) {
        const g = (y: Tensor): Tensor => f(scalar(sign), y)
        const plain = (y: Tensor): Tensor => sum(sign > 0 ? mul(sin(y), w) : exp(mul(y, w)))
        close(grad(g)(x), grad(plain)(x))
        close(hvp(g, x, w), hvp(plain, x, w))
        close(jvp(g, [x], [w]).tangent, jvp(plain, [x], [w]).tangent)
      }
    })
    it('lets no NaN of the other branch through', () => {
      const safe = (x: Tensor): Tensor =>
        cond(
          greater(x, 0),
          (a: Tensor) => a.sqrt(),
          (a: Tensor) => mul(a, 3),
          x,
        )
      expect(values(grad(safe)(scalar(-4)))).toEqual([3])
      expect(values(grad(safe)(scalar(4)))).toEqual([0.25])
    })
    it('maps over predicates and over operands', () => {
      const p = tensor([1, -1, 2])
      const x = some(3, 2)
      const row = (i: number): Tensor => reshape(slice(x, [i, 0], [1, 2]), [2])
      close(vmap(f)(p, x), stack([1, -1, 2].map((v, i) => f(scalar(v), row(i)))))
      close(vmap(f, { inAxes: [null, 0] })(scalar(-1), x), stack([0, 1, 2].map((i) => f(scalar(-1), row(i)))))
    })
    it('returns trees, from a predicate that is a number', () => {
      const swap = (p: number, a: Tensor, b: Tensor): number[] => {
        const r = cond(
          p,
          (x: Tensor, y: Tensor) => ({ x, y }),
          (x: Tensor, y: Tensor) => ({ x: y, y: x }),
          a,
          b,
        )
        return [...values(r.x), ...values(r.y)]
      }
      expect(swap(1, scalar(1), scalar(2))).toEqual([1, 2])
      expect(swap(0, scalar(1), scalar(2))).toEqual([2, 1])
    })
    it('refuses branches of different types', () => {
      expect(() =>
        cond(
          1,
          (x: Tensor) => x,
          (x: Tensor) => stack([x, x]),
          scalar(1),
        ),
      ).toThrow(/\[cond\] the result of the second branch: expected float32 \[\], got float32 \[2\]/)
    })
  })
