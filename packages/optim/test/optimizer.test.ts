// The optimizer's two faces: they agree, go on exactly after a restore, and follow a new learning rate without retracing.
import '@dl/backend-cpu'
import { describe, expect, it } from 'vitest'
import { jit, mul, square, sub, sum, tensor, variable, type Tensor, type Variable } from '@dl/tensor/core'
import {
  adagrad,
  adam,
  adamW,
  clipNorm,
  cosineDecay,
  globalClipNorm,
  globalNorm,
  Optimizer,
  rmsprop,
  sgd,
} from '@dl/optim'

const t = (values: number[] | number[][]): Tensor => tensor(values) as Tensor
const target = t([1, -2, 3])
const lossOf = (w: Tensor): Tensor => sum(square(sub(w, target)))
const values = async (x: Tensor): Promise<number[]> => [...((await x.data()) as Float32Array)]

const OPTIMIZERS: [string, () => Optimizer][] = [
  ['sgd', () => sgd({ learningRate: 0.1 })],
  ['sgd with momentum', () => sgd({ learningRate: 0.05, momentum: 0.9 })],
  ['sgd with nesterov', () => sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 })],
  ['adam', () => adam({ learningRate: 0.1 })],
  ['adam, amsgrad', () => adam({ learningRate: 0.1, amsgrad: true, l2Penalty: 0.01 })],
  ['adamW', () => adamW({ learningRate: cosineDecay(0.1, 50) })],
  ['rmsprop', () => rmsprop({ learningRate: 0.05 })],
  ['rmsprop, centered', () => rmsprop({ learningRate: 0.05, centered: true, momentum: 0.5 })],
  ['adagrad', () => adagrad({ learningRate: 0.5, globalClipNorm: 1 })],
]

describe.each(OPTIMIZERS)('%s', (_, make) => {
  it('both faces take the same steps, compiled or not', async () => {
    const [stateful, functional] = [make(), make()]
    const w = variable(t([0, 0, 0]), true, 'w')
    let params = { w: t([0, 0, 0]) }
    let state = functional.init(params)
    const compiled = make()
    const v = variable(t([0, 0, 0]), true, 'w')
    compiled.build([v])
    const step = jit(() => compiled.minimize(() => lossOf(v as Tensor), [v]))
    for (let i = 0; i < 12; i++) {
      stateful.minimize(() => lossOf(w as Tensor), [w])
      step()
      ;({ params, state } = functional.update({ w: mul(sub(params.w, target), 2) }, state, params))
    }
    const want = await values(w as Tensor)
    want.forEach((x, i) => expect(x).not.toBe([0, 0, 0][i]))
    const [fromTree, fromJit] = [await values(params.w), await values(v as Tensor)]
    want.forEach((x, i) => {
      expect(fromTree[i]).toBeCloseTo(x, 5)
      expect(fromJit[i]).toBeCloseTo(x, 5)
    })
  })

  it('goes on bit for bit after saving and restoring', async () => {
    const run = (optimizer: Optimizer, w: Variable, steps: number): void => {
      for (let i = 0; i < steps; i++) optimizer.minimize(() => lossOf(w as Tensor), [w])
    }
    const [whole, w] = [make(), variable(t([0, 0, 0]), true, 'w')]
    run(whole, w, 10)
    const [first, u] = [make(), variable(t([0, 0, 0]), true, 'w')]
    run(first, u, 4)
    const saved: Record<string, Tensor> = {}
    for (const [name, x] of Object.entries(first.state()))
      saved[name] = tensor((await x.data()) as Float32Array, x.shape, x.dtype)
    const [second, v] = [make(), variable(tensor((await u.data()) as Float32Array) as Tensor, true, 'w')]
    await second.loadState(saved, [v])
    run(second, v, 6)
    expect(await values(v as Tensor)).toEqual(await values(w as Tensor))
    expect((await second.iteration.data())[0]).toBe(10)
  })
})

