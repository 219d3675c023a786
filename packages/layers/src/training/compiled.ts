// What `compile` was given, resolved against a model: the optimizer, one loss for each output, metrics with the names under
// which they appear in logs.
import {
  add,
  cast,
  div,
  expandDims,
  logicalAnd,
  isFinite,
  logicalNot,
  less,
  mul,
  scalar,
  stack,
  sum,
  tidy,
  variable,
  where,
  type Tensor,
  type Variable,
} from '@dl/tensor/core'
import { Loss, type LossFunction, lossOf } from '@dl/losses'
import {
  binaryAccuracy,
  categoricalAccuracy,
  Mean,
  meanOf,
  type Metric,
  type MetricFunction,
  sparseCategoricalAccuracy,
} from '@dl/losses/metrics'
import {
  type AdagradOptions,
  type AdamOptions,
  Optimizer,
  type RmspropOptions,
  type SgdOptions,
} from '@dl/optim'
import { maskOf } from '../masks.ts'
import { lossNames, metricNames, optimizerNames } from '../registry.ts'
import { TrainingError } from './errors.ts'

export type LossLike = string | Loss | LossFunction
export type MetricLike = string | Metric | MetricFunction

/** An optimizer by its name, with options: `{ name: 'adam', learningRate: 1e-4 }`. */
export type NamedOptimizer =
  | ({ readonly name: 'adam' | 'adamW' } & AdamOptions)
  | ({ readonly name: 'sgd' } & SgdOptions)
  | ({ readonly name: 'rmsprop' } & RmspropOptions)
  | ({ readonly name: 'adagrad' } & AdagradOptions)

export interface CompileConfig {
  /** `'adam'`, `'sgd'`, …; a name with options, `{ name: 'adam', learningRate: 1e-4 }`; or an optimizer. */
  readonly optimizer: string | NamedOptimizer | Optimizer
  /** For each output: a name (`'meanSquaredError'`), a function of labels and predictions, or a loss. */
  readonly loss: LossLike | readonly LossLike[] | Readonly<Record<string, LossLike>>
  /** Factors of the outputs' losses; default 1. */
  readonly lossWeights?: readonly number[] | Readonly<Record<string, number>> | undefined
  /** Names (`'accuracy'`), functions or metrics; a record by output name for models with several outputs. */
  readonly metrics?:
    | readonly MetricLike[]
    | Readonly<Record<string, MetricLike | readonly MetricLike[]>>
    | undefined
}

interface NamedMetric {
  readonly name: string
  readonly output: number
  readonly metric: Metric
}

/**
 * The weight of each value of an output's loss: 0 where the output's mask leaves it out and, for a mean, more for the others, so
 * that it is the mean over those that count. As in Keras.
 */
function maskedWeight(output: Tensor, weight: Tensor | undefined, loss: Loss): Tensor | undefined {
  const mask = maskOf(output)
  if (!mask) return weight
  const counts = cast(mask, 'float32')
  const { reduction = 'sumOverBatchSize' } = loss.config
  const isMean = reduction === 'sumOverBatchSize' || reduction === 'mean'
  const scaled = isMean ? mul(counts, div(mask.size, add(sum(counts), 1e-7))) : counts
  if (!weight) return scaled
  return mul(scaled, weight.rank < mask.rank ? expandDims(weight, -1) : weight)
}

/** Shapes by which `'accuracy'` chooses its form. */
export interface OutputShapes {
  readonly labels: readonly (readonly number[])[]
  readonly predictions: readonly (readonly number[])[]
}

export class Compiled {
  readonly config: CompileConfig
  readonly optimizer: Optimizer
  readonly losses: readonly Loss[]
  readonly #outputNames: readonly string[]
  readonly #lossWeights: readonly number[]
  readonly #total = new Mean({ name: 'loss' })
  readonly #each: readonly Mean[]
  /** Batches since the last reset, and the first one whose loss was not finite (-1: none). */
  readonly #batches: Variable = variable(scalar(0, 'int32'), false, 'fit/batches')
  readonly #firstBad: Variable = variable(scalar(-1, 'int32'), false, 'fit/firstBad')
  #metrics: readonly NamedMetric[] | null = null

