// The compiled steps. A training step is one function: forward, loss, gradients, optimizer, metrics. It changes Variables
// only, so nothing has to be read back between steps; each batch shape is traced once and then replayed.
import { add, gradsOfVariables, jit, keep, type Tensor, type Variable } from '@dl/tensor/core'
import { isList, type Layer } from '../layer.ts'
import type { Compiled } from './compiled.ts'

export type Step = (x: Tensor[], y: Tensor[], weights: Tensor[]) => readonly Tensor[]

export interface Steps {
  readonly train: Step
  readonly test: Step
  /** `Compiled.reset` and `Compiled.results`, compiled. */
  readonly reset: () => void
  readonly results: () => Tensor
}

/** The model's outputs as a list. */
export function outputsOf(model: Layer, x: readonly Tensor[], training: boolean): readonly Tensor[] {
  const outputs = model.call(x.length === 1 ? x[0]! : x, { training })
  return isList(outputs) ? outputs : [outputs]
}

/** Compiles the steps for these trainable weights. */
export function compileSteps(model: Layer, compiled: Compiled, trainable: readonly Variable[]): Steps {
  const totalLoss = (loss: Tensor): Tensor => {
    const penalty = model.regularizationLoss()
    return penalty ? add(loss, penalty) : loss
  }
  const train: Step = (x, y, weights) => {
    let outputs: readonly Tensor[] = []
    let each: readonly Tensor[] = []
    const forward = (): Tensor => {
      outputs = outputsOf(model, x, true).map((t) => keep(t))
      const losses = compiled.lossesOf(y, outputs, weights)
      each = losses.each.map((t) => keep(t))
      return totalLoss(losses.total)
    }
    if (trainable.length === 0) compiled.track(forward(), each, y, outputs, weights)
    else {
      const { value, grads, variables } = gradsOfVariables(forward, trainable)
      compiled.optimizer.applyGradients(grads, variables)
      compiled.track(value, each, y, outputs, weights)
    }
    return []
  }
  const test: Step = (x, y, weights) => {
    const outputs = outputsOf(model, x, false)
    const { total, each } = compiled.lossesOf(y, outputs, weights)
    compiled.track(totalLoss(total), each, y, outputs, weights)
    return []
  }
  return {
    train: jit(train),
    test: jit(test),
    reset: jit(() => compiled.reset()),
    results: jit(() => compiled.results()),
  }
}
