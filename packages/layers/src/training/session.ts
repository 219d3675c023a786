// A training session: the compiled steps of a model for one `compile`, with the optimizer's state made before they are traced.
import { hostDataOf, tidy, type Tensor } from '@dl/tensor/core'
import type { AnyModel } from '../model.ts'
import { assertInputs } from '../layer.ts'
import { concrete, type ValueSpec } from '../shapes.ts'
import { type Batch, type BatchSource, columnsOf } from './batch-source.ts'
import { type Compiled } from './compiled.ts'
import { TrainingError } from './errors.ts'
import { checkLabels, hasClassNumbers, type HostLabels } from './label-check.ts'
import { type Logs, logsOf } from './logs.ts'
import { compileSteps, type Steps } from './steps.ts'

const signature = (model: AnyModel): string =>
  model
    .namedVariables()
    .map((w) => `${w.path}${w.trainable ? '+' : '-'}`)
    .join()

export class Session {
  readonly #model: AnyModel
  readonly #compiled: Compiled
  #steps: Steps | null = null
  #trainable = ''
  /** Sizes of the outputs' last dimensions. */
  #classes: readonly (number | null)[] | null = null

  constructor(model: AnyModel, compiled: Compiled) {
    this.#model = model
    this.#compiled = compiled
  }

  /** False when layers were frozen or thawed since the steps were compiled. */
  fits(model: AnyModel): boolean {
    return this.#steps === null || signature(model) === this.#trainable
  }

  /** Starts an epoch: accumulators back to zero. */
  reset(): void {
    if (this.#steps) this.#steps.reset()
    else this.#compiled.reset()
  }

  train(batch: Batch): void {
    this.#stepsFor(batch).train([...batch.x], [...batch.y], [...batch.weights])
  }

  test(batch: Batch): void {
    this.#stepsFor(batch).test([...batch.x], [...batch.y], [...batch.weights])
  }

  /** Means over the batches since the reset, and the first batch whose loss was not finite, or null. */
  async results(): Promise<{ logs: Logs; badBatch: number | null }> {
    if (!this.#steps) return { logs: logsOf({ loss: 0 }), badBatch: null }
    const vector = this.#steps.results()
    const values = (await vector.data()) as Float32Array
    vector.dispose()
    const names = this.#compiled.resultNames
    const bad = values[names.length]!
    return {
      logs: logsOf(Object.fromEntries(names.map((name, i) => [name, values[i]!]))),
      badBatch: bad < 0 ? null : bad,
    }
  }

  /** One step on rows given by the user. */
  async onBatch(op: 'trainOnBatch' | 'testOnBatch', x: unknown, y: unknown, weights: unknown): Promise<Logs> {
    const columns = await columnsOf(op, this.#model, x, y, weights)
    const tensors = [columns.x, columns.y, columns.weights].map((list) => list.map((c) => c.toTensor()))
    const [xs, ys, ws] = tensors as [Tensor[], Tensor[], Tensor[]]
    const batch: Batch = { x: xs, y: ys, weights: ws, size: xs[0]!.shape[0] as number }
    this.checkBatch(op, batch, 0)
    this.checkLabels(op, { labels: columns.y }, batch)
    this.reset()
    if (op === 'trainOnBatch') this.train(batch)
    else this.test(batch)
    disposeBatch(batch)
    return (await this.results()).logs
  }

  /** Throws when the inputs of a batch do not fit the model. */
  checkBatch(op: string, batch: Batch, index: number): void {
    const specs = this.#model.inputSpec
    if (!specs) return
    try {
      assertInputs(op, batch.x, specs)
    } catch (error) {
      throw new TrainingError(
        'data',
        `[${op}] batch ${index} does not fit the model: ${(error as Error).message.replace(/^\[[^\]]*\] /, '')}`,
      )
    }
  }

  /** Throws when a label of an array source is no class; `batch` tells the inputs' shapes. */
  checkLabels(op: string, { labels }: Pick<BatchSource, 'labels'>, batch: Batch): void {
    if (labels) this.#checkLabels(op, labels, batch)
  }

  /** Throws when a label of this batch is no class, as far as the labels are on the host. */
  checkBatchLabels(op: string, batch: Batch, index: number): void {
    if (!hasClassNumbers(this.#compiled.losses)) return
    const labels = batch.y.map((t) => ({ data: hostDataOf(t), shape: t.shape }))
    this.#checkLabels(
      op,
      labels.map((column) => (column.data ? column : undefined)),
      batch,
      ` of batch ${index}`,
    )
  }

  #checkLabels(op: string, labels: readonly HostLabels[], batch: Batch, place?: string): void {
    this.#classes ??= this.#outputSpecs(batch).map((spec) => spec.shape.at(-1) ?? null)
    checkLabels(op, labels, this.#compiled.losses, this.#model.outputNames, this.#classes, place)
  }

  #outputSpecs(batch: Batch): readonly ValueSpec[] {
    const inputs = batch.x.map((t) => ({
      shape: [null, ...t.shape.slice(1)],
      dtype: t.dtype as ValueSpec['dtype'],
    }))
    return this.#model.outputsFor(inputs)
  }

  #stepsFor(batch: Batch): Steps {
    if (this.#steps) return this.#steps
    const model = this.#model
    const specs = this.#outputSpecs(batch)
    this.#compiled.bind({
      labels: batch.y.map((t) => t.shape),
      predictions: specs.map((spec) => concrete(spec.shape, batch.size)),
    })
    const trainable = model.namedVariables().filter((w) => w.trainable)
    const variables = trainable.map((w) => w.variable)
    tidy(() =>
      this.#compiled.optimizer.build(
        variables,
        trainable.map((w) => w.path),
      ),
    )
    this.#trainable = signature(model)
    this.#compiled.reset()
    return (this.#steps = compileSteps(model, this.#compiled, variables))
  }
}

/** Frees the tensors of a batch. */
export function disposeBatch(batch: Batch): void {
  for (const t of [...batch.x, ...batch.y, ...batch.weights]) t.dispose()
}
