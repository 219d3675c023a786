// Composites that ONNX has as one operator. One entry each: it writes the node, or returns undefined where the chosen operator
// set lacks it, and then the composite's own graph is written.
import { type Dim, isFree, type Site } from './lockstep.ts'
import type { AttributeValue, GraphWriter } from './writer.ts'

export interface CompositeCall {
  readonly writer: GraphWriter
  readonly config: Readonly<Record<string, unknown>>
  readonly inputs: readonly Site[]
  readonly dtype: string
  shape(site: Site): readonly Dim[]
  value(site: Site): string
  /** The value of `site` in another shape of the same elements; the source of a reshape where it has that shape. */
  reshaped(site: Site, dims: readonly Dim[]): string
  /** The value of `site` with its axes in another order; transposes that cancel each other vanish. */
  transposed(site: Site, perm: readonly number[]): string
  /** A constant of this shape. */
  filled(value: number, dims: readonly Dim[]): string
  /** A vector that is added to every channel of the result, where this node can take it along. */
  readonly bias: string | undefined
}
type Write = (call: CompositeCall) => string | undefined

const unary =
  (
    opType: string,
    attributes: (config: CompositeCall['config']) => Readonly<Record<string, AttributeValue>> = () => ({}),
    since = 13,
  ): Write =>
  ({ writer, config, inputs, value }) =>
    writer.opset < since ? undefined : writer.node(opType, [value(inputs[0]!)], attributes(config))

const axis = (config: CompositeCall['config']): { axis: number } => ({ axis: config['axis'] as number })
const alpha = (config: CompositeCall['config']): { alpha: { float: number } } => ({
  alpha: { float: config['alpha'] as number },
})

function layerNorm(call: CompositeCall): string | undefined {
  const { writer, inputs, value } = call
  const config = call.config as { axes: number[]; epsilon: number; scale: boolean; offset: boolean }
  const dims = call.shape(inputs[0]!)
  const start = dims.length - config.axes.length
  if (writer.opset < 17 || config.axes.some((a, i) => a !== start + i)) return undefined
  const sizes = dims.slice(start)
  const parameters = inputs.slice(1).map((p) => call.reshaped(p, sizes))
  const scale = config.scale ? parameters.shift()! : call.filled(1, sizes)
  return writer.node('LayerNormalization', [value(inputs[0]!), scale, ...parameters], {
    axis: start - dims.length,
    epsilon: { float: config.epsilon },
  })
}

function rmsNorm(call: CompositeCall): string | undefined {
  const { writer, inputs, value } = call
  const config = call.config as { axes: number[]; epsilon: number; scale: boolean }
  const dims = call.shape(inputs[0]!)
  const start = dims.length - config.axes.length
  if (writer.opset < 23 || config.axes.some((a, i) => a !== start + i)) return undefined
  const sizes = dims.slice(start)
  const scale = config.scale ? call.reshaped(inputs[1]!, sizes) : call.filled(1, sizes)
  return writer.node('RMSNormalization', [value(inputs[0]!), scale], {
    axis: start - dims.length,
    epsilon: { float: config.epsilon },
  })
}

/** ONNX has batch and heads before the matrices. Rows that a mask leaves nothing are NaN there, so masks are spelled out. */
function attention({ writer, inputs, value, config, shape }: CompositeCall): string | undefined {
  const { scale, causal, mask, rate } = config as {
    scale: number
    causal: boolean
    mask: boolean
    rate: number
  }
  if (writer.opset < 23 || mask || rate > 0 || inputs.some((x) => shape(x).length !== 4)) return undefined
  return writer.node('Attention', inputs.map(value), {
    scale: { float: scale },
    ...(causal ? { is_causal: 1 } : {}),
  })
}

interface WindowConfig {
  readonly stride: readonly number[]
  readonly dilation: readonly number[]
  readonly low: readonly number[]
  readonly high: readonly number[]
  readonly channelsLast: boolean
}
const windowAttributes = ({ stride, dilation, low, high }: WindowConfig): Record<string, AttributeValue> => ({
  strides: stride,
  dilations: dilation,
  pads: [...low, ...high],
})
const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

/** Runs `write` on the input with its channels first, and puts the channels back where they were. */
function channelsFirst(call: CompositeCall, write: (x: string) => string): string {
  const [x] = call.inputs
  const rank = call.shape(x!).length
  if (!(call.config['channelsLast'] as boolean)) return write(call.value(x!))
  const y = write(call.transposed(x!, [0, rank - 1, ...upTo(1, rank - 1)]))
  return call.writer.transpose(y, [0, ...upTo(2, rank), 1])
}

/** Negative paddings cut the input, which ONNX's windows do not: such a node is written as it is computed. */
const cutsInput = ({ low, high }: WindowConfig): boolean => [...low, ...high].some((v) => v < 0)

