// Convolutions: the general one over any number of spatial axes, and those of tfjs by name. All are `graph/convolution.ts`.
import { ShapeError } from '../errors.ts'
import { defineComposite } from '../graph/composite.ts'
import { convolution, type ConvolutionGeometry, inputCotangent } from '../graph/convolution.ts'
import type { Node } from '../graph/node.ts'
import { cast, reshape } from '../graph/primitives.ts'
import { promote } from '../graph/dtype.ts'
import { placeholder } from '../graph/primitives.ts'
import { type Dims, showShape } from '../graph/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Arg } from '../tensor/types.ts'
import { floating, result } from './operands.ts'
import { type Padding, perAxis, resolvePadding } from './padding.ts'

/** Where the channels are: `[N, …spatial, C]` or `[N, C, …spatial]`. */
export type DataFormat = 'channelsLast' | 'channelsFirst'

/** Options of {@link conv}. One number stands for all spatial axes. */
export interface ConvOptions {
  /** Steps of the window. Default 1. */
  readonly strides?: number | readonly number[] | undefined
  /** `'valid'` (none, the default), `'same'`, `'causal'` (1-D), a number, or `[before, after]` for each axis. */
  readonly padding?: Padding | undefined
  /** Distance of the elements of a window. Default 1. */
  readonly dilations?: number | readonly number[] | undefined
  /** Channels are split into this many groups that do not see each other. Default 1. */
  readonly groups?: number | undefined
  /** Default `'channelsLast'`. */
  readonly dataFormat?: DataFormat | undefined
}

/**
 * Convolution (cross-correlation) over one, two or three spatial axes.
 *
 * @param x `[N, …spatial, C]`, or `[N, C, …spatial]` with `dataFormat: 'channelsFirst'`
 * @param filter `[…kernel, C / groups, O]`
 * @returns `[N, …outputs, O]` or `[N, O, …outputs]`
 * @throws when ranks, channels or groups do not fit
 * @example
 * ```ts
 * const x = ones([1, 5, 5, 2])
 * console.log(conv(x, ones([3, 3, 2, 4]), { padding: 'same', strides: 2 }).shape) // [1, 3, 3, 4]
 * ```
 */
export function conv(x: Arg, filter: Arg, options: ConvOptions = {}): Tensor {
  const [input, kernel] = convOperands('conv', x, filter)
  return result(convolution([input, kernel], geometryOf('conv', input, kernel, options)))
}

/** Options of {@link convTranspose}. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Elements more at the end of each axis, below the stride. Default: none, or for `'same'` `input · stride` in all. */
  readonly outputPadding?: number | readonly number[] | undefined
}

/**
 * Transposed convolution: the gradient of {@link conv} with respect to its input, as a layer that enlarges.
 *
 * @param x `[N, …spatial, I]`, or channels first
 * @param filter `[…kernel, O / groups, I]`
 * @returns `[N, …outputs, O]`; an axis of n has `(n − 1) · stride + dilation · (kernel − 1) + 1 − padding + outputPadding`
 * @throws when ranks, channels or groups do not fit
 * @example
 * ```ts
 * const x = ones([1, 4, 4, 3])
 * console.log(convTranspose(x, ones([2, 2, 5, 3]), { strides: 2 }).shape) // [1, 8, 8, 5]
 * ```
 */
