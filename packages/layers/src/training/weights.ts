// Weights in and out: snapshots in memory, safetensors files, checkpoints with everything that training needs to go on.
import {
  decodeSafetensors,
  encodeSafetensors,
  random,
  tensor,
  type SafetensorsEntry,
  type Tensor,
  type TypedArray,
  type Variable,
} from '@dl/tensor/core'
import type { Optimizer } from '@dl/optim'
import type { NamedVariable } from '../layer.ts'
import { TrainingError } from './errors.ts'

/** Values of variables on the host. */
export type WeightSnapshot = ReadonlyMap<Variable, TypedArray>

export async function snapshot(variables: readonly Variable[]): Promise<WeightSnapshot> {
  const values = new Map<Variable, TypedArray>()
  for (const v of variables) values.set(v, (await v.data()) as TypedArray)
  return values
}

export function restore(values: WeightSnapshot): void {
  for (const [v, data] of values) assignData(v, data)
}

function assignData(v: Variable, data: TypedArray): void {
  const value: Tensor = tensor(data, v.shape, v.dtype)
  v.assign(value)
  value.dispose()
}

async function entryOf(x: Tensor): Promise<SafetensorsEntry> {
  return { dtype: x.dtype, shape: [...x.shape], data: (await x.data()) as TypedArray }
}

/** The variables as safetensors bytes, under their paths. */
export async function toSafetensors(variables: readonly NamedVariable[]): Promise<Uint8Array> {
  const entries: Record<string, SafetensorsEntry> = {}
  for (const { path, variable } of variables) entries[path] = await entryOf(variable as Tensor)
  return encodeSafetensors(entries)
}

/**
 * Assigns all of `variables` from the file. Nothing is assigned when something does not fit.
 *
 * @throws TrainingError (`weights`) when a name is missing or not known, or a shape or dtype differs
 * @throws SafetensorsError when the bytes are no safetensors file
 */
export function fromSafetensors(op: string, bytes: Uint8Array, variables: readonly NamedVariable[]): void {
  assignEntries(op, decodeSafetensors(bytes).tensors, variables)
}

function assignEntries(
  op: string,
  entries: Readonly<Record<string, SafetensorsEntry>>,
  variables: readonly NamedVariable[],
): void {
  const wanted = new Map(variables.map((v) => [v.path, v.variable]))
  const missing = [...wanted.keys()].filter((path) => !(path in entries))
  const unknown = Object.keys(entries).filter((path) => !wanted.has(path))
  if (missing.length > 0 || unknown.length > 0)
    throw new TrainingError(
      'weights',
      `[${op}] the file does not fit the model: ` +
        [
          missing.length > 0 ? `it lacks ${missing.join(', ')}` : '',
          unknown.length > 0 ? `the model has no ${unknown.join(', ')}` : '',
        ]
          .filter(Boolean)
          .join('; '),
    )
  for (const [path, v] of wanted) {
    const { shape, dtype } = entries[path]!
    const own = v.shape as readonly number[]
    if (dtype !== v.dtype || shape.length !== own.length || shape.some((d, i) => d !== own[i]))
      throw new TrainingError(
        'weights',
        `[${op}] '${path}' is ${v.dtype} [${own.join(',')}] in the model and ${dtype} [${shape.join(',')}] in the file`,
      )
  }
  for (const [path, v] of wanted) assignData(v, entries[path]!.data)
}

const MODEL = 'model/'
const OPTIMIZER = 'optimizer/'
const RANDOM = 'random/state'

/** Weights, states, the optimizer's state and the default random generator as one file. */
export async function encodeCheckpoint(
  variables: readonly NamedVariable[],
  optimizer: Optimizer | null,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const entries: Record<string, SafetensorsEntry> = {}
  for (const { path, variable } of variables) entries[MODEL + path] = await entryOf(variable as Tensor)
  for (const [name, value] of Object.entries(optimizer?.state() ?? {}))
    entries[OPTIMIZER + name] = await entryOf(value)
  entries[RANDOM] = await entryOf(random.generatorState() as Tensor)
  return encodeSafetensors(entries, metadata)
}

/** Takes over what {@link encodeCheckpoint} wrote; gives its metadata back. */
export async function decodeCheckpoint(
  op: string,
  bytes: Uint8Array,
  variables: readonly NamedVariable[],
  optimizer: Optimizer | null,
  trainable: readonly NamedVariable[],
): Promise<Readonly<Record<string, string>>> {
  const { tensors, metadata } = decodeSafetensors(bytes)
  const part = (prefix: string): Record<string, SafetensorsEntry> =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([k, v]) =>
        k.startsWith(prefix) ? [[k.slice(prefix.length), v] as const] : [],
      ),
    )
  const state = tensors[RANDOM]
  if (!state) throw new TrainingError('weights', `[${op}] the file is no checkpoint: it lacks '${RANDOM}'`)
  assignEntries(op, part(MODEL), variables)
  if (optimizer) {
    const values = Object.entries(part(OPTIMIZER)).map(
      ([name, e]) => [name, tensor(e.data, [...e.shape], e.dtype) as Tensor] as const,
    )
    await optimizer.loadState(
      Object.fromEntries(values),
      trainable.map((w) => w.variable),
      trainable.map((w) => w.path),
    )
    for (const [, value] of values) value.dispose()
  }
  assignData(random.generatorState() as Variable, state.data)
  return metadata
}
