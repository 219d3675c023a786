// The training loop: epochs over batches, validation, callbacks, progress. The work of a step is one compiled program; here
// is only what happens between steps.
import { ready } from '@dl/tensor/core'
import type { Callback, TrainingContext } from '../callbacks/callback.ts'
import type { AnyModel } from '../model.ts'
import { nextSeed } from '../seeds.ts'
import {
  arraySource,
  type Batch,
  type BatchDataset,
  type BatchSource,
  columnsOf,
  datasetSource,
  isDataset,
  splitColumns,
} from './batch-source.ts'
import type { RowsTree } from './columns.ts'
import { nonFiniteLoss } from './compiled.ts'
import { TrainingError } from './errors.ts'
import { evaluateSource } from './evaluate.ts'
import { giveTurnWhenDue } from './event-loop.ts'
import { History } from './history.ts'
import { type Logs, logsOf } from './logs.ts'
import { defaultOutput, Progress, type ProgressOutput } from './progress.ts'
import { disposeBatch, type Session } from './session.ts'

/** Rows and labels, with weights of examples if wanted; or a batched dataset. */
export type ValidationData =
  | readonly [RowsTree, RowsTree]
  | readonly [RowsTree, RowsTree, RowsTree]
  | BatchDataset

export interface FitOptions extends Callback {
  /** Default 1. Training goes from `initialEpoch` up to this. */
  readonly epochs?: number | undefined
  /** Number of the first epoch, to go on where an earlier fit ended; default 0. */
  readonly initialEpoch?: number | undefined
  /** Examples in a step, for arrays; default 32. The last step of an epoch takes what is left. */
  readonly batchSize?: number | undefined
  /** A new order of the examples in every epoch, for arrays; default true. */
  readonly shuffle?: boolean | undefined
  /** Seed of those orders; order of an epoch depends on seed and epoch alone. Default: the next after `setRandomSeed`. */
  readonly seed?: number | undefined
  /** Share of the examples, taken from the end, that is not trained on but evaluated after each epoch; default 0. */
  readonly validationSplit?: number | undefined
  readonly validationData?: ValidationData | undefined
  /** Default: batchSize. */
  readonly validationBatchSize?: number | undefined
  /** Evaluates every so many epochs; default 1. */
  readonly validationFreq?: number | undefined
  /** Factors of the examples' losses, `[examples]`. */
  readonly sampleWeight?: RowsTree | undefined
  /** Steps in an epoch, for datasets that repeat without end. */
  readonly stepsPerEpoch?: number | undefined
  readonly callbacks?: readonly Callback[] | undefined
  /** Stops after the current step; fit then returns with `history.aborted`. */
  readonly signal?: AbortSignal | undefined
  /** 0 nothing, 1 a bar, 2 a line for each epoch, `auto` (default) a bar in a terminal and lines elsewhere. */
  readonly verbose?: 0 | 1 | 2 | 'auto' | undefined
  /** Where progress is written; default the terminal or the console. */
  readonly output?: ProgressOutput | undefined
}

/** `Model.fit`. */
export async function fitModel(
  model: AnyModel,
  x: RowsTree | BatchDataset,
  yOrOptions: RowsTree | FitOptions | undefined,
  maybeOptions: FitOptions | undefined,
): Promise<History> {
  const fromDataset = isDataset(x)
  const options = ((fromDataset ? yOrOptions : maybeOptions) ?? {}) as FitOptions
  const session = model.sessionFor('fit')
  checkOptions(options)
  if (inTraining.has(model))
    throw new TrainingError(
      'busy',
      `[fit] '${model.name}' is in training already; await the fit that runs, or end it with its signal`,
    )
  inTraining.add(model)
  try {
    await ready()
    const sources = fromDataset
      ? await datasetSources(model, x, options)
      : await arraySources(model, x, yOrOptions as RowsTree, options)
    return await new Fit(model, session, sources, options).run()
  } finally {
    inTraining.delete(model)
  }
}

/** Models with a `fit` that has not ended: two of them would share accumulators and optimizer. */
const inTraining = new WeakSet<AnyModel>()

