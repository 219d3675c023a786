// The door '@dl/losses/metrics': measures accumulated over batches.
export {
  accuracy,
  binaryAccuracy,
  type BinaryAccuracyOptions,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
  type TopKOptions,
} from './accuracy.ts'
export {
  Mean,
  mean,
  meanAbsoluteErrorMetric as meanAbsoluteError,
  meanOf,
  meanSquaredErrorMetric as meanSquaredError,
  rootMeanSquaredError,
} from './mean.ts'
export { type Metric, type MetricFunction, type MetricOptions } from './metric.ts'
