// What page and worker say to each other. The network lives in a worker: the page stays free for drawing while it learns.

export type BackendName = 'webgpu' | 'cpu'
export type NetworkName = 'dense' | 'cnn'

export interface Settings {
  readonly backend: BackendName
  /** For the CPU. */
  readonly threads: number
  readonly network: NetworkName
  /** Training images. */
  readonly images: number
  readonly epochs: number
}

export type Request =
  | { readonly type: 'train'; readonly settings: Settings }
  | { readonly type: 'stop' }
  | { readonly type: 'forget' }
  /** `pixels`: 784 intensities in [0, 1]. */
  | { readonly type: 'predict'; readonly pixels: Float32Array; readonly id: number }
  | { readonly type: 'example'; readonly digit: number | null }
  | { readonly type: 'save' }
  | { readonly type: 'load' }
  | { readonly type: 'export' }
  | { readonly type: 'import'; readonly bytes: Uint8Array; readonly name: string }

export interface Choice {
  readonly backend: BackendName
  readonly threads: number
  readonly label: string
}

export type Reply =
  | { readonly type: 'ready'; readonly choices: readonly Choice[]; readonly saved: boolean }
  | { readonly type: 'status'; readonly text: string }
  /** Means over the steps since the last message. `accuracy` is measured now and then, on unseen digits. */
  | {
      readonly type: 'progress'
      readonly step: number
      readonly steps: number
      readonly loss: number
      readonly accuracy: number | null
      readonly millisecondsPerStep: number
    }
  | {
      readonly type: 'trained'
      readonly stopped: boolean
      readonly accuracy: number
      readonly device: string
    }
  | { readonly type: 'prediction'; readonly probabilities: readonly number[]; readonly id: number }
  | { readonly type: 'example'; readonly pixels: Float32Array; readonly digit: number }
  | { readonly type: 'exported'; readonly bytes: Uint8Array }
  | { readonly type: 'kept'; readonly text: string }
  | { readonly type: 'failed'; readonly text: string }
