// The checkpoint: one safetensors file with everything that training needs to go on exactly — weights, states of dropout,
// the optimizer's state, the random generator — and, as metadata, how far it came and with which seed and batch size.
import { readFile } from 'node:fs/promises'
import type { Sequential } from '@dl/layers'
import { writeAtomically } from './atomic-file.ts'

export interface Progress {
  /** Epochs that are finished. */
  readonly epoch: number
  /** Seed of weights, dropout and the orders of images. */
  readonly seed: number
  readonly batchSize: number
}

/** A checkpoint that is missing or is not one of ours; the message is for the user. */
export class CheckpointError extends Error {
  override readonly name: string = 'CheckpointError'
}

/** Replaces the checkpoint at `path` by the model's state now. */
export async function saveCheckpoint(path: string, model: Sequential, progress: Progress): Promise<void> {
  const metadata = Object.fromEntries(Object.entries(progress).map(([name, value]) => [name, String(value)]))
  await writeAtomically(path, await model.checkpointToSafetensors(metadata))
}

/**
 * Puts the state at `path` into a model of the same layers.
 *
 * @throws CheckpointError when there is none, or it does not fit
 */
export async function loadCheckpoint(path: string, model: Sequential): Promise<Progress> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new CheckpointError(`There is no checkpoint at ${path}; start without --resume.`, { cause })
  })
  const metadata = await model.loadCheckpoint(bytes).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CheckpointError(`The checkpoint at ${path} cannot be used: ${reason}`, { cause })
  })
  const number = (name: keyof Progress): number => {
    const value = Number(metadata[name])
    if (Number.isSafeInteger(value) && value >= 0) return value
    throw new CheckpointError(`The checkpoint at ${path} does not tell its ${name}; start without --resume.`)
  }
  return { epoch: number('epoch'), seed: number('seed'), batchSize: number('batchSize') }
}
