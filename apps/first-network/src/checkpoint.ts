// The checkpoint: one safetensors file with everything that training needs to go on exactly — weights, states of dropout,
// the optimizer's state, the random generator — and, as metadata, how far it came and what it was asked for.
import { readFile } from 'node:fs/promises'
import type { Sequential } from '@dl/layers'
import { decodeSafetensors } from '@dl/tensor/core'
import { writeAtomically } from './atomic-file.ts'
import { NETWORKS } from './network.ts'
import type { NetworkName } from './network.ts'

/** What a run was asked for. */
export interface Plan {
  readonly network: NetworkName
  /** Epochs in all; the learning rate falls to zero at their end. */
  readonly epochs: number
  /** Images in a step. */
  readonly batchSize: number
  /** Of weights, dropout and the orders of images. */
  readonly seed: number
}

export interface Checkpoint {
  readonly plan: Plan
  /** Epochs that are finished. */
  readonly epoch: number
  readonly bytes: Uint8Array
}

/** A checkpoint that is missing or is not one of ours; the message is for the user. */
export class CheckpointError extends Error {
  override readonly name: string = 'CheckpointError'
}

/** Replaces the checkpoint at `path` by the model's state now. */
export async function saveCheckpoint(
  path: string,
  model: Sequential,
  plan: Plan,
  epoch: number,
): Promise<void> {
  const metadata = { ...plan, epoch }
  const texts = Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, String(value)]))
  await writeAtomically(path, await model.checkpointToSafetensors(texts))
}

/** @throws CheckpointError when there is none at `path`, or it is not one of this program's */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new CheckpointError(`There is no checkpoint at ${path}; start without --resume.`, { cause })
  })
  const metadata = await usable(path, async () => decodeSafetensors(bytes).metadata)
  const number = (name: Exclude<keyof Plan, 'network'> | 'epoch'): number => {
    const value = Number(metadata[name] ?? NaN)
    if (Number.isSafeInteger(value) && value >= 0) return value
    throw new CheckpointError(`The checkpoint at ${path} does not tell its ${name}; start without --resume.`)
  }
  const network = NETWORKS.find((name) => name === metadata['network'])
  if (network === undefined)
    throw new CheckpointError(`The checkpoint at ${path} does not tell its network; start without --resume.`)
  const plan = { network, epochs: number('epochs'), batchSize: number('batchSize'), seed: number('seed') }
  return { plan, epoch: number('epoch'), bytes }
}

/** Puts the checkpoint's state into a compiled model. @throws CheckpointError when the two do not fit */
export async function restoreCheckpoint(
  path: string,
  { bytes }: Checkpoint,
  model: Sequential,
): Promise<void> {
  await usable(path, () => model.loadCheckpoint(bytes))
}

async function usable<R>(path: string, read: () => Promise<R>): Promise<R> {
  try {
    return await read()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CheckpointError(`The checkpoint at ${path} cannot be used: ${reason}`, { cause })
  }
}
