// Judges: trajectories of optimizers and schedules that PyTorch (float64) and Keras 3.8 computed.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { expect, it } from 'vitest'
import {
  strictBackend,
  add,
  matMul,
  mean,
  scalar,
  square,
  sub,
  tanh,
  tensor,
  variable,
  type Tensor,
} from '@dl/tensor/core'
import {
  adagrad,
  adam,
  adamW,
  clipValue,
  cosineDecay,
  exponentialDecay,
  globalClipNorm,
  inverseTimeDecay,
  type Optimizer,
  piecewiseConstant,
  polynomialDecay,
  rmsprop,
  sgd,
} from '@dl/optim'

strictBackend(true) // falling back to the reference interpreter is an error here

interface Values {
  shape: number[]
  data: number[]
}
const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
const load = (name: string): unknown => JSON.parse(readFileSync(fixture(name), 'utf8'))
const value = ({ data, shape }: Values): Tensor => tensor(data, shape, 'float32') as Tensor

function expectClose(got: ArrayLike<number>, want: readonly number[], bound: number, where: string): void {
  expect(got.length).toBe(want.length)
  want.forEach((w, i) =>
    expect(Math.abs(got[i]! - w), `${where}, value ${i}: ${got[i]} instead of ${w}`).toBeLessThanOrEqual(
      bound * (1 + Math.abs(w)),
    ),
  )
}

/** Parameters after each step with given gradients. */
async function trajectory(
  optimizer: Optimizer,
  p0: readonly number[],
  gradients: readonly number[][],
): Promise<Float32Array[]> {
  let params = { p: tensor(p0 as number[]) as Tensor }
  let state = optimizer.init(params)
  const points: Float32Array[] = []
  for (const g of gradients) {
    const next = optimizer.update({ p: tensor(g) as Tensor }, state, params)
    ;({ params, state } = next)
    points.push((await params.p.data()) as Float32Array)
  }
  return points
}

interface TorchFixture {
  gradSequence: number[][]
  problem: { X: Values; Y: Values; W0: Values; b0: Values }
  cases: {
    id: string
    givenGrads: { p0: Values; trajectory: number[][] }
    problem: { loss: number[]; params: Record<string, Record<'W' | 'b', Values>> }
  }[]
}

// PyTorch's rmsprop and adagrad add epsilon outside of the root; an epsilon small enough makes both forms one.
const TORCH: Record<string, () => Optimizer> = {
  sgd: () => sgd({ learningRate: 0.1 }),
  sgd_momentum: () => sgd({ learningRate: 0.1, momentum: 0.9 }),
  sgd_momentum_damp: () => sgd({ learningRate: 0.1, momentum: 0.9, dampening: 0.1 }),
  sgd_nesterov: () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  sgd_wd: () => sgd({ learningRate: 0.1, momentum: 0.5, l2Penalty: 0.01 }),
  adam: () => adam({ learningRate: 0.05, form: 'torch' }),
  adam_amsgrad: () => adam({ learningRate: 0.05, form: 'torch', amsgrad: true }),
  adam_l2: () => adam({ learningRate: 0.05, form: 'torch', l2Penalty: 0.02 }),
  adamw: () => adamW({ learningRate: 0.05, form: 'torch', weightDecay: 0.01 }),
  adamw_wd: () => adamW({ learningRate: 0.05, form: 'torch', weightDecay: 0.1 }),
  rmsprop: () => rmsprop({ learningRate: 0.01, rho: 0.99, epsilon: 1e-16 }),
  rmsprop_centered_mom: () =>
    rmsprop({ learningRate: 0.01, rho: 0.99, epsilon: 1e-16, centered: true, momentum: 0.9 }),
  adagrad: () => adagrad({ learningRate: 0.1, initialAccumulatorValue: 0, epsilon: 1e-20 }),
  adagrad_decay_init: () =>
    adagrad({ learningRate: inverseTimeDecay(0.1, 1, 0.01), initialAccumulatorValue: 0.1, epsilon: 1e-20 }),
}