  constructor(config: CompileConfig, outputNames: readonly string[]) {
    this.config = config
    this.#outputNames = outputNames
    this.optimizer = optimizerOf(config.optimizer)
    this.losses = forOutputs<LossLike>('loss', config.loss, outputNames).map(resolveLoss)
    this.#lossWeights = config.lossWeights
      ? forOutputs<number>('lossWeights', config.lossWeights, outputNames)
      : outputNames.map(() => 1)
    this.#each = outputNames.length > 1 ? outputNames.map((name) => new Mean({ name: `${name}_loss` })) : []
  }

  /** Chooses the forms of metrics that depend on shapes; the first call decides. */
  bind(shapes: OutputShapes): void {
    this.#metrics ??= metricsFor(this.config.metrics ?? [], this.#outputNames, shapes)
  }

  /** The losses of the outputs and their weighted sum. */
  lossesOf(
    y: readonly Tensor[],
    outputs: readonly Tensor[],
    weights: readonly Tensor[],
  ): { total: Tensor; each: readonly Tensor[] } {
    const each = this.losses.map((loss, i) =>
      loss.call(y[i]!, outputs[i]!, maskedWeight(outputs[i]!, weights[i], loss)),
    )
    const weighted = each.map((loss, i) =>
      this.#lossWeights[i] === 1 ? loss : mul(loss, this.#lossWeights[i]!),
    )
    return { total: weighted.reduce((sum, loss) => add(sum, loss)), each }
  }

