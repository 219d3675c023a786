// The door of @dl/optim: optimizers, schedules, clipping.
export { clipNorm, clipValue, globalClipNorm, globalNorm } from './clip.ts'
export { type NamedTensors, Optimizer, type OptimizerOptions, type OptimizerState } from './optimizer.ts'
export {
  adagrad,
  type AdagradOptions,
  adam,
  type AdamOptions,
  adamW,
  rmsprop,
  type RmspropOptions,
  sgd,
  type SgdOptions,
} from './optimizers.ts'
export { type Slots, type StepInput, type StepOutput, type UpdateRule } from './rule.ts'
export {
  constant,
  cosineDecay,
  type CosineDecayOptions,
  exponentialDecay,
  inverseTimeDecay,
  piecewiseConstant,
  polynomialDecay,
  type Schedule,
  type StaircaseOptions,
  warmupCosine,
  type WarmupCosineOptions,
} from './schedule.ts'
export { type TensorTree } from './tensor-tree.ts'
