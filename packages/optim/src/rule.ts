// What makes optimizers different: their slots, and one step for one parameter. Everything else (clipping, weight decay,
// schedules, trees, variables, saving) is written once, in optimizer.ts.
import type { Tensor } from '@dl/tensor/core'

export type Slots = Readonly<Record<string, Tensor>>

export interface StepInput {
  readonly parameter: Tensor
  readonly gradient: Tensor
  readonly slots: Slots
  /** Scalar. */
  readonly learningRate: Tensor
  /** Steps taken before this one: an int32 scalar. */
  readonly step: Tensor
}

export interface StepOutput {
  readonly parameter: Tensor
  readonly slots: Slots
}

export interface UpdateRule {
  readonly name: string
  /** Everything that `init` makes for a parameter, in a fixed order. */
  init(parameter: Tensor): Slots
  /** The parameter and its slots after one step. Plain composition: the compiler makes one kernel of it. */
  step(input: StepInput): StepOutput
}
