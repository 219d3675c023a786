// The errors of training: typed, so that a program can tell a NaN loss from data that does not fit.

/**
 * - `notCompiled`: `compile` was not called.
 * - `data`: inputs, labels or weights that do not fit the model or each other; an empty dataset.
 * - `label`: a class number outside the model's classes.
 * - `nonFiniteLoss`: the loss became NaN or infinite.
 * - `weights`: weights that were given do not fit the model.
 * - `busy`: the model is in training already.
 */
export type TrainingErrorCode = 'notCompiled' | 'data' | 'label' | 'nonFiniteLoss' | 'weights' | 'busy'

export class TrainingError extends Error {
  override readonly name: string = 'TrainingError'
  readonly code: TrainingErrorCode
  /** For `nonFiniteLoss`: the epoch and the step in it, both from 0. */
  readonly epoch: number | undefined
  readonly step: number | undefined

  constructor(
    code: TrainingErrorCode,
    message: string,
    at: { readonly epoch?: number; readonly step?: number } = {},
  ) {
    super(message)
    this.code = code
    this.epoch = at.epoch
    this.step = at.step
  }
}
