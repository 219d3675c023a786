// What is kept in this browser: one network with everything that training needs to go on.
import { get, set } from 'idb-keyval'
import type { NetworkName } from './protocol.ts'

export interface Saved {
  readonly network: NetworkName
  /** Weights, optimizer and random generator as safetensors. */
  readonly checkpoint: Uint8Array
}

const KEY = 'network'

export const writeSaved = (saved: Saved): Promise<void> => set(KEY, saved)
export const readSaved = (): Promise<Saved | undefined> => get<Saved>(KEY)
