// What users pass as x, y and sampleWeight, brought to the host: one array of rows for each input or output of the model.
import { HostArray, hostArray } from '@dl/data'
import { hostDataOf, tensor, Tensor, type TensorLike, type TypedArray } from '@dl/tensor/core'
import { TrainingError } from './errors.ts'

/** Rows: a tensor, a host array, a typed array (one number a row) or nested arrays of numbers. */
export type Rows = Tensor | HostArray | TensorLike
/** Rows for a model with one input (or output); an array in the order of inputs, or a record by their names. */
export type RowsTree = Rows | readonly Rows[] | { readonly [name: string]: Rows }

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
const isArrayValue = (value: unknown): boolean =>
  value instanceof Tensor || value instanceof HostArray || ArrayBuffer.isView(value)

/**
 * The parts of a tree in the order of `names`.
 *
 * @throws TrainingError (`data`) when a name is missing or unknown, or the number does not fit
 */
export function inOrder<T>(op: string, what: string, tree: unknown, names: readonly string[]): readonly T[] {
  if (isRecord(tree)) {
    const unknown = Object.keys(tree).filter((key) => !names.includes(key))
    const missing = names.filter((name) => !(name in tree))
    if (unknown.length > 0 || missing.length > 0)
      throw new TrainingError(
        'data',
        `[${op}] ${what} needs the keys ${names.join(', ')}, got ${Object.keys(tree).join(', ') || 'none'}`,
      )
    return names.map((name) => tree[name] as T)
  }
  const list = Array.isArray(tree) && tree.some((v) => isArrayValue(v)) ? (tree as readonly T[]) : [tree as T]
  if (list.length !== names.length)
    throw new TrainingError(
      'data',
      `[${op}] ${what} needs ${names.length} arrays (${names.join(', ')}), got ${list.length}`,
    )
  return list
}

/** Rows on the host. Tensors are read; typed arrays are used where they are; float64 becomes float32, as models compute. */
const hostRows = async (rows: Rows): Promise<HostArray> => inModelPrecision(await rowsAsGiven(rows))

function inModelPrecision(rows: HostArray): HostArray {
  return rows.data instanceof Float64Array
    ? new HostArray(Float32Array.from(rows.data), rows.shape, 'float32')
    : rows
}

async function rowsAsGiven(rows: Rows): Promise<HostArray> {
  if (rows instanceof HostArray) return rows
  if (rows instanceof Tensor) return rowsOfTensor(rows)
  if (ArrayBuffer.isView(rows)) return hostArray(rows as Float32Array, [(rows as Float32Array).length])
  const made: Tensor = tensor(rows as TensorLike)
  try {
    return await rowsOfTensor(made)
  } finally {
    made.dispose()
  }
}

const rowsOfTensor = async (x: Tensor): Promise<HostArray> =>
  new HostArray(hostDataOf(x) ?? ((await x.data()) as TypedArray), x.shape, x.dtype)

/**
 * All parts of a tree on the host.
 *
 * @throws TrainingError (`data`) when the parts have different numbers of rows
 */
export async function hostColumns(
  op: string,
  what: string,
  tree: unknown,
  names: readonly string[],
): Promise<readonly HostArray[]> {
  const columns = await Promise.all(inOrder<Rows>(op, what, tree, names).map((rows) => hostRows(rows)))
  columns.forEach((column, i) => {
    if (column.shape.length === 0)
      throw new TrainingError(
        'data',
        `[${op}] ${what} '${names[i]}' is a scalar; it needs a first dimension of examples`,
      )
  })
  return columns
}

/** Rows `from` up to `to` without copying. */
export function sliceRows(column: HostArray, from: number, to: number): HostArray {
  const [, ...rest] = column.shape as readonly number[]
  const length = rest.reduce((n, d) => n * d, 1)
  const data = (column.data as Float32Array).subarray(from * length, to * length)
  return new HostArray(data, [to - from, ...rest], column.dtype as 'float32')
}