export function convTranspose(x: Arg, filter: Arg, options: ConvTransposeOptions = {}): Tensor {
  const op = 'convTranspose'
  const [input, kernel] = convOperands(op, x, filter)
  const n = kernel.shape.length - 2
  assertRank(op, input, n)
  const { groups = 1, dataFormat = 'channelsLast' } = options
  const channelsLast = dataFormat === 'channelsLast'
  const axis = channelsLast ? n + 1 : 1
  if (input.shape[axis] !== kernel.shape[n + 1] || kernel.shape[n + 1]! % groups !== 0)
    throw new ShapeError(
      `[${op}] input has ${input.shape[axis]} channels (shape ${showShape(input.shape)}) but the filter ends with ` +
        `${kernel.shape[n + 1]} (shape ${showShape(kernel.shape)}) in ${groups} groups; a filter is […kernel, out / groups, in]; ` +
        `check dataFormat, now '${dataFormat}'`,
    )
  const stride = perAxis(op, 'strides', options.strides ?? 1, n)
  const dilation = perAxis(op, 'dilations', options.dilations ?? 1, n)
  const sizes = input.shape.slice(channelsLast ? 1 : 2, channelsLast ? n + 1 : n + 2)
  const reach = stride.map((_, i) => (kernel.shape[i]! - 1) * dilation[i]! + 1)
  const same = options.padding === 'same'
  const [low, high] = same
    ? [
        reach.map((r, i) => Math.floor(Math.max(0, r - stride[i]!) / 2)),
        reach.map((r, i) => Math.ceil(Math.max(0, r - stride[i]!) / 2)),
      ]
    : resolvePadding(op, options.padding ?? 'valid', sizes, reach, stride)
  const extra = perAxis(op, 'outputPadding', options.outputPadding ?? 0, n, 0)
  const outer = sizes.map((d, i) =>
    same && options.outputPadding === undefined
      ? d * stride[i]!
      : (d - 1) * stride[i]! + reach[i]! - low[i]! - high[i]! + extra[i]!,
  )
  return result(
    transposedConvolution([input, kernel], { stride, dilation, low, high, groups, channelsLast, outer }),
  )
}

/** `outer` are the spatial sizes of the result. */
const transposedConvolution = /* @__PURE__ */ defineComposite<ConvolutionGeometry & { readonly outer: Dims }>(
  {
    name: 'transposedConvolution',
    fallback: ([x, w], { outer, ...geometry }) => {
      const features = w!.shape.at(-2)! * geometry.groups
      const { channelsLast } = geometry
      const shape = channelsLast ? [x!.shape[0]!, ...outer, features] : [x!.shape[0]!, features, ...outer]
      return inputCotangent(x!, placeholder(shape, x!.dtype, 'convTranspose'), w!, geometry)
    },
  },
)

function convOperands(op: string, x: Arg, filter: Arg): readonly [Node, Node] {
  const input = floating(op, 'x', x)
  const kernel = floating(op, 'filter', filter)
  const dtype = promote(input.dtype, kernel.dtype)
  return [cast(input, dtype), cast(kernel, dtype)]
}

function assertRank(op: string, x: Node, spatial: number): void {
  if (spatial >= 1 && x.shape.length === spatial + 2) return
  throw new ShapeError(
    `[${op}] a filter with ${spatial} spatial axes needs an input of rank ${spatial + 2} (batch, channels and ${spatial} spatial ` +
      `axes), got rank ${x.shape.length} (shape ${showShape(x.shape)})`,
  )
}

function geometryOf(op: string, x: Node, w: Node, options: ConvOptions): ConvolutionGeometry {
  const n = w.shape.length - 2
  assertRank(op, x, n)
  const { groups = 1, dataFormat = 'channelsLast' } = options
  const channelsLast = dataFormat === 'channelsLast'
  const channels = x.shape[channelsLast ? n + 1 : 1]!
  if (channels !== w.shape[n]! * groups || w.shape[n + 1]! % groups !== 0)
    throw new ShapeError(
      `[${op}] input has ${channels} channels (shape ${showShape(x.shape)}) but the filter expects ${w.shape[n]! * groups} ` +
        `(shape ${showShape(w.shape)}${groups > 1 ? `, ${groups} groups` : ''}); check dataFormat, now '${dataFormat}'`,
    )
  const stride = perAxis(op, 'strides', options.strides ?? 1, n)
  const dilation = perAxis(op, 'dilations', options.dilations ?? 1, n)
  const sizes = x.shape.slice(channelsLast ? 1 : 2, channelsLast ? n + 1 : n + 2)
  const reach = stride.map((_, i) => (w.shape[i]! - 1) * dilation[i]! + 1)
  const [low, high] = resolvePadding(op, options.padding ?? 'valid', sizes, reach, stride)
  return { stride, dilation, low, high, groups, channelsLast }
}

