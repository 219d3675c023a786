// Callbacks, the record of training and what it looks like while it runs.
import '@dl/backend-cpu'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { adam, cosineDecay, sgd } from '@dl/optim'
import { mean, ones, type Tensor } from '@dl/tensor/core'
import {
  callbacks,
  layers,
  sequential,
  type Callback,
  type Logs,
  type ProgressOutput,
  type Sequential,
  type TrainingContext,
} from '@dl/layers'
import { duration, number } from '../src/training/progress.ts'
import { logsOf } from '../src/training/logs.ts'

const quiet = { verbose: 0 } as const
const x = (n: number): Tensor => ones([n, 1]) as Tensor
function line(): Sequential {
  const m = sequential([
    layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones', inputShape: [1] }),
  ])
  m.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'mse' })
  return m
}
/** Feeds a callback made-up losses, one an epoch, as fit would; gives the epochs that ran. */
async function drive(callback: Callback, losses: readonly number[], model: unknown = {}): Promise<number> {
  const state = { stopped: false }
  const context = {
    model,
    epochs: losses.length,
    steps: 1,
    stopTraining: () => (state.stopped = true),
  } as unknown as TrainingContext
  await callback.onTrainBegin?.(context)
  let epoch = 0
  for (; epoch < losses.length && !state.stopped; epoch++)
    await callback.onEpochEnd?.(
      epoch,
      logsOf({ val_loss: losses[epoch]!, val_accuracy: -losses[epoch]! }),
      context,
    )
  await callback.onTrainEnd?.(context)
  return epoch
}

describe('any object is a callback', () => {
  it('and is called in order, with counts from 0', async () => {
    const events: string[] = []
    const note =
      (name: string) =>
      (...args: unknown[]) =>
        void events.push(`${name} ${args.filter((a) => typeof a === 'number').join(' ')}`.trim())
    await line().fit(x(4), x(4), {
      epochs: 2,
      batchSize: 2,
      ...quiet,
      callbacks: [
        {
          onTrainBegin: note('begin'),
          onTrainEnd: note('end'),
          onEpochBegin: note('epoch'),
          onEpochEnd: note('done'),
        },
      ],
      onBatchEnd: note('batch'),
    })
    expect(events).toEqual([
      'begin',
      'epoch 0',
      'batch 0',
      'batch 1',
      'done 0',
      'epoch 1',
      'batch 0',
      'batch 1',
      'done 1',
      'end',
    ])
  })

  it('sees running means, the model and the plan, and may stop training', async () => {
    const seen: [number, number | undefined][] = []
    const m = line()
    const { epoch } = await m.fit(x(4), x(4), {
      epochs: 9,
      batchSize: 3,
      ...quiet,
      onEpochEnd: async (_epoch, logs, context) => {
        await Promise.resolve()
        seen.push([logs.loss, context.steps])
        expect(context.model).toBe(m)
        if (seen.length === 2) context.stopTraining()
      },
    })
    expect(seen).toEqual([
      [0, 2],
      [0, 2],
    ])
    expect(epoch).toEqual([0, 1])
  })

  it('and its error is the error of fit', async () => {
    await expect(
      line().fit(x(1), x(1), { ...quiet, onEpochEnd: () => Promise.reject(new Error('mine')) }),
    ).rejects.toThrow('mine')
  })
})

