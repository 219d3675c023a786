// Where batches come from: arrays on the host or a dataset, in one form for fit, evaluate and predict.
import { Dataset, fromArrays, type HostArray } from '@dl/data'
import { Tensor } from '@dl/tensor/core'
import { hostColumns, inOrder, sliceRows } from './columns.ts'
import { TrainingError } from './errors.ts'

export interface Batch {
  readonly x: readonly Tensor[]
  /** Empty when there are no labels. */
  readonly y: readonly Tensor[]
  /** Empty, or one weight tensor for each output. */
  readonly weights: readonly Tensor[]
  readonly size: number
}

export interface BatchSource {
  /** Batches of an epoch, when known. */
  readonly steps: number | undefined
  batches(epoch: number): AsyncIterable<Batch>
  /** Class numbers etc. can be checked before training when labels are on the host. */
  readonly labels: readonly HostArray[] | undefined
}

/** Names of a model's inputs and outputs. */
export interface Ports {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
}

/** Anything that can be iterated for batches: a {@link Dataset} after `batch`. */
export interface BatchDataset<T = unknown> extends AsyncIterable<T> {
  /** Elements of an epoch, undefined when unknown. */
  readonly size?: number | undefined
  /** A pass of a given epoch: what makes resumed training see the same order. */
  iterate?(epoch: number): AsyncIterable<T>
}

export const isDataset = (value: unknown): value is BatchDataset =>
  value instanceof Dataset ||
  (typeof value === 'object' && value !== null && Symbol.asyncIterator in value && !(value instanceof Tensor))

export interface Columns {
  readonly x: readonly HostArray[]
  readonly y: readonly HostArray[]
  readonly weights: readonly HostArray[]
}

const rowsOf = (column: HostArray): number => (column.shape as readonly number[])[0]!

/** Brings x, y and weights to the host and checks that they have equal numbers of rows. */
export async function columnsOf(
  op: string,
  ports: Ports,
  x: unknown,
  y: unknown,
  weights: unknown,
): Promise<Columns> {
  const { inputNames, outputNames } = ports
  const columns: Columns = {
    x: await hostColumns(op, 'x', x, inputNames),
    y: y === undefined ? [] : await hostColumns(op, 'y', y, outputNames),
    weights: weights === undefined ? [] : await hostColumns(op, 'sampleWeight', weights, outputNames),
  }
  const count = rowsOf(columns.x[0]!)
  for (const [what, list] of Object.entries(columns) as [string, readonly HostArray[]][])
    for (const column of list)
      if (rowsOf(column) !== count)
        throw new TrainingError(
          'data',
          `[${op}] x has ${count} examples, ${what} has ${rowsOf(column)}; they must be equal`,
        )
  return columns
}

/** Splits off the last share of the rows, as Keras's validationSplit does. */
export function splitColumns(columns: Columns, share: number): readonly [Columns, Columns] {
  const count = rowsOf(columns.x[0]!)
  const at = Math.floor(count * (1 - share))
  const part = (from: number, to: number): Columns => ({
    x: columns.x.map((c) => sliceRows(c, from, to)),
    y: columns.y.map((c) => sliceRows(c, from, to)),
    weights: columns.weights.map((c) => sliceRows(c, from, to)),
  })
  return [part(0, at), part(at, count)]
}

export interface ArrayBatchOptions {
  readonly batchSize: number
  /** Seed of the order, or null to keep the order. */
  readonly shuffleSeed: number | null
}

/** @throws TrainingError (`data`) when there are no rows */
export function arraySource(op: string, columns: Columns, options: ArrayBatchOptions): BatchSource {
  const count = rowsOf(columns.x[0]!)
  if (count === 0) throw new TrainingError('data', `[${op}] the data is empty: x has no examples`)
  if (!Number.isInteger(options.batchSize) || options.batchSize < 1)
    throw new TrainingError(
      'data',
      `[${op}] batchSize must be a positive whole number, got ${options.batchSize}`,
    )
  const rows = fromArrays([[...columns.x], [...columns.y], [...columns.weights]])
  const ordered = options.shuffleSeed === null ? rows : rows.shuffle({ seed: options.shuffleSeed })
  const dataset = ordered.batch(options.batchSize)
  return {
    steps: Math.ceil(count / options.batchSize),
    labels: columns.y,
    async *batches(epoch) {
      for await (const element of dataset.iterate(epoch)) {
        const [x, y, weights] = element as unknown as readonly [Tensor[], Tensor[], Tensor[]]
        yield { x, y, weights, size: x[0]!.shape[0] as number }
      }
    },
  }
}

/** Batches of a dataset: `[x, y]`, `[x, y, sampleWeight]`, `{ x, y, sampleWeight }`, `{ xs, ys }`, or x alone for `predict`. */
export function datasetSource(
  op: string,
  dataset: BatchDataset,
  ports: Ports,
  withLabels: boolean,
): BatchSource {
  return {
    steps: dataset.size,
    labels: undefined,
    async *batches(epoch) {
      let index = 0
      for await (const element of dataset.iterate?.(epoch) ?? dataset)
        yield batchOf(op, element, ports, withLabels, index++)
    },
  }
}

function batchOf(op: string, element: unknown, ports: Ports, withLabels: boolean, index: number): Batch {
  const parts = partsOf(element, withLabels)
  if (withLabels && parts.y === undefined)
    throw new TrainingError(
      'data',
      `[${op}] batch ${index} has no labels: elements must be [x, y] or { x, y }`,
    )
  const tensors = (what: string, tree: unknown, names: readonly string[]): readonly Tensor[] =>
    tree === undefined
      ? []
      : inOrder<Tensor>(op, `${what} of batch ${index}`, tree, names).map((t) => asTensor(op, what, t, index))
  const x = tensors('x', parts.x, ports.inputNames)
  const y = withLabels ? tensors('y', parts.y, ports.outputNames) : []
  const weights = withLabels ? tensors('sampleWeight', parts.weights, ports.outputNames) : []
  const size = x[0]!.shape[0] ?? 0
  for (const t of [...x, ...y, ...weights])
    if (t.shape[0] !== size)
      throw new TrainingError(
        'data',
        `[${op}] batch ${index}: x has ${size} examples, another part has shape [${t.shape.join(',')}]; first dimensions must be equal`,
      )
  return { x, y, weights, size }
}

interface Parts {
  readonly x: unknown
  readonly y?: unknown
  readonly weights?: unknown
}

function partsOf(element: unknown, withLabels: boolean): Parts {
  if (Array.isArray(element) && (withLabels || element.length > 1))
    return { x: element[0], y: element[1], weights: element[2] }
  if (typeof element === 'object' && element !== null && !(element instanceof Tensor)) {
    const record = element as Record<string, unknown>
    if ('x' in record) return { x: record['x'], y: record['y'], weights: record['sampleWeight'] }
    if ('xs' in record) return { x: record['xs'], y: record['ys'] }
  }
  return { x: element }
}

function asTensor(op: string, what: string, value: unknown, index: number): Tensor {
  if (value instanceof Tensor) return value
  throw new TrainingError(
    'data',
    `[${op}] ${what} of element ${index} is ${value === null ? 'null' : typeof value}, not a tensor; batch the dataset: dataset.batch(32)`,
  )
}