interface Sources {
  readonly training: BatchSource
  readonly validation: BatchSource | null
}

function checkOptions(options: FitOptions): void {
  const { epochs = 1, initialEpoch = 0, validationSplit = 0 } = options
  for (const [name, value] of Object.entries({ epochs, initialEpoch }))
    if (!Number.isInteger(value) || value < 0)
      throw new TrainingError('data', `[fit] ${name} must be a whole number of 0 or more, got ${value}`)
  if (!(validationSplit >= 0 && validationSplit < 1))
    throw new TrainingError('data', `[fit] validationSplit must be in [0, 1), got ${validationSplit}`)
}

async function arraySources(
  model: AnyModel,
  x: RowsTree,
  y: RowsTree | undefined,
  options: FitOptions,
): Promise<Sources> {
  if (y === undefined) throw new TrainingError('data', '[fit] labels are missing: fit(x, y, options)')
  const { batchSize = 32, shuffle = true, validationSplit = 0 } = options
  const all = await columnsOf('fit', model, x, y, options.sampleWeight)
  const split = validationSplit > 0 && options.validationData === undefined
  const [columns, held] = split ? splitColumns(all, validationSplit) : [all, null]
  const shuffleSeed = shuffle ? (options.seed ?? nextSeed()) : null
  const training = arraySource('fit', columns, { batchSize, shuffleSeed })
  const validationOptions = { batchSize: options.validationBatchSize ?? batchSize, shuffleSeed: null }
  const validation = held
    ? arraySource('fit', held, validationOptions)
    : await validationSource(model, options)
  return { training, validation }
}

async function datasetSources(model: AnyModel, dataset: BatchDataset, options: FitOptions): Promise<Sources> {
  if (options.validationSplit)
    throw new TrainingError('data', '[fit] validationSplit needs arrays; give validationData for a dataset')
  return {
    training: datasetSource('fit', dataset, model, true),
    validation: await validationSource(model, options),
  }
}

async function validationSource(model: AnyModel, options: FitOptions): Promise<BatchSource | null> {
  const { validationData, batchSize = 32 } = options
  if (validationData === undefined) return null
  if (isDataset(validationData)) return datasetSource('fit', validationData, model, true)
  const [x, y, weights] = validationData
  const columns = await columnsOf('fit', model, x, y, weights)
  return arraySource('fit', columns, {
    batchSize: options.validationBatchSize ?? batchSize,
    shuffleSeed: null,
  })
}

class Fit implements TrainingContext {
  readonly model: AnyModel
  readonly epochs: number
  readonly steps: number | undefined
  readonly #session: Session
  readonly #sources: Sources
  readonly #options: FitOptions
  readonly #callbacks: readonly Callback[]
  readonly #history = new History()
  readonly #progress: Progress | null
  #stopped = false
  /** Of a dataset that goes on from epoch to epoch. */
  #endless: AsyncIterator<Batch> | null = null
  #labelsChecked = false

  constructor(model: AnyModel, session: Session, sources: Sources, options: FitOptions) {
    this.model = model
    this.#session = session
    this.#sources = sources
    this.#options = options
    this.epochs = options.epochs ?? 1
    const known = sources.training.steps
    this.steps = options.stepsPerEpoch ?? (known === Infinity ? undefined : known)
    if (known === Infinity && this.steps === undefined)
      throw new TrainingError('data', '[fit] the dataset is endless; give stepsPerEpoch')
    this.#callbacks = [...(options.callbacks ?? []), options]
    this.#progress = progressFor(options, this.epochs)
  }

  stopTraining(): void {
    this.#stopped = true
  }