describe('earlyStopping', () => {
  const rows: [string, Parameters<typeof callbacks.earlyStopping>[0], number[], number][] = [
    ['patience 0 stops at the first epoch that is not better', {}, [3, 2, 2, 1], 3],
    ['patience 2', { patience: 2 }, [3, 2, 2.5, 2.5, 1], 4],
    ['patience starts anew after an improvement', { patience: 2 }, [3, 2, 2.5, 1.9, 2, 2, 0], 6],
    ['minDelta', { minDelta: 0.5, patience: 1 }, [3, 2.8, 2], 2],
    ['max', { monitor: 'val_accuracy' }, [3, 2, 2.5], 3],
    ['mode given', { mode: 'max', patience: 1 }, [3, 2, 4], 2],
    ['startFromEpoch', { startFromEpoch: 2 }, [1, 5, 5, 4, 4], 5],
    [
      'an improvement that does not reach the baseline still counts as waiting',
      { baseline: 1, patience: 2 },
      [3, 2.9, 2.9, 2.8],
      3,
    ],
    ['NaN is never better', { patience: 1 }, [3, NaN, 1], 2],
  ]
  it.each(rows)('%s', async (_, options, losses, epochs) => {
    expect(await drive(callbacks.earlyStopping(options), losses)).toBe(epochs)
  })

  it('goes back to the best weights, and can be used again', async () => {
    const m = sequential([
      layers.dense({ units: 1, useBias: false, kernelInitializer: 'zeros', inputShape: [1] }),
    ])
    // each step moves the weight by 1: 1, 2, 3, … while validation wants 2
    m.compile({ optimizer: sgd({ learningRate: 1 }), loss: (_y, p) => mean(p) })
    const stop = callbacks.earlyStopping({
      patience: 2,
      restoreBestWeights: true,
      monitor: 'distance',
      mode: 'min',
    })
    const watch: Callback = {
      onEpochEnd: async (epoch, logs, context) => {
        const w = (await m.weights[0]!.data())[0] as number
        await stop.onEpochEnd!(epoch, logsOf({ ...logs, distance: Math.abs(w + 2) }), context)
      },
    }
    for (let round = 0; round < 2; round++) {
      m.weights[0]!.assign([[0]])
      const { epoch } = await m.fit(x(1), x(1), { epochs: 20, ...quiet, callbacks: [{ ...stop, ...watch }] })
      expect(epoch).toHaveLength(4)
      expect((await m.weights[0]!.data())[0]).toBe(-2)
    }
  })

  it('says when there is nothing to monitor', async () => {
    await expect(
      line().fit(x(1), x(1), { ...quiet, callbacks: [callbacks.earlyStopping()] }),
    ).rejects.toThrow("[earlyStopping] there is no 'val_loss' to monitor; the logs hold loss")
  })
})

describe('reduceLROnPlateau', () => {
  const rows: [string, Parameters<typeof callbacks.reduceLROnPlateau>[0], number[], number][] = [
    ['waits', { patience: 2 }, [1, 1, 0.5], 1],
    ['reduces after patience', { patience: 2, factor: 0.5 }, [1, 1, 1], 0.5],
    ['reduces again', { patience: 1, factor: 0.5 }, [1, 1, 1], 0.25],
    ['cools down', { patience: 1, factor: 0.5, cooldown: 2 }, [1, 1, 1, 1], 0.25],
    ['stops at the floor', { patience: 1, factor: 0.1, minLearningRate: 0.3 }, [1, 1, 1, 1], 0.3],
  ]
  it.each(rows)('%s', async (_, options, losses, rate) => {
    const optimizer = adam({ learningRate: 1 })
    await drive(callbacks.reduceLROnPlateau(options), losses, { optimizer })
    expect(optimizer.learningRate).toBeCloseTo(rate, 9)
  })
  it('refuses a factor of 1, and schedules', async () => {
    expect(() => callbacks.reduceLROnPlateau({ factor: 1 })).toThrow('factor must be between 0 and 1')
    const model = { optimizer: adam({ learningRate: cosineDecay(1, 10) }) }
    await expect(drive(callbacks.reduceLROnPlateau({ patience: 1 }), [1, 1], model)).rejects.toThrow(
      'follows the schedule cosineDecay',
    )
  })
})

it('modelCheckpoint writes each epoch, or the best', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dl-checkpoint-'))
  try {
    const all = callbacks.modelCheckpoint({ path: join(folder, 'epoch-{epoch}.safetensors') })
    await line().fit(x(1), x(1), { epochs: 2, ...quiet, callbacks: [all] })
    expect((await readdir(folder)).toSorted()).toEqual(['epoch-0.safetensors', 'epoch-1.safetensors'])
    const saved: string[] = []
    const model = { saveWeights: (path: string) => Promise.resolve(void saved.push(path)) }
    await drive(callbacks.modelCheckpoint({ path: 'best-{epoch}', saveBestOnly: true }), [3, 4, 2, 2], model)
    expect(saved).toEqual(['best-0', 'best-2'])
  } finally {
    await rm(folder, { recursive: true })
  }
})

