// Loss and metrics over data: the test step over batches.
import { ready } from '@dl/tensor/core'
import type { AnyModel } from '../model.ts'
import {
  arraySource,
  type BatchDataset,
  type BatchSource,
  columnsOf,
  datasetSource,
  isDataset,
} from './batch-source.ts'
import type { RowsTree } from './columns.ts'
import { TrainingError } from './errors.ts'
import { giveTurnWhenDue } from './event-loop.ts'
import type { Logs } from './logs.ts'
import { disposeBatch, type Session } from './session.ts'

export interface EvaluateOptions {
  /** Examples in a step, for arrays; default 32. The result does not depend on it. */
  readonly batchSize?: number | undefined
  /** Factors of the examples' losses and metrics, `[examples]`. */
  readonly sampleWeight?: RowsTree | undefined
  /** Steps after which evaluation ends, for endless datasets. */
  readonly steps?: number | undefined
}

/** `Model.evaluate`. */
export async function evaluateModel(
  model: AnyModel,
  x: RowsTree | BatchDataset,
  yOrOptions: RowsTree | EvaluateOptions | undefined,
  maybeOptions: EvaluateOptions | undefined,
): Promise<Logs> {
  const fromDataset = isDataset(x)
  const options = ((fromDataset ? yOrOptions : maybeOptions) ?? {}) as EvaluateOptions
  const session = model.sessionFor('evaluate')
  await ready()
  if (fromDataset)
    return evaluateSource('evaluate', session, datasetSource('evaluate', x, model, true), options.steps)
  if (yOrOptions === undefined)
    throw new TrainingError('data', '[evaluate] labels are missing: evaluate(x, y)')
  const columns = await columnsOf('evaluate', model, x, yOrOptions, options.sampleWeight)
  const source = arraySource('evaluate', columns, { batchSize: options.batchSize ?? 32, shuffleSeed: null })
  return evaluateSource('evaluate', session, source, options.steps)
}

/** Runs the test step over a source; accumulators are reset before. */
export async function evaluateSource(
  op: string,
  session: Session,
  source: BatchSource,
  steps: number = Infinity,
): Promise<Logs> {
  session.reset()
  let index = 0
  for await (const batch of source.batches(0)) {
    session.checkBatch(op, batch, index)
    if (!source.labels) session.checkBatchLabels(op, batch, index)
    else if (index === 0) session.checkLabels(op, source, batch)
    session.test(batch)
    disposeBatch(batch)
    if (++index >= steps) break
    await giveTurnWhenDue()
  }
  if (index === 0) throw new TrainingError('data', `[${op}] the dataset is empty: there was no batch`)
  return (await session.results()).logs
}