  /** Adds a batch to the accumulators; part of the compiled step. */
  track(
    total: Tensor,
    each: readonly Tensor[],
    y: readonly Tensor[],
    outputs: readonly Tensor[],
    weights: readonly Tensor[],
  ): void {
    const size = y[0]?.shape[0] ?? 1
    this.#total.add(total, size)
    this.#each.forEach((mean, i) => mean.add(each[i]!, size))
    for (const { output, metric } of this.#metrics!)
      metric.update(y[output]!, outputs[output]!, weights[output])
    const batch = this.#batches as Tensor
    const isBad = logicalAnd(less(this.#firstBad, 0), logicalNot(isFinite(total)))
    this.#firstBad.assign(where(isBad, batch, this.#firstBad))
    this.#batches.assign(add(batch, 1))
  }

  /** Names of the values that {@link results} gives, in order. */
  get resultNames(): readonly string[] {
    return [this.#total, ...this.#each, ...(this.#metrics ?? [])].map((m) => m.name)
  }

  /** All results, and last the number of the first batch with a bad loss: float32 `[resultNames + 1]`. */
  results(): Tensor {
    const means = [this.#total, ...this.#each, ...this.#metrics!.map((m) => m.metric)].map((m) =>
      cast(m.result(), 'float32'),
    )
    return stack([...means, cast(this.#firstBad, 'float32')])
  }

  /** Everything back to the beginning of an epoch. */
  reset(): void {
    tidy(() => {
      this.#total.reset()
      for (const mean of this.#each) mean.reset()
      for (const { metric } of this.#metrics ?? []) metric.reset()
      this.#batches.assign(scalar(0, 'int32'))
      this.#firstBad.assign(scalar(-1, 'int32'))
    })
  }
}

function optimizerOf(like: CompileConfig['optimizer']): Optimizer {
  if (typeof like === 'string') return optimizerNames.get(like)()
  if (like instanceof Optimizer) return like
  if (typeof (like as Partial<NamedOptimizer> | undefined)?.name !== 'string')
    throw new Error(
      "[compile] optimizer must be a name or an optimizer: 'adam', { name: 'adam', learningRate: 0.01 }, or adam({ learningRate: 0.01 })",
    )
  const { name, ...options } = like
  return optimizerNames.get(name)(options)
}

function resolveLoss(like: LossLike): Loss {
  if (typeof like === 'string') return lossNames.get(like)()
  if (like instanceof Loss) return like
  if (typeof like === 'function') return lossOf(like)
  throw new Error(
    `[compile] a loss must be a name, a function of labels and predictions, or a Loss, got ${typeof like}`,
  )
}

/** One value for each output: a list in order, a record by name, or one for all. */
function forOutputs<T>(
  what: string,
  given: T | readonly T[] | Readonly<Record<string, T>>,
  names: readonly string[],
): readonly T[] {
  if (Array.isArray(given)) {
    if (given.length === names.length) return given as readonly T[]
    throw new Error(
      `[compile] ${what} needs one entry for each output (${names.join(', ')}), got ${given.length}`,
    )
  }
  if (typeof given === 'object' && given !== null && Object.getPrototypeOf(given) === Object.prototype) {
    const record = given as Readonly<Record<string, T>>
    const keys = Object.keys(record)
    if (keys.length === names.length && names.every((name) => name in record))
      return names.map((name) => record[name]!)
    throw new Error(`[compile] ${what} needs the keys ${names.join(', ')}, got ${keys.join(', ') || 'none'}`)
  }
  return names.map(() => given as T)
}

type MetricsGiven = NonNullable<CompileConfig['metrics']>

function metricsFor(
  given: MetricsGiven,
  names: readonly string[],
  shapes: OutputShapes,
): readonly NamedMetric[] {
  const lists = names.map((name, i) => metricsOf(given, name, i))
  if (!Array.isArray(given)) {
    const unknown = Object.keys(given).filter((key) => !names.includes(key))
    if (unknown.length > 0)
      throw new Error(
        `[compile] metrics has no output ${unknown.join(', ')}; outputs are ${names.join(', ')}`,
      )
  }
  const prefix = (output: number): string => (names.length > 1 ? `${names[output]}_` : '')
  return lists.flatMap((list, output) =>
    list.map((like) => {
      const metric = resolveMetric(like, shapes.labels[output]!, shapes.predictions[output]!)
      return { name: prefix(output) + metric.name, output, metric }
    }),
  )
}

/** What was given for an output; a plain list belongs to the first. */
function metricsOf(given: MetricsGiven, name: string, output: number): readonly MetricLike[] {
  if (Array.isArray(given)) return output === 0 ? (given as readonly MetricLike[]) : []
  const own = (given as Readonly<Record<string, MetricLike | readonly MetricLike[]>>)[name] ?? []
  return Array.isArray(own) ? (own as readonly MetricLike[]) : [own as MetricLike]
}

function resolveMetric(like: MetricLike, labels: readonly number[], predictions: readonly number[]): Metric {
  if (typeof like === 'function') return meanOf(like)
  if (typeof like !== 'string') return like
  return like === 'accuracy' || like === 'acc'
    ? accuracyFor(like, labels, predictions)
    : metricNames.get(like)()
}

/** Keras's rule: one prediction is yes or no, labels without a class dimension are numbers, all else is one-hot. */
function accuracyFor(name: string, labels: readonly number[], predictions: readonly number[]): Metric {
  const classes = predictions[predictions.length - 1] ?? 1
  if (predictions.length < 2 || classes === 1) return binaryAccuracy({ name })
  const numbers = labels.length < predictions.length || labels[labels.length - 1] === 1
  return numbers ? sparseCategoricalAccuracy({ name }) : categoricalAccuracy({ name })
}

/** Throws the error of a loss that is no number. */
export function nonFiniteLoss(epoch: number, step: number): TrainingError {
  return new TrainingError(
    'nonFiniteLoss',
    `[fit] the loss is NaN or infinite since step ${step} of epoch ${epoch} (both counted from 0); ` +
      'lower the learning rate, clip gradients (clipNorm), or check the data for NaN',
    { epoch, step },
  )
}
