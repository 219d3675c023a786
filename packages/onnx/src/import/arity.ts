// How many inputs and outputs a node of each operator may have, in any version from 7 on (ONNX's schemas). A node with more is
// refused: what it says cannot be what it means. Operators that are not listed may have any number.

const table = (rows: Readonly<Record<number, string>>): ReadonlyMap<string, number> =>
  new Map(
    Object.entries(rows).flatMap(([count, names]) => names.split(' ').map((name) => [name, Number(count)])),
  )

const MOST_INPUTS = /* @__PURE__ */ table({
  0: 'RandomNormal RandomUniform',
  1:
    'Abs Acos Acosh ArgMax ArgMin Asin Asinh Atan Atanh AveragePool Bernoulli BitwiseNot BlackmanWindow Cast Ceil Celu ' +
    'ConstantOfShape Cos Cosh DepthToSpace Det DynamicQuantizeLinear Elu Erf Exp EyeLike Flatten Floor Gelu GlobalAveragePool ' +
    'GlobalLpPool GlobalMaxPool HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity If IsInf IsNaN LRN LeakyRelu ' +
    'Log LogSoftmax LpNormalization LpPool MaxPool MeanVarianceNormalization Mish Multinomial Neg NonZero Not RandomNormalLike ' +
    'RandomUniformLike Reciprocal Relu Round Selu Shape Shrink Sigmoid Sign Sin Sinh Size Softmax Softplus Softsign ' +
    'SpaceToDepth Sqrt Swish Tan Tanh ThresholdedRelu Transpose Unique',
  2:
    'Add AffineGrid And BitShift BitwiseAnd BitwiseOr BitwiseXor CastLike CenterCropPad Compress CumProd CumSum Div Equal ' +
    'Expand Gather GatherElements GatherND Greater GreaterOrEqual GridSample Less LessOrEqual MatMul MaxRoiPool Mod Mul Or PRelu ' +
    'Pow RMSNormalization ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ' +
    'ReduceSumSquare Reshape ReverseSequence Split Squeeze Sub TopK Trilu Unsqueeze Upsample Xor',
  3:
    'Clip Col2Im Conv ConvTranspose DFT DequantizeLinear Dropout Gemm GroupNormalization InstanceNormalization ' +
    'LayerNormalization MaxUnpool NegativeLogLikelihoodLoss OneHot QuantizeLinear Range RoiAlign Scatter ScatterElements ' +
    'ScatterND SoftmaxCrossEntropyLoss TensorScatter Tile Where',
  4: 'ConvInteger MatMulInteger Pad Resize RotaryEmbedding STFT',
  5: 'BatchNormalization DeformConv MelWeightMatrix NonMaxSuppression Slice',
  6: 'GRU RNN',
  7: 'Attention',
  8: 'LSTM QLinearMatMul',
  9: 'QLinearConv',
  [Infinity]: 'Concat Einsum Loop Max Mean Min Scan Sum',
})
/** The others of the table above have one. */
const MOST_OUTPUTS = /* @__PURE__ */ table({
  2: 'Dropout GRU MaxPool RNN SoftmaxCrossEntropyLoss TopK',
  3: 'DynamicQuantizeLinear LSTM LayerNormalization',
  4: 'Attention Unique',
  5: 'BatchNormalization',
  [Infinity]: 'If Loop Scan Split',
})

/** What is wrong with these numbers of inputs and outputs; undefined when they can be. */
export function arityProblem(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
): string | undefined {
  const mostInputs = MOST_INPUTS.get(opType)
  if (mostInputs === undefined) return undefined
  const mostOutputs = MOST_OUTPUTS.get(opType) ?? 1
  const [given, made] = [inputs, outputs].map((names) => names.findLastIndex((name) => name !== '') + 1) as [
    number,
    number,
  ]
  if (given > mostInputs) return `has ${given} inputs, it takes at most ${mostInputs}`
  return made > mostOutputs ? `has ${made} outputs, it gives at most ${mostOutputs}` : undefined
}
