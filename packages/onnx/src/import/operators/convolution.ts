// Convolution, pooling and batch normalization. ONNX has channels first, `[N, C, …spatial]`, and kernels `[O, C / groups, …]`;
// ours end with the channels, `[…, C / groups, O]`, so a kernel is turned once, on its way into the product.
import {
  add,
  avgPoolNd,
  batchNorm,
  conv,
  convTranspose,
  max,
  maxPoolNd,
  mean,
  mul,
  reshape,
  square,
  sub,
  type Tensor,
  transpose,
} from '@dl/tensor/core'
import { type Operator, type OperatorCall, shapeOf } from '../operator.ts'

const spatialAxes = (x: Tensor): number[] => shapeOf(x).flatMap((_, a) => (a >= 2 ? [a] : []))

interface Windows {
  readonly strides: number[]
  readonly dilations: number[]
  readonly padding: (readonly [number, number])[]
}

/** Strides, dilations and paddings of the node, for windows of `kernel` over `sizes`. */
function windowsOf(call: OperatorCall, sizes: readonly number[], kernel: readonly number[]): Windows {
  const { attributes } = call
  const all = (value: number): number[] => kernel.map(() => value)
  const strides = attributes.ints('strides') ?? all(1)
  const dilations = attributes.ints('dilations') ?? all(1)
  const mode = attributes.string('auto_pad', 'NOTSET')
  const pads = attributes.ints('pads') ?? [...all(0), ...all(0)]
  const padding = kernel.map((k, i): readonly [number, number] => {
    if (mode === 'NOTSET') return [pads[i]!, pads[i + kernel.length]!]
    if (mode === 'VALID') return [0, 0]
    if (mode !== 'SAME_UPPER' && mode !== 'SAME_LOWER') call.fail(`has auto_pad '${mode}'`)
    const reach = (k - 1) * dilations[i]! + 1
    const total = Math.max(0, (Math.ceil(sizes[i]! / strides[i]!) - 1) * strides[i]! + reach - sizes[i]!)
    const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)]
    return mode === 'SAME_UPPER' ? [less, more] : [more, less]
  })
  return { strides, dilations, padding }
}

/** `[first, second, …spatial]` to `[…spatial, second, first]`. */
const kernelLast = (w: Tensor): Tensor => transpose(w, [...spatialAxes(w), 1, 0])
const alongChannels = (p: Tensor, x: Tensor): Tensor => reshape(p, [-1, ...spatialAxes(x).map(() => 1)])

function convolution(call: OperatorCall): Tensor {
  const [x, w] = [call.input(0), call.input(1)]
  const y = conv(x, kernelLast(w), {
    ...windowsOf(call, shapeOf(x).slice(2), shapeOf(w).slice(2)),
    groups: call.attributes.int('group', 1),
    dataFormat: 'channelsFirst',
  })
  const bias = call.optional(2)
  return bias ? add(y, alongChannels(bias, x)) : y
}

