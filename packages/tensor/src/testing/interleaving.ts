// A property test of laziness: any interleaving of operations, assignments, disposals, reads, tidies, compiled calls and
// mutations of host arrays gives the values that computing everything at once gives.
import { jit } from '../compile/jit.ts'
import { add, mul, sub } from '../ops/arithmetic.ts'
import { tensor } from '../ops/creation.ts'
import { reverse } from '../ops/movement.ts'
import { sum } from '../ops/reduction.ts'
import { tanh } from '../ops/unary.ts'
import { tidy } from '../tensor/scope.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { type Variable, variable } from '../tensor/variable.ts'
import { assertValues, type TestApi } from './test-api.ts'

const LENGTH = 3
/** mulberry32: a small seeded generator of [0, 1). */
function generator(seed: number): () => number {
  let a = seed | 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
const f = Math.fround

interface Shadowed<T> {
  readonly lazy: T
  eager: number[]
}

/** One random session of `steps` actions; throws at the first value that differs. */
export async function interleave(seed: number, steps = 60): Promise<void> {
  const random = generator(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const numbers = (): number[] => Array.from({ length: LENGTH }, () => f(random() * 2 - 1))
  const tensors: Shadowed<Tensor>[] = []
  const variables: Shadowed<Variable>[] = []
  const hosts: Float32Array[] = []
  const put = (lazy: Tensor, eager: number[]): void => void tensors.push({ lazy, eager })
  const create = (): void => {
    const host = Float32Array.from(numbers())
    hosts.push(host)
    put(tensor(host), [...host])
  }
  create()
  create()
  for (let i = 0; i < 2; i++) {
    const start = numbers()
    variables.push({ lazy: variable(tensor(start)), eager: start })
  }
  const any = (): Shadowed<Tensor> => {
    const i = below(tensors.length + variables.length)
    return i < tensors.length ? tensors[i]! : (variables[i - tensors.length]! as Shadowed<Tensor>)
  }
  const zip = (a: Shadowed<Tensor>, b: Shadowed<Tensor>, op: (x: number, y: number) => number): number[] =>
    a.eager.map((x, i) => f(op(x, b.eager[i]!)))
  const compiled = jit((x: Tensor, y: Tensor) => {
    const v = variables[0]!.lazy
    v.assign(add(mul(v, 0.5), x))
    return sub(mul(x, y), v)
  })
  const actions: (() => void | Promise<void>)[] = [
    create,
    () => {
      const [a, b] = [any(), any()]
      put(
        add(a.lazy, b.lazy),
        zip(a, b, (x, y) => x + y),
      )
    },
    () => {
      const [a, b] = [any(), any()]
      put(
        mul(a.lazy, b.lazy),
        zip(a, b, (x, y) => x * y),
      )
    },
    () => {
      const a = any()
      put(
        tanh(a.lazy),
        a.eager.map((x) => f(Math.tanh(x))),
      )
    },
    () => {
      const a = any()
      put(reverse(a.lazy, 0), a.eager.toReversed())
    },
    () => {
      const a = any()
      const total = a.eager.reduce((s, x) => f(s + x), 0)
      put(
        add(mul(a.lazy, 0), sum(a.lazy)),
        // oxlint-disable-next-line oxc/erasing-op -- NaN times 0 is NaN
        a.eager.map((x) => f(x * 0 + total)),
      )
    },
    () => {
      const [a, v] = [any(), variables[below(2)]!]
      v.lazy.assign(tanh(a.lazy))
      v.eager = a.eager.map((x) => f(Math.tanh(x)))
    },
    () => {
      const v = variables[below(2)]!
      v.lazy.assign(add(mul(v.lazy, 0.5), 0.25))
      v.eager = v.eager.map((x) => f(f(x * 0.5) + 0.25))
    },
    () => {
      hosts[below(hosts.length)]!.fill(random() * 100)
    },
    () => {
      if (tensors.length < 3) return
      tensors.splice(below(tensors.length), 1)[0]!.lazy.dispose()
    },
    () => {
      const [a, b] = [any(), any()]
      put(
        tidy(() => sub(tanh(a.lazy), tanh(b.lazy))),
        zip(a, b, (x, y) => f(Math.tanh(x)) - f(Math.tanh(y))),
      )
    },
    () => {
      const [a, b] = [any(), any()]
      const [x, y] = [[...a.eager], [...b.eager]]
      const result = compiled(add(a.lazy, 0), add(b.lazy, 0))
      const v = variables[0]!
      v.eager = v.eager.map((w, i) => f(f(w * 0.5) + x[i]!))
      put(
        result,
        x.map((xi, i) => f(f(xi * y[i]!) - v.eager[i]!)),
      )
    },
    async () => {
      const a = any()
      await assertValues(a.lazy, a.eager, 1e-4)
    },
    async () => {
      const a = any()
      ;(await a.lazy.data()).fill(123)
      await assertValues(a.lazy, a.eager, 1e-4)
    },
  ]
  for (let step = 0; step < steps; step++) await actions[below(actions.length)]!()
  for (const { lazy, eager } of [...tensors, ...variables]) await assertValues(lazy, eager, 1e-4)
  for (const { lazy } of [...tensors, ...variables]) lazy.dispose()
}

/** Registers `sessions` random sessions. */
export function interleavingProperty({ describe, it }: TestApi, sessions = 150, firstSeed = 1): void {
  describe('laziness', () => {
    it(`gives eager values in ${sessions} random sessions`, async () => {
      for (let seed = firstSeed; seed < firstSeed + sessions; seed++) {
        try {
          await interleave(seed)
        } catch (error) {
          throw new Error(`session ${seed}: ${(error as Error).message}`, { cause: error })
        }
      }
    }, 60_000)
  })
}