describe('progress', () => {
  function sink(options: Partial<ProgressOutput> = {}): ProgressOutput & { text(): string } {
    let text = ''
    return {
      isTerminal: true,
      columns: 200,
      color: false,
      ...options,
      write: (t) => void (text += t),
      text: () => text,
    }
  }
  const plain = (text: string): string =>
    text.replaceAll(/\d+(?:\.\d+)? (?:µs|ms|s)/g, '<time>').replaceAll(/ +/g, ' ')

  it('is one line an epoch without a terminal', async () => {
    const output = sink({ isTerminal: false })
    await line().fit(x(4), x(4), { epochs: 2, batchSize: 2, output, validationSplit: 0.5 })
    expect(plain(output.text())).toBe(
      'Epoch 1/2 1/1 <time> <time>/step loss 0.0000 val_loss 0.0000\nEpoch 2/2 1/1 <time> <time>/step loss 0.0000 val_loss 0.0000\n',
    )
  })

  it('is a bar in a terminal that is redrawn at most ten times a second', async () => {
    const output = sink()
    const start = performance.now()
    await line().fit(x(400), x(400), { epochs: 2, batchSize: 1, output })
    const seconds = (performance.now() - start) / 1000
    const drawn = output.text().split('\r\u001b[K').slice(1)
    expect(drawn.length).toBeLessThanOrEqual(2 * 2 + seconds * 10)
    expect(plain(drawn[0]!)).toMatch(/^Epoch 1\/2 +1\/400 ─{20} ETA <time> <time>\/step loss 0\.0000$/)
    const last = drawn.filter((l) => l.endsWith('\n'))
    expect(last).toHaveLength(2)
    expect(plain(last[1]!)).toMatch(/^Epoch 2\/2 400\/400 ━{20} <time> <time>\/step loss 0\.0000\n$/)
    expect(output.text()).not.toContain('\u001b[3')
  })

  it('uses colour when it may, and never wraps', async () => {
    const output = sink({ color: true, columns: 50 })
    await line().fit(x(3), x(3), { batchSize: 1, output })
    const [first, ...rest] = output.text().split('\r\u001b[K').slice(1)
    expect(rest.join('')).toContain('\u001b[32m━')
    // oxlint-disable-next-line no-control-regex
    expect(first!.replaceAll(/\u001b\[\d+m/g, '').length).toBeLessThan(50)
  })

  it('is silent with verbose 0, a line with 2, a bar with 1', async () => {
    const write = async (verbose: 0 | 1 | 2): Promise<string> => {
      const output = sink({ isTerminal: verbose !== 1 })
      await line().fit(x(1), x(1), { output, verbose })
      return output.text()
    }
    expect(await write(0)).toBe('')
    expect(await write(2)).not.toContain('\r')
    expect(await write(1)).toContain('\r')
  })

  it('shows epochs by their numbers when training goes on, and steps without a known end', async () => {
    const output = sink({ isTerminal: false })
    await line().fit(
      {
        async *[Symbol.asyncIterator]() {
          yield [x(2), x(2)]
        },
      },
      { initialEpoch: 4, epochs: 5, output },
    )
    expect(plain(output.text())).toBe('Epoch 5/5 1 <time> <time>/step loss 0.0000\n')
  })

  it.each([
    [0.0000042, '4 µs'],
    [0.0021, '2.1 ms'],
    [0.25, '250 ms'],
    [3.44, '3.4 s'],
    [125, '2:05'],
  ])('writes %d s as %s', (s, text) => {
    expect(duration(s)).toBe(text)
  })
  it.each([
    [0, '0.0000'],
    [0.12345, '0.1235'],
    [0.000042, '4.200e-5'],
    [1234567, '1.235e+6'],
    [NaN, 'NaN'],
  ])('writes %d as %s', (v, text) => {
    expect(number(v)).toBe(text)
  })
})

it('logs are plain records', () => {
  const logs: Logs = logsOf({ loss: 1 })
  expect({ ...logs }).toEqual({ loss: 1 })
  expect(JSON.stringify(logs)).toBe('{"loss":1}')
})