describe('learning rate', () => {
  it('can be set between steps of a compiled function without tracing again', async () => {
    const optimizer = sgd({ learningRate: 1 })
    const w = variable(t([0]), true, 'w')
    optimizer.build([w])
    let traced = 0
    const step = jit(() => {
      traced++
      optimizer.applyGradients([t([1])], [w])
      return []
    })
    step()
    optimizer.learningRate = 0.25
    step()
    optimizer.learningRate = 10
    step()
    expect(await values(w as Tensor)).toEqual([-11.25])
    expect(optimizer.learningRate).toBe(10)
    expect(traced).toBe(1)
  })

  it('holds for the functional face too', async () => {
    const optimizer = sgd({ learningRate: 1 })
    const update = jit((g: Tensor, state: ReturnType<typeof optimizer.init<Tensor>>, p: Tensor) =>
      optimizer.update(g, state, p),
    )
    const p = t([0])
    const first = update(t([1]), optimizer.init(p), p)
    optimizer.learningRate = 0.5
    const second = update(t([1]), first.state, first.params)
    expect(await values(second.params)).toEqual([-1.5])
  })

  it('of a schedule cannot be set', () => {
    const schedule = cosineDecay(0.1, 10)
    const optimizer = adam({ learningRate: schedule })
    expect(optimizer.learningRate).toBe(schedule)
    expect(() => {
      optimizer.learningRate = 1
    }).toThrow('[adam] follows the schedule cosineDecay')
  })

  it('of a schedule follows the step inside jit', async () => {
    const optimizer = sgd({ learningRate: cosineDecay(1, 2) })
    const w = variable(t([0]), true, 'w')
    optimizer.build([w])
    const step = jit(() => {
      optimizer.applyGradients([t([1])], [w])
      return []
    })
    for (let i = 0; i < 5; i++) step()
    expect((await values(w as Tensor))[0]).toBeCloseTo(-1.5, 6) // rates 1, 0.5, 0, 0, 0
  })
})

describe('trees and lists', () => {
  it('updates any tree of parameters', async () => {
    const optimizer = sgd({ learningRate: 1, momentum: 0.5 })
    const params = { blocks: [{ w: t([1]) }, { w: t([2]) }], b: t([3]) }
    const grads = { blocks: [{ w: t([1]) }, { w: t([1]) }], b: t([1]) }
    const state = optimizer.init(params)
    const next = optimizer.update(grads, optimizer.update(grads, state, params).state, params)
    expect(await values(next.params.blocks[1]!.w)).toEqual([0.5])
    expect(await values(next.state.slots['momentum']!.b)).toEqual([-1.5])
    expect((await next.state.step.data())[0]).toBe(2)
  })

  it('counts steps for variables that join later', async () => {
    const optimizer = adam()
    const [a, b] = [variable(t([0]), true, 'a'), variable(t([0]), true, 'a')]
    optimizer.applyGradients([t([1])], [a])
    optimizer.applyGradients([t([1]), t([1])], [a, b])
    expect(Object.keys(optimizer.state())).toEqual([
      'iteration',
      'learningRate',
      'a/momentum',
      'a/velocity',
      'a_1/momentum',
      'a_1/velocity',
    ])
    expect((await optimizer.iteration.data())[0]).toBe(2)
  })

  it('minimize finds the trainable variables that the loss reads', async () => {
    const [w, frozen] = [variable(t([1]), true, 'w'), variable(t([2]), false, 'frozen')]
    const before = sgd({ learningRate: 0.5 }).minimize(() => sum(mul(w, frozen)))
    expect(await values(before)).toEqual([2])
    expect([...(await values(w as Tensor)), ...(await values(frozen as Tensor))]).toEqual([0, 2])
  })
})

