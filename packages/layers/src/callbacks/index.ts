// The namespace `callbacks`.
export { earlyStopping } from './early-stopping.ts'
export { modelCheckpoint } from './model-checkpoint.ts'
export { reduceLROnPlateau } from './reduce-learning-rate.ts'