// ---- tfjs's names
/** tfjs's data formats, spatial axes spelled out. */
type TfjsFormat = 'NWC' | 'NCW' | 'NHWC' | 'NCHW' | 'NDHWC' | 'NCDHW'
/** tfjs's explicit padding names all axes: `[[0, 0], [top, bottom], [left, right], [0, 0]]`. */
type TfjsPadding = 'same' | 'valid' | number | readonly (readonly [number, number])[]
const formatOf = (dataFormat: TfjsFormat): DataFormat =>
  dataFormat.endsWith('C') ? 'channelsLast' : 'channelsFirst'
const paddingOf = (pad: TfjsPadding, dataFormat: TfjsFormat): Padding =>
  typeof pad !== 'object' ? pad : formatOf(dataFormat) === 'channelsLast' ? pad.slice(1, -1) : pad.slice(2)

/** Adds the batch that tfjs allows to leave out, and takes it away again. */
function withBatch(op: string, x: Arg, rank: number, run: (batch: Tensor) => Tensor): Tensor {
  const node = floating(op, 'x', x)
  if (node.shape.length === rank) return run(result(node))
  if (node.shape.length !== rank - 1)
    throw new ShapeError(
      `[${op}] Error in ${op}: input must be rank ${rank}, but got rank ${node.shape.length} (shape ${showShape(node.shape)})`,
    )
  const batch = run(result(reshape(node, [1, ...node.shape])))
  const out = floating(op, 'x', batch)
  return result(reshape(out, out.shape.slice(1)))
}

/**
 * 1-D convolution.
 * @param x `[N, width, C]` or `[width, C]`
 * @param filter `[width, C, O]`
 * @throws when ranks or channels do not fit
 * @example
 * ```ts
 * console.log(conv1d(ones([1, 8, 2]), ones([3, 2, 4]), 1, 'same').shape) // [1, 8, 4]
 * ```
 */
export const conv1d = (
  x: Arg,
  filter: Arg,
  stride: number,
  pad: TfjsPadding,
  dataFormat: 'NWC' | 'NCW' = 'NWC',
  dilation = 1,
): Tensor =>
  withBatch('conv1d', x, 3, (batch) =>
    conv(batch, filter, {
      strides: stride,
      padding: paddingOf(pad, dataFormat),
      dilations: dilation,
      dataFormat: formatOf(dataFormat),
    }),
  )

/**
 * 2-D convolution.
 * @param x `[N, height, width, C]` or `[height, width, C]`
 * @param filter `[height, width, C, O]`
 * @throws when ranks or channels do not fit
 * @example
 * ```ts
 * console.log(conv2d(ones([2, 8, 8, 3]), ones([3, 3, 3, 4]), 1, 'valid').shape) // [2, 6, 6, 4]
 * ```
 */
export const conv2d = (
  x: Arg,
  filter: Arg,
  strides: number | readonly [number, number],
  pad: TfjsPadding,
  dataFormat: 'NHWC' | 'NCHW' = 'NHWC',
  dilations: number | readonly [number, number] = 1,
): Tensor =>
  withBatch('conv2d', x, 4, (batch) =>
    conv(batch, filter, {
      strides,
      padding: paddingOf(pad, dataFormat),
      dilations,
      dataFormat: formatOf(dataFormat),
    }),
  )

/**
 * 2-D convolution of each channel on its own.
 * @param x `[N, height, width, C]` or `[height, width, C]`
 * @param filter `[height, width, C, M]`: M kernels for each channel
 * @returns `[N, …, C · M]`
 * @throws when ranks or channels do not fit
 * @example
 * ```ts
 * console.log(depthwiseConv2d(ones([1, 4, 4, 3]), ones([3, 3, 3, 2]), 1, 'same').shape) // [1, 4, 4, 6]
 * ```
 */
