// Names for things: 'relu', 'adam', 'categoricalCrossentropy'. The registries are empty here; the root door fills them, so
// that programs which pass functions and classes bundle nothing else.
import type { Tensor } from '@dl/tensor/core'
import type { Loss } from '@dl/losses'
import type { Metric } from '@dl/losses/metrics'
import type { Optimizer, OptimizerOptions } from '@dl/optim'
import type { Initializer } from './initializers.ts'
import type { Regularizer } from './regularizers.ts'

export type Activation = (x: Tensor) => Tensor

/** A table of named makers of one kind of thing. */
export class Registry<T> {
  readonly #kind: string
  readonly #entries = new Map<string, T>()

  constructor(kind: string) {
    this.#kind = kind
  }

  register(name: string, value: T): void {
    this.#entries.set(name, value)
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  /** @throws Error when the name is unknown; the error lists the known ones */
  get(name: string): T {
    const value = this.#entries.get(name)
    if (value !== undefined) return value
    const known = [...this.#entries.keys()]
    throw new Error(
      `[${this.#kind}] there is no ${this.#kind} called '${name}'; ` +
        (known.length > 0
          ? `known are ${known.join(', ')}`
          : `no names are registered: import '@dl/layers' (not '@dl/layers/core'), or pass the ${this.#kind} itself`),
    )
  }

  /** The name of a registered value. */
  nameOf(value: T): string | undefined {
    for (const [name, entry] of this.#entries) if (entry === value) return name
    return undefined
  }
}

export const activationNames: Registry<Activation> = new Registry('activation')
export const initializerNames: Registry<() => Initializer> = new Registry('initializer')
export const regularizerNames: Registry<() => Regularizer> = new Registry('regularizer')
export const optimizerNames: Registry<(options?: OptimizerOptions) => Optimizer> = new Registry('optimizer')
export const lossNames: Registry<() => Loss> = new Registry('loss')
export const metricNames: Registry<() => Metric> = new Registry('metric')