  get #aborted(): boolean {
    return this.#options.signal?.aborted ?? false
  }

  async run(): Promise<History> {
    for (const callback of this.#callbacks) await callback.onTrainBegin?.(this)
    const { initialEpoch = 0 } = this.#options
    try {
      for (let epoch = initialEpoch; epoch < this.epochs && !this.#stopped && !this.#aborted; epoch++) {
        if (!(await this.#epoch(epoch))) break
      }
    } finally {
      await this.#endless?.return?.()
    }
    if (this.#aborted) this.#history.aborted = true
    for (const callback of this.#callbacks) await callback.onTrainEnd?.(this)
    return this.#history
  }

  /** False when it was cut off. */
  async #epoch(epoch: number): Promise<boolean> {
    for (const callback of this.#callbacks) await callback.onEpochBegin?.(epoch, this)
    this.#progress?.beginEpoch(epoch, this.steps)
    this.#session.reset()
    const done = await this.#batches(epoch)
    if (done === null) {
      this.#progress?.interrupt()
      return false
    }
    if (done === 0) throw new TrainingError('data', `[fit] the dataset is empty: epoch ${epoch} had no batch`)
    let logs = await this.#checkedLogs(epoch)
    const { validationFreq = 1 } = this.#options
    if (this.#sources.validation && (epoch + 1) % validationFreq === 0) logs = await this.#validate(logs)
    this.#progress?.endEpoch(done, logs)
    this.#history.record(epoch, logs)
    for (const callback of this.#callbacks) await callback.onEpochEnd?.(epoch, logs, this)
    return true
  }

  /** Number of steps, null when a signal cut the epoch off. */
  async #batches(epoch: number): Promise<number | null> {
    const { stepsPerEpoch } = this.#options
    let index = 0
    for await (const batch of this.#epochBatches(epoch)) {
      this.#session.checkBatch('fit', batch, index)
      this.#checkLabels(batch, index)
      this.#session.train(batch)
      disposeBatch(batch)
      index++
      await this.#afterStep(epoch, index)
      if (this.#aborted) return this.steps !== undefined && index >= this.steps ? index : null
      if (stepsPerEpoch !== undefined && index >= stepsPerEpoch) break
    }
    return index
  }

  /** Batches of an epoch; with stepsPerEpoch a dataset goes on where the last epoch left it. */
  #epochBatches(epoch: number): AsyncIterable<Batch> {
    const { training } = this.#sources
    if (this.#options.stepsPerEpoch === undefined) return training.batches(epoch)
    this.#endless ??= training.batches(epoch)[Symbol.asyncIterator]()
    const iterator = this.#endless
    return { [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) }
  }

  /** Labels in arrays are checked before the first step, so that a bad one leaves the weights as they were. */
  #checkLabels(batch: Batch, index: number): void {
    if (!this.#sources.training.labels) this.#session.checkBatchLabels('fit', batch, index)
    if (this.#labelsChecked) return
    this.#labelsChecked = true
    const { training, validation } = this.#sources
    for (const source of validation ? [training, validation] : [training])
      this.#session.checkLabels('fit', source, batch)
  }

  async #afterStep(epoch: number, done: number): Promise<void> {
    const listeners = this.#callbacks.filter((c) => c.onBatchEnd)
    const due = this.#progress?.isDue ?? false
    if (listeners.length > 0 || due) {
      const logs = await this.#checkedLogs(epoch)
      for (const callback of listeners) await callback.onBatchEnd!(done - 1, logs, this)
      if (due) this.#progress!.draw(done, logs)
    }
    await giveTurnWhenDue()
  }

  async #checkedLogs(epoch: number): Promise<Logs> {
    const { logs, badBatch } = await this.#session.results()
    if (badBatch === null) return logs
    this.#progress?.interrupt()
    throw nonFiniteLoss(epoch, badBatch)
  }

  async #validate(logs: Logs): Promise<Logs> {
    const validation = await evaluateSource('fit', this.#session, this.#sources.validation!)
    return logsOf({
      ...logs,
      ...Object.fromEntries(Object.entries(validation).map(([name, value]) => [`val_${name}`, value])),
    })
  }
}

function progressFor(options: FitOptions, epochs: number): Progress | null {
  const { verbose = 'auto' } = options
  if (verbose === 0) return null
  const out = options.output ?? defaultOutput()
  return new Progress(out, verbose === 1 || (verbose === 'auto' && out.isTerminal), epochs)
}
