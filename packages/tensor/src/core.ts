// Door `@dl/tensor/core`: everything of `@dl/tensor` as functions, without the chained methods. Packages import from here, so
// that a bundle holds only the operations that are called.

// ---- tensors
export { Tensor } from './tensor/tensor.ts'
export { Variable, variable } from './tensor/variable.ts'
export { adoptArray, hostDataOf } from './tensor/adopt.ts'
export type {
  ArrayOf,
  Axes,
  Dim,
  Scalar,
  Shape,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  Tensor5D,
  Tensor6D,
  TensorLike,
  TensorMethods,
} from './tensor/types.ts'
export type { Check, Mismatch, ShapeOf } from './tensor/shape-types.ts'
export type { DataOf, DType, TypedArray } from './graph/dtype.ts'
export type { CallOptions, InputSpec, Module } from './tensor/module.ts'
export { dispose, keep, tidy } from './tensor/scope.ts'
export { memory, type MemoryInfo } from './tensor/memory.ts'
export { fallbackCount, strictBackend } from './tensor/evaluate.ts'
export { DisposedError, DTypeError, ShapeError, TraceError } from './errors.ts'
export { BackendError, backends, getBackend, ready, setBackend } from './backend/registry.ts'

// ---- compilation, derivatives, extension
export { debugJit, jit, type JitOptions } from './compile/jit.ts'
export { explain } from './tensor/explain.ts'
export { kernelTimes } from './tensor/kernel-times.ts'
export type { KernelTime } from './backend/contract.ts'
export { type RuntimeScalar, runtimeScalar } from './tensor/runtime-scalar.ts'
export * from './autodiff/index.ts'
export { defineOp, type OpConfig, type OpDefinition } from './graph/define-op.ts'

// ---- weights in and out, trees of tensors
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsEntry,
  SafetensorsError,
  type SafetensorsFile,
} from './io/safetensors.ts'
export { leavesOf, unflatten } from './tensor/tree.ts'

// ---- randomness
export * as random from './random/index.ts'
export { dropout } from './ops/dropout.ts'
export { randomNormal, randomUniform, randomUniformInt, truncatedNormal } from './ops/random.ts'

// ---- operations
export {
  conv,
  conv1d,
  conv2d,
  conv2dTranspose,
  conv3d,
  type ConvOptions,
  convTranspose,
  type ConvTransposeOptions,
  type DataFormat,
  depthwiseConv2d,
  separableConv2d,
} from './ops/convolution.ts'
export type { Padding } from './ops/padding.ts'
export {
  avgPool,
  avgPool3d,
  avgPoolNd,
  maxPool,
  maxPool3d,
  maxPoolNd,
  type PoolOptions,
} from './ops/pooling.ts'
export {
  clone,
  eye,
  fill,
  linspace,
  ones,
  onesLike,
  range,
  scalar,
  tensor,
  tensor1d,
  tensor2d,
  tensor3d,
  tensor4d,
  tensor5d,
  tensor6d,
  zeros,
  zerosLike,
} from './ops/creation.ts'
export { cast } from './ops/cast.ts'
export {
  add,
  addN,
  div,
  divNoNan,
  floorDiv,
  maximum,
  minimum,
  mod,
  mul,
  pow,
  squaredDifference,
  sub,
} from './ops/arithmetic.ts'
export {
  abs,
  acos,
  asin,
  atan,
  ceil,
  clipByValue,
  cos,
  erf,
  exp,
  expm1,
  floor,
  isFinite,
  isInf,
  isNaN,
  log,
  log1p,
  neg,
  reciprocal,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  tan,
  tanh,
} from './ops/unary.ts'
export {
  elu,
  gelu,
  hardSigmoid,
  leakyRelu,
  logSigmoid,
  mish,
  prelu,
  relu,
  relu6,
  selu,
  silu,
  softplus,
  softsign,
  step,
  swish,
} from './ops/activation.ts'
export { equal, greater, greaterEqual, less, lessEqual, notEqual } from './ops/comparison.ts'
export { logicalAnd, logicalNot, logicalOr, logicalXor, where } from './ops/logical.ts'
export { all, any, logSumExp, max, mean, min, moments, norm, prod, sum } from './ops/reduction.ts'
export { argMax, argMin } from './ops/arg.ts'
export { cond, scan, type ScanOptions, whileLoop } from './ops/control-flow.ts'
export {
  type GatedOptions,
  gru,
  gruCell,
  type GruOptions,
  lstm,
  lstmCell,
  type LstmOptions,
  type LstmState,
  type LstmWeights,
  type RecurrentActivation,
  type RecurrentOptions,
  type RecurrentWeights,
  rnnCell,
  type SequenceOptions,
  simpleRnn,
} from './ops/recurrent.ts'
export { dot, matMul, outerProduct } from './ops/matmul.ts'
export { einsum } from './ops/einsum.ts'
export {
  broadcastTo,
  expandDims,
  flatten,
  pad,
  reshape,
  reverse,
  squeeze,
  tile,
  transpose,
} from './ops/movement.ts'
export { slice, split, unstack } from './ops/slice.ts'
export { stridedSlice } from './ops/strided-slice.ts'
export { concat, stack } from './ops/join.ts'
export { gather, gatherND, oneHot } from './ops/gather.ts'
export { type AttentionOptions, scaledDotProductAttention } from './ops/attention.ts'
export { batchNorm, layerNorm, logSoftmax, softmax } from './ops/normalization.ts'
export { rmsNorm } from './ops/rms-norm.ts'
export { scatterND, tensorScatterUpdate } from './ops/scatter.ts'
export { bitwiseAnd, bitwiseNot, bitwiseOr, bitwiseXor } from './ops/bitwise.ts'
export { argsort, median, quantile, sort, topk } from './ops/sort.ts'
export { cummax, cummin, cumprod, cumsum, logCumSumExp } from './ops/cumulative.ts'
export { lowerBound, searchSorted, upperBound } from './ops/search.ts'
export { bincount, denseBincount } from './ops/counting.ts'
export {
  booleanMaskAsync,
  inTopKAsync,
  setdiff1dAsync,
  unique,
  uniqueAsync,
  whereAsync,
} from './ops/value-dependent.ts'