export const depthwiseConv2d = (
  x: Arg,
  filter: Arg,
  strides: number | readonly [number, number],
  pad: TfjsPadding,
  dataFormat: 'NHWC' | 'NCHW' = 'NHWC',
  dilations: number | readonly [number, number] = 1,
): Tensor =>
  withBatch('depthwiseConv2d', x, 4, (batch) => {
    const kernel = floating('depthwiseConv2d', 'filter', filter)
    const [h, w, c, m] = kernel.shape as [number, number, number, number]
    return conv(batch, result(reshape(kernel, [h, w, 1, c * m])), {
      strides,
      padding: paddingOf(pad, dataFormat),
      dilations,
      groups: c,
      dataFormat: formatOf(dataFormat),
    })
  })

/**
 * {@link depthwiseConv2d}, then a 1 × 1 convolution that mixes the channels.
 * @param depthwiseFilter `[height, width, C, M]`
 * @param pointwiseFilter `[1, 1, C · M, O]`
 * @throws when ranks or channels do not fit
 * @example
 * ```ts
 * console.log(separableConv2d(ones([1, 4, 4, 3]), ones([3, 3, 3, 2]), ones([1, 1, 6, 5]), 1, 'same').shape) // [1, 4, 4, 5]
 * ```
 */
export const separableConv2d = (
  x: Arg,
  depthwiseFilter: Arg,
  pointwiseFilter: Arg,
  strides: number | readonly [number, number],
  pad: TfjsPadding,
  dilation: number | readonly [number, number] = 1,
  dataFormat: 'NHWC' | 'NCHW' = 'NHWC',
): Tensor =>
  conv2d(
    depthwiseConv2d(x, depthwiseFilter, strides, pad, dataFormat, dilation),
    pointwiseFilter,
    1,
    'valid',
    dataFormat,
  )

/**
 * Transposed 2-D convolution.
 * @param x `[N, height, width, I]` or without N
 * @param filter `[height, width, O, I]`
 * @param outputShape `[N, height, width, O]` or without N: which of the possible sizes is meant
 * @throws when ranks, channels or the output shape do not fit
 * @example
 * ```ts
 * console.log(conv2dTranspose(ones([1, 4, 4, 3]), ones([3, 3, 5, 3]), [1, 8, 8, 5], 2, 'same').shape) // [1, 8, 8, 5]
 * ```
 */
export const conv2dTranspose = (
  x: Arg,
  filter: Arg,
  outputShape: readonly number[],
  strides: number | readonly [number, number],
  pad: TfjsPadding,
): Tensor =>
  withBatch('conv2dTranspose', x, 4, (batch) => {
    const [input, kernel] = convOperands('conv2dTranspose', batch, filter)
    const shape = outputShape.length === 3 ? [1, ...outputShape] : [...outputShape]
    const target = placeholder(shape, input.dtype, 'conv2dTranspose')
    const g = geometryOf('conv2dTranspose', target, kernel, { strides, padding: paddingOf(pad, 'NHWC') })
    const expected = convolution([target, kernel], g).shape
    if (String(expected) !== String(input.shape))
      throw new ShapeError(
        `[conv2dTranspose] an output ${showShape(shape)} belongs to an input ${showShape(expected)}, got ${showShape(input.shape)}; ` +
          `check outputShape, strides and pad`,
      )
    return result(inputCotangent(input, target, kernel, g))
  })

/**
 * 3-D convolution.
 * @param x `[N, depth, height, width, C]` or without N
 * @param filter `[depth, height, width, C, O]`
 * @throws when ranks or channels do not fit
 * @example
 * ```ts
 * console.log(conv3d(ones([1, 4, 4, 4, 2]), ones([2, 2, 2, 2, 3]), 1, 'valid').shape) // [1, 3, 3, 3, 3]
 * ```
 */
export const conv3d = (
  x: Arg,
  filter: Arg,
  strides: number | readonly [number, number, number],
  pad: TfjsPadding,
  dataFormat: 'NDHWC' | 'NCDHW' = 'NDHWC',
  dilations: number | readonly [number, number, number] = 1,
): Tensor =>
  withBatch('conv3d', x, 5, (batch) =>
    conv(batch, filter, {
      strides,
      padding: paddingOf(pad, dataFormat),
      dilations,
      dataFormat: formatOf(dataFormat),
    }),
  )