judge(
  'PyTorch optimizers',
  { needs: 'oracles/ops/optimizers.json', fixture: fixture('torch-optimizers.json') },
  () => {
    const { gradSequence, problem, cases } = load('torch-optimizers.json') as TorchFixture
    it.each(cases.map((c) => [c.id, c] as const))(
      '%s with given gradients, functional face',
      async (id, c) => {
        const points = await trajectory(TORCH[id]!(), c.givenGrads.p0.data, gradSequence)
        c.givenGrads.trajectory.forEach((want, i) => expectClose(points[i]!, want, 5e-5, `step ${i + 1}`))
      },
    )

    it.each(cases.map((c) => [c.id, c] as const))('%s on a small problem, stateful face', async (id, c) => {
      const optimizer = TORCH[id]!()
      const [x, y] = [value(problem.X), value(problem.Y)]
      const w = variable(value(problem.W0), true, `${id}/W`)
      const b = variable(value(problem.b0), true, `${id}/b`)
      const loss = (): Tensor => mean(square(sub(tanh(add(matMul(x, w), b)), y)))
      for (let step = 1; step <= 50; step++) {
        const before = optimizer.minimize(loss, [w, b])
        expectClose(await before.data(), [c.problem.loss[step - 1]!], 5e-5, `loss of step ${step}`)
        const want = c.problem.params[step]
        if (!want) continue
        expectClose(await w.data(), want.W.data, 1e-4, `W after step ${step}`)
        expectClose(await b.data(), want.b.data, 1e-4, `b after step ${step}`)
      }
    })
  },
)

interface KerasFixture {
  p0: Values
  grads: number[][]
  optimizers: Record<string, { trajectory: number[][] }>
}
const KERAS: Record<string, () => Optimizer> = {
  SGD: () => sgd({ learningRate: 0.1 }),
  SGD_nesterov: () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  SGD_cosine: () => sgd({ learningRate: cosineDecay(0.1, 20, { alpha: 0.1 }) }),
  Adam: () => adam({ learningRate: 0.05 }),
  Adam_amsgrad: () => adam({ learningRate: 0.05, amsgrad: true }),
  Adam_clipnorm: () => adam({ learningRate: 0.05, clipNorm: 0.5 }),
  AdamW: () => adamW({ learningRate: 0.05, weightDecay: 0.1 }),
  RMSprop: () => rmsprop({ learningRate: 0.01 }),
  RMSprop_centered: () => rmsprop({ learningRate: 0.01, centered: true, momentum: 0.9 }),
  Adagrad: () => adagrad({ learningRate: 0.1 }),
}

judge(
  'Keras optimizers',
  { needs: 'oracles/keras-cases/optimizers.json', fixture: fixture('keras-optimizers.json') },
  () => {
    const { p0, grads, optimizers } = load('keras-optimizers.json') as KerasFixture
    it.each(Object.entries(optimizers))('%s', async (name, { trajectory: want }) => {
      const points = await trajectory(KERAS[name]!(), p0.data, grads)
      want.forEach((w, i) => expectClose(points[i]!, w, 5e-5, `step ${i + 1}`))
    })
  },
)

interface SchedulesFixture {
  schedules: { id: string; lr: number[] }[]
  clips: {
    id: string
    maxNorm?: number
    normType?: string
    value?: number
    inGrads: Values[]
    outGrads: Values[]
  }[]
}
judge(
  'PyTorch schedules and clipping',
  { needs: 'oracles/ops/schedulers.json', fixture: fixture('torch-schedules.json') },
  () => {
    const { schedules, clips } = load('torch-schedules.json') as SchedulesFixture
    const OURS = {
      exp: exponentialDecay(0.1, 1, 0.95),
      cos: cosineDecay(0.1, 20, { alpha: 0.01 }),
      multistep: piecewiseConstant([9, 24, 39], [0.1, 0.02, 0.004, 0.0008]),
      poly: polynomialDecay(0.1, 30, { endLearningRate: 0, power: 2 }),
    }
    it.each(schedules.map((c) => [c.id, c.lr] as const))('%s', async (id, rates) => {
      const schedule = OURS[id as keyof typeof OURS]
      // PyTorch's cosine rises again after its last step; ours stays
      for (const [step, want] of rates.slice(0, id === 'cos' ? 21 : 60).entries())
        expectClose(await schedule.at(scalar(step, 'int32') as Tensor).data(), [want], 1e-6, `step ${step}`)
    })

    const own = clips.filter((c) => c.value !== undefined || c.normType === '2.0')
    it.each(own.map((c) => [c.id, c] as const))('clipping: %s', async (_, c) => {
      const gradients = c.inGrads.map(value)
      const clipped =
        c.value === undefined ? globalClipNorm(gradients, c.maxNorm!) : clipValue(gradients, c.value)
      for (const [i, want] of c.outGrads.entries())
        expectClose(await clipped[i]!.data(), want.data, 1e-5, `gradient ${i}`)
    })
  },
)