function convolution(call: CompositeCall): string | undefined {
  const config = call.config as unknown as WindowConfig & { readonly groups: number }
  if (cutsInput(config)) return undefined
  const n = config.stride.length
  const kernel = call.transposed(call.inputs[1]!, [n + 1, n, ...upTo(0, n)]) // […K, C, O] to [O, C, …K]
  const bias = call.bias === undefined ? [] : [call.bias]
  return channelsFirst(call, (x) =>
    call.writer.node('Conv', [x, kernel, ...bias], { ...windowAttributes(config), group: config.groups }),
  )
}

/** `outer` are the sizes of the result; what its windows do not reach is ONNX's output_padding. */
function transposedConvolution(call: CompositeCall): string | undefined {
  const config = call.config as unknown as WindowConfig & {
    readonly groups: number
    readonly outer: readonly number[]
  }
  const [x, kernel] = call.inputs as [Site, Site]
  const n = config.stride.length
  const sizes = call.shape(x).slice(...(config.channelsLast ? [1, n + 1] : [2]))
  const reach = call.shape(kernel).slice(0, n)
  if (cutsInput(config) || [...sizes, ...reach].some(isFree)) return undefined
  const extra = config.outer.map((d, i) => {
    const windows =
      ((sizes[i] as number) - 1) * config.stride[i]! + ((reach[i] as number) - 1) * config.dilation[i]! + 1
    return d - (windows - config.low[i]! - config.high[i]!)
  })
  if (extra.some((e, i) => e < 0 || e >= Math.max(config.stride[i]!, config.dilation[i]!))) return undefined
  const filter = call.transposed(kernel, [n + 1, n, ...upTo(0, n)]) // […K, O, I] to [I, O, …K]
  const bias = call.bias === undefined ? [] : [call.bias]
  return channelsFirst(call, (input) =>
    call.writer.node('ConvTranspose', [input, filter, ...bias], {
      ...windowAttributes(config),
      ...(extra.some((e) => e > 0) ? { output_padding: extra } : {}),
      group: config.groups,
    }),
  )
}

function maxPooling(call: CompositeCall): string | undefined {
  const config = call.config as unknown as WindowConfig & { readonly size: readonly number[] }
  if (cutsInput(config) || !call.dtype.startsWith('float')) return undefined
  return channelsFirst(call, (x) =>
    call.writer.node('MaxPool', [x], { kernel_shape: config.size, ...windowAttributes(config) }),
  )
}

function averagePooling(call: CompositeCall): string | undefined {
  const config = call.config as unknown as WindowConfig & {
    readonly size: readonly number[]
    readonly countPadding: boolean
  }
  const isDilated = config.dilation.some((d) => d !== 1)
  if (cutsInput(config) || (isDilated && call.writer.opset < 19)) return undefined
  const { dilations, ...attributes } = windowAttributes(config)
  return channelsFirst(call, (x) =>
    call.writer.node('AveragePool', [x], {
      kernel_shape: config.size,
      ...attributes,
      ...(isDilated ? { dilations: dilations! } : {}),
      count_include_pad: config.countPadding ? 1 : 0,
    }),
  )
}

/** Inputs are x, and vectors of mean, variance and, where they are used, scale and offset. */
function batchNorm(call: CompositeCall): string | undefined {
  const { writer, inputs, value } = call
  const config = call.config as { axis: number; epsilon: number; scale: boolean; offset: boolean }
  const [x, mean, variance, ...parameters] = inputs as [Site, Site, Site, ...Site[]]
  const dims = call.shape(x)
  const vector = call.shape(mean)
  if (dims.length < 2 || isFree(vector[0]!)) return undefined
  const scale = config.scale ? value(parameters[0]!) : call.filled(1, vector)
  const offset = config.offset ? value(parameters.at(-1)!) : call.filled(0, vector)
  const perm = [...dims.keys()].filter((a) => a !== config.axis)
  perm.splice(1, 0, config.axis) // ONNX has the channels second
  const y = writer.node(
    'BatchNormalization',
    [call.transposed(x, perm), scale, offset, value(mean), value(variance)],
    { epsilon: { float: config.epsilon } },
  )
  return writer.transpose(
    y,
    dims.map((_, a) => perm.indexOf(a)),
  )
}

export const COMPOSITES: ReadonlyMap<string, Write> = new Map<string, Write>([
  ['softmax', unary('Softmax', axis)],
  ['logSoftmax', unary('LogSoftmax', axis)],
  ['layerNorm', layerNorm],
  ['gelu', unary('Gelu', ({ approximate }) => ({ approximate: approximate as string }), 20)],
  ['leakyRelu', unary('LeakyRelu', alpha)],
  ['elu', unary('Elu', alpha)],
  ['selu', unary('Selu')],
  ['hardSigmoid', unary('HardSigmoid', () => ({ alpha: { float: 0.2 }, beta: { float: 0.5 } }))],
  ['mish', unary('Mish', undefined, 18)],
  ['softsign', unary('Softsign')],
  ['rmsNorm', rmsNorm],
  ['scaledDotProductAttention', attention],
  ['batchNorm', batchNorm],
  ['convolution', convolution],
  ['transposedConvolution', transposedConvolution],
  ['maxPooling', maxPooling],
  ['averagePooling', averagePooling],
])