describe('clipping', () => {
  const gradients = [t([3, 0]), t([4])]
  it('by norm of each, by norm of all, by value', async () => {
    expect(await values(clipNorm(gradients, 1)[0]!)).toEqual([1, 0])
    expect((await values(globalNorm(gradients)))[0]).toBeCloseTo(5, 6)
    expect((await values(globalClipNorm(gradients, 1)[1]!))[0]).toBeCloseTo(0.8, 6)
    expect(await values(globalClipNorm(gradients, 100)[1]!)).toEqual([4])
  })
  it.each([
    [{ clipNorm: 1 }, [-1, -1]],
    [{ clipValue: 2 }, [-2, -2]],
    [{ globalClipNorm: 1 }, [-0.6, -0.8]],
  ])('in an optimizer: %j', async (options, want) => {
    const next = sgd({ learningRate: 1, ...options }).update([t([3]), t([4])], sgd().init([t([0]), t([0])]), [
      t([0]),
      t([0]),
    ])
    for (const [i, w] of want.entries()) expect((await values(next.params[i]!))[0]).toBeCloseTo(w, 6)
  })
})

describe('mistakes', () => {
  const w = variable(t([0, 0]), true, 'w')
  const rows: [string, () => unknown, RegExp][] = [
    [
      'two clippings',
      () => sgd({ clipNorm: 1, clipValue: 1 }),
      /only one of clipValue, clipNorm, globalClipNorm can be set/,
    ],
    [
      'negative learning rate',
      () => sgd({ learningRate: -1 }),
      /\[sgd\] learningRate must be 0 or more, got -1/,
    ],
    [
      'NaN learning rate',
      () => adam({ learningRate: NaN }),
      /\[adam\] learningRate must be 0 or more, got NaN/,
    ],
    ['negative decay', () => adamW({ weightDecay: -0.1 }), /\[adamW\] weightDecay/],
    ['beta of 1', () => adam({ beta1: 1 }), /\[adam\] beta1 must be between 0 and 1, got 1/],
    ['rho of 1', () => rmsprop({ rho: 1 }), /\[rmsprop\] rho/],
    [
      'a form that is none',
      () => adam({ form: 'tf' as never }),
      /\[adam\] form must be 'keras' or 'torch', got "tf"/,
    ],
    ['momentum of 2', () => sgd({ momentum: 2 }), /\[sgd\] momentum must be in \[0, 1\], got 2/],
    ['nesterov without momentum', () => sgd({ nesterov: true }), /nesterov needs a momentum/],
    ['a gradient too few', () => sgd().applyGradients([], [w]), /one gradient a variable, got 0 for 1/],
    [
      'a gradient of another shape',
      () => sgd().applyGradients([t([1])], [w]),
      /shape \[2\] must have that shape, got \[1\]/,
    ],
    ['trees that do not fit', () => sgd().update([], sgd().init([t([1])]), [t([1])]), /got 0 for 1/],
    [
      'a tree with a number',
      () => sgd().init({ a: 1 }),
      /\[sgd\.init\] expects trees of tensors, found number/,
    ],
    ['a clipping limit of 0', () => clipNorm([t([1])], 0), /\[clipNorm\] the limit must be positive/],
  ]
  it.each(rows)('%s', (_, make, message) => {
    expect(make).toThrow(message)
  })

  it('a state that lacks an entry, has a strange one, or another shape changes nothing', async () => {
    const optimizer = adam()
    optimizer.applyGradients([t([1, 1])], [w])
    const state = optimizer.state()
    const { 'w/velocity': velocity, ...less } = state
    const fresh = adam()
    await expect(fresh.loadState(less, [w])).rejects.toThrow("'w/velocity' is missing")
    await expect(fresh.loadState({ ...state, extra: t([1]) }, [w])).rejects.toThrow('unknown entries: extra')
    await expect(fresh.loadState({ ...state, 'w/velocity': t([1]) }, [w])).rejects.toThrow(
      'must have that shape, got [1]',
    )
    expect((await fresh.iteration.data())[0]).toBe(0)
    expect(velocity!.shape).toEqual([2])
  })
})
