// Convolution and batch normalization. ONNX has channels first, `[N, C, …spatial]`, and kernels `[O, C / groups, …]`;
// ours end with the channels, `[…, C / groups, O]`, so a kernel is turned once, on its way into the product.
import {
  add,
  batchNorm,
  conv,
  convTranspose,
  mean,
  mul,
  reshape,
  square,
  sub,
  type Tensor,
  transpose,
} from '@dl/tensor/core'
import { type Operator, type OperatorCall, shapeOf } from '../operator.ts'
import { spatialAxes, type Windows, windowsOf } from './windows.ts'

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

const CONVOLUTION = ['auto_pad', 'kernel_shape', 'pads', 'strides', 'dilations', 'group']

export const convolutions: Readonly<Record<string, Operator>> = {
  Conv: { attributes: CONVOLUTION, build: convolution },
  ConvTranspose: {
    attributes: [...CONVOLUTION, 'output_padding', 'output_shape'],
    build: transposedConvolution,
  },
  BatchNormalization: {
    attributes: ['epsilon', 'momentum', 'training_mode', 'spatial'],
    state: [3, 4],
    build: batchNormalization,
  },
}
