// Outputs for many rows: the compiled forward function over batches, results joined on the host.
import { adoptArray, jit, ready, type DType, type Tensor, type TypedArray } from '@dl/tensor/core'
import { assertInputs } from '../layer.ts'
import type { AnyModel } from '../model.ts'
import { arraySource, type BatchDataset, columnsOf, datasetSource, isDataset } from './batch-source.ts'
import type { RowsTree } from './columns.ts'
import { TrainingError } from './errors.ts'
import { giveTurnWhenDue } from './event-loop.ts'
import { disposeBatch } from './session.ts'
import { outputsOf } from './steps.ts'

export interface PredictOptions {
  /** Examples in a step, for arrays; default 32. */
  readonly batchSize?: number | undefined
}

interface Collected {
  readonly dtype: DType
  readonly rowShape: readonly number[]
  readonly parts: TypedArray[]
  rows: number
}

const forwards = new WeakMap<AnyModel, (x: Tensor[]) => readonly Tensor[]>()

function forwardOf(model: AnyModel): (x: Tensor[]) => readonly Tensor[] {
  const known = forwards.get(model)
  if (known) return known
  const forward = jit((x: Tensor[]) => [...outputsOf(model, x, false)])
  forwards.set(model, forward)
  return forward
}

/** `Model.predict`: one tensor for each output. */
export async function predictModel(
  model: AnyModel,
  x: RowsTree | BatchDataset,
  options: PredictOptions = {},
): Promise<readonly Tensor[]> {
  await ready()
  const source = isDataset(x)
    ? datasetSource('predict', x, model, false)
    : arraySource('predict', await columnsOf('predict', model, x, undefined, undefined), {
        batchSize: options.batchSize ?? 32,
        shuffleSeed: null,
      })
  let collected: Collected[] = []
  for await (const batch of source.batches(0)) {
    const specs = model.inputSpec
    if (specs) assertInputs('predict', batch.x, specs)
    if (!model.built)
      model.outputsFor(batch.x.map((t) => ({ shape: [null, ...t.shape.slice(1)], dtype: t.dtype })))
    const outputs = forwardOf(model)([...batch.x])
    disposeBatch(batch)
    if (collected.length === 0) collected = outputs.map(startOf)
    for (const [i, y] of outputs.entries()) {
      collected[i]!.parts.push((await y.data()) as TypedArray)
      collected[i]!.rows += y.shape[0] as number
      y.dispose()
    }
    await giveTurnWhenDue()
  }
  if (collected.length === 0)
    throw new TrainingError('data', '[predict] the dataset is empty: there was no batch')
  return collected.map(join)
}

const startOf = (y: Tensor): Collected => ({
  dtype: y.dtype as DType,
  rowShape: y.shape.slice(1),
  parts: [],
  rows: 0,
})

function join({ dtype, rowShape, parts, rows }: Collected): Tensor {
  const size = rowShape.reduce((n, d) => n * d, rows)
  const first = parts[0] as Float32Array
  const all = new (first.constructor as Float32ArrayConstructor)(size)
  let at = 0
  for (const part of parts) {
    all.set(part as Float32Array, at)
    at += part.length
  }
  return adoptArray(all, [rows, ...rowShape], dtype)
}