/** Paddings from `pads`, or from the sizes that `output_shape` or `auto_pad` ask for. */
function transposedWindows(
  call: OperatorCall,
  sizes: readonly number[],
  kernel: readonly number[],
): Windows & { readonly outputPadding: number[] } {
  const { attributes } = call
  const windows = windowsOf(call, sizes, kernel)
  const outputPadding = attributes.ints('output_padding') ?? kernel.map(() => 0)
  const mode = attributes.string('auto_pad', 'NOTSET')
  const same = mode.startsWith('SAME') ? sizes.map((d, i) => d * windows.strides[i]!) : undefined
  const wanted = attributes.ints('output_shape')?.slice(-kernel.length) ?? same
  if (!wanted) return { ...windows, outputPadding }
  const { strides, dilations } = windows
  const total = wanted.map(
    (d, i) => (sizes[i]! - 1) * strides[i]! + outputPadding[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - d,
  )
  const padding = total.map((t): [number, number] => {
    const [less, more] = [Math.floor(Math.max(0, t) / 2), Math.ceil(Math.max(0, t) / 2)]
    return mode === 'SAME_UPPER' ? [less, more] : [more, less]
  })
  return {
    strides,
    dilations,
    padding,
    outputPadding: outputPadding.map((p, i) => p + Math.max(0, -total[i]!)),
  }
}

function transposedConvolution(call: OperatorCall): Tensor {
  const [x, w] = [call.input(0), call.input(1)]
  const kernel = shapeOf(w).slice(2)
  const groups = call.attributes.int('group', 1)
  const y = convTranspose(x, kernelLast(w), {
    ...transposedWindows(call, shapeOf(x).slice(2), kernel),
    groups,
    dataFormat: 'channelsFirst',
  })
  const bias = call.optional(2)
  return bias ? add(y, alongChannels(bias, x)) : y
}

function maxPooling(call: OperatorCall): Tensor {
  if (call.wants(1)) call.fail('gives the positions of the maxima, which is not supported')
  const x = call.input(0)
  const size = call.attributes.ints('kernel_shape') ?? call.fail('has no kernel_shape')
  return maxPoolNd(x, {
    size,
    ...windowsOf(call, shapeOf(x).slice(2), size),
    ceil: call.attributes.flag('ceil_mode', false),
    dataFormat: 'channelsFirst',
  })
}

function averagePooling(call: OperatorCall): Tensor {
  const x = call.input(0)
  const size = call.attributes.ints('kernel_shape') ?? call.fail('has no kernel_shape')
  const countPadding = call.attributes.flag('count_include_pad', false)
  const ceil = call.attributes.flag('ceil_mode', false)
  if (ceil && countPadding)
    call.fail('counts padding in windows that are cut off (ceil_mode), which is not supported')
  return avgPoolNd(x, {
    size,
    ...windowsOf(call, shapeOf(x).slice(2), size),
    ceil,
    countPadding,
    dataFormat: 'channelsFirst',
  })
}

/**
 * With the moving statistics of the file; while training, where the file is in training mode, with those of the batch, and the
 * moving ones follow: `moving · momentum + batch · (1 - momentum)`, with the biased variance, as ONNX specifies. Frozen (neither
 * scale nor offset is trained) it keeps to the moving statistics, as in Keras: what is frozen computes the same for ever.
 */
function batchNormalization(call: OperatorCall): Tensor[] {
  const x = call.input(0)
  const { attributes, opset } = call
  const inTrainingMode = opset >= 14 ? attributes.flag('training_mode', false) : call.wants(1)
  const [movingMean, movingVariance] = [call.input(3), call.input(4)]
  const moves = call.training && !(call.isFrozen(1) && call.isFrozen(2))
  if (!inTrainingMode || !(moves || call.exposes(1)))
    return [
      normalized(call, x, movingMean, movingVariance),
      movingMean,
      movingVariance,
      movingMean,
      movingVariance,
    ]
  const axes = [0, ...spatialAxes(x)]
  const batchMean: Tensor = mean(x, axes)
  const batchVariance: Tensor = mean(square(sub(x, alongChannels(batchMean, x))), axes)
  const momentum = attributes.float('momentum', 0.9)
  const moved = (old: Tensor, now: Tensor): Tensor => add(mul(old, momentum), mul(now, 1 - momentum))
  const [newMean, newVariance] = [moved(movingMean, batchMean), moved(movingVariance, batchVariance)]
  if (moves) {
    call.assign(3, newMean)
    call.assign(4, newVariance)
  }
  return [normalized(call, x, batchMean, batchVariance), newMean, newVariance, batchMean, batchVariance]
}

function normalized(call: OperatorCall, x: Tensor, center: Tensor, variance: Tensor): Tensor {
  const epsilon = call.attributes.float('epsilon', 1e-5)
  return batchNorm(x, center, variance, call.input(2), call.input(1), epsilon, 1)
}

const POOL = ['auto_pad', 'kernel_shape', 'pads', 'strides', 'dilations', 'ceil_mode']
const CONVOLUTION = ['auto_pad', 'kernel_shape', 'pads', 'strides', 'dilations', 'group']

export const convolutions: Readonly<Record<string, Operator>> = {
  Conv: { attributes: CONVOLUTION, build: convolution },
  ConvTranspose: {
    attributes: [...CONVOLUTION, 'output_padding', 'output_shape'],
    build: transposedConvolution,
  },
  MaxPool: { attributes: [...POOL, 'storage_order'], build: maxPooling },
  AveragePool: { attributes: [...POOL, 'count_include_pad'], build: averagePooling },
  GlobalAveragePool: { build: (call) => mean(call.input(0), spatialAxes(call.input(0)), true) },
  GlobalMaxPool: { build: (call) => max(call.input(0), spatialAxes(call.input(0)), true) },
  BatchNormalization: {
    attributes: ['epsilon', 'momentum', 'training_mode', 'spatial'],
    state: [3, 4],
    build: batchNormalization,
  },
}
