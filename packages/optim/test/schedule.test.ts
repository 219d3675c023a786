// Schedules by hand-computed values, and what they refuse.
import '@dl/backend-cpu'
import { expect, it } from 'vitest'
import { scalar, type Tensor } from '@dl/tensor/core'
import {
  constant,
  cosineDecay,
  exponentialDecay,
  inverseTimeDecay,
  piecewiseConstant,
  polynomialDecay,
  type Schedule,
  warmupCosine,
} from '@dl/optim'

const rows: [string, Schedule, [step: number, rate: number][]][] = [
  [
    'constant',
    constant(0.3),
    [
      [0, 0.3],
      [1e6, 0.3],
    ],
  ],
  [
    'cosine',
    cosineDecay(0.2, 100),
    [
      [0, 0.2],
      [50, 0.1],
      [100, 0],
      [150, 0],
    ],
  ],
  [
    'cosine with a floor',
    cosineDecay(0.2, 100, { alpha: 0.5 }),
    [
      [0, 0.2],
      [50, 0.15],
      [100, 0.1],
      [900, 0.1],
    ],
  ],
  [
    'cosine after a warm-up',
    cosineDecay(0.1, 100, { warmupTarget: 0.3, warmupSteps: 10 }),
    [
      [0, 0.1],
      [5, 0.2],
      [10, 0.3],
      [60, 0.15],
      [110, 0],
    ],
  ],
  [
    'warmupCosine',
    warmupCosine(0.4, 4, 8, { alpha: 0.5 }),
    [
      [0, 0],
      [2, 0.2],
      [4, 0.4],
      [8, 0.3],
      [12, 0.2],
    ],
  ],
  [
    'exponential',
    exponentialDecay(0.8, 10, 0.25),
    [
      [0, 0.8],
      [5, 0.4],
      [10, 0.2],
    ],
  ],
  [
    'exponential stairs',
    exponentialDecay(0.8, 10, 0.25, { staircase: true }),
    [
      [9, 0.8],
      [10, 0.2],
      [19, 0.2],
    ],
  ],
  [
    'inverse time',
    inverseTimeDecay(1, 2, 0.5),
    [
      [0, 1],
      [2, 1 / 1.5],
      [4, 0.5],
    ],
  ],
  [
    'inverse time stairs',
    inverseTimeDecay(1, 2, 0.5, { staircase: true }),
    [
      [1, 1],
      [3, 1 / 1.5],
    ],
  ],
  [
    'polynomial',
    polynomialDecay(1, 10, { endLearningRate: 0.2, power: 2 }),
    [
      [0, 1],
      [5, 0.4],
      [10, 0.2],
      [50, 0.2],
    ],
  ],
  [
    'piecewise',
    piecewiseConstant([2, 4], [1, 0.5, 0.1]),
    [
      [0, 1],
      [2, 1],
      [3, 0.5],
      [4, 0.5],
      [5, 0.1],
    ],
  ],
]
it.each(rows)('%s', async (_, schedule, points) => {
  for (const [step, rate] of points)
    expect((await schedule.at(scalar(step, 'int32') as Tensor).data())[0]).toBeCloseTo(rate, 6)
})

const mistakes: [string, () => Schedule, RegExp][] = [
  ['no steps', () => cosineDecay(1, 0), /\[cosineDecay\] decaySteps must be positive, got 0/],
  ['a rate of 0', () => exponentialDecay(1, 10, 0), /\[exponentialDecay\] decayRate must be positive, got 0/],
  [
    'too few values',
    () => piecewiseConstant([1], [1]),
    /one value more than boundaries, got 1 boundaries and 1 values/,
  ],
  ['boundaries that fall', () => piecewiseConstant([2, 2], [1, 2, 3]), /boundaries must increase, got 2, 2/],
  ['no warm-up', () => warmupCosine(1, 0, 5), /warmupSteps must be positive/],
]
it.each(mistakes)('refuses %s', (_, make, message) => {
  expect(make).toThrow(message)
})
