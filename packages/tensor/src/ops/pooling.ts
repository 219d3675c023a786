// Pooling over windows: maxima and means, over any number of spatial axes, and those of tfjs by name.
import { ShapeError } from '../errors.ts'
import { outputSizes } from '../graph/convolution.ts'
import type { Node } from '../graph/node.ts'
import { averagePooling, maxPooling, type PoolGeometry } from '../graph/pooling.ts'
import { reshape } from '../graph/primitives.ts'
import { showShape } from '../graph/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Arg } from '../tensor/types.ts'
import type { DataFormat } from './convolution.ts'
import { floating, numeric, result } from './operands.ts'
import { type Padding, perAxis, resolvePadding } from './padding.ts'

/** Options of {@link maxPoolNd} and {@link avgPoolNd}. One number stands for all spatial axes. */
export interface PoolOptions {
  /** Sizes of the window. */
  readonly size: number | readonly number[]
  /** Steps of the window. Default: its size. */
  readonly strides?: number | readonly number[] | undefined
  /** `'valid'` (none, the default), `'same'`, a number, or `[before, after]` for each axis. */
  readonly padding?: Padding | undefined
  /** Distance of the elements of a window. Default 1. */
  readonly dilations?: number | readonly number[] | undefined
  /** A last window may lack elements at the end (PyTorch's and ONNX's ceil_mode). Default false. */
  readonly ceil?: boolean | undefined
  /** Default `'channelsLast'`. */
  readonly dataFormat?: DataFormat | undefined
}

function geometryOf(op: string, x: Node, options: PoolOptions): PoolGeometry {
  const n = x.shape.length - 2
  if (n < 1)
    throw new ShapeError(
      `[${op}] expects batch, channels and at least one spatial axis, got shape ${showShape(x.shape)}`,
    )
  const size = perAxis(op, 'size', options.size, n)
  const stride = perAxis(op, 'strides', options.strides ?? size, n)
  const dilation = perAxis(op, 'dilations', options.dilations ?? 1, n)
  const channelsLast = (options.dataFormat ?? 'channelsLast') === 'channelsLast'
  const sizes = x.shape.slice(channelsLast ? 1 : 2, channelsLast ? n + 1 : n + 2)
  const reach = size.map((k, i) => (k - 1) * dilation[i]! + 1)
  const [low, high] = resolvePadding(op, options.padding ?? 'valid', sizes, reach, stride)
  const g = { size, stride, dilation, low, high, channelsLast }
  if (!options.ceil) return g
  const more = outputSizes(x, size, g).map((out, i) => {
    const start = out * stride[i]! // where one more window would begin
    const padded = sizes[i]! + low[i]! + high[i]!
    const isCut = (padded - reach[i]!) % stride[i]! !== 0
    return isCut && start < sizes[i]! + low[i]! ? start + reach[i]! - padded : 0
  })
  return { ...g, high: high.map((v, i) => v + more[i]!) }
}

/**
 * The greatest element of each window; padding never wins. Equal elements send the gradient to the first, as in PyTorch.
 * @param x `[N, …spatial, C]`, or channels first
 * @throws when a size or step is below 1, or the rank is below 3
 * @example
 * ```ts
 * console.log(maxPoolNd(ones([1, 6, 6, 2]), { size: 2 }).shape) // [1, 3, 3, 2]
 * ```
 */
export function maxPoolNd(x: Arg, options: PoolOptions): Tensor {
  const node = numeric('maxPoolNd', 'x', x)
  return result(maxPooling([node], geometryOf('maxPoolNd', node, options)))
}

/**
 * The mean of each window.
 * @param x `[N, …spatial, C]`, or channels first
 * @param options `countPadding: true` counts padding as zeros (PyTorch's default); false, the default here and in tfjs, leaves it out
 * @throws when a size or step is below 1, or the rank is below 3
 * @example
 * ```ts
 * console.log(avgPoolNd(ones([1, 6, 6, 2]), { size: 3, strides: 1 }).shape) // [1, 4, 4, 2]
 * ```
 */
export function avgPoolNd(
  x: Arg,
  options: PoolOptions & { readonly countPadding?: boolean | undefined },
): Tensor {
  const node = floating('avgPoolNd', 'x', x)
  const g = geometryOf('avgPoolNd', node, options)
  return result(averagePooling([node], { ...g, countPadding: options.countPadding ?? false }))
}

type TfjsPad = 'same' | 'valid' | number
function batched(op: string, x: Arg, rank: number, pool: (batch: Tensor) => Tensor): Tensor {
  const node = numeric(op, 'x', x)
  if (node.shape.length === rank) return pool(result(node))
  if (node.shape.length !== rank - 1)
    throw new ShapeError(
      `[${op}] Error in ${op}: input must be rank ${rank} but got rank ${node.shape.length} (shape ${showShape(node.shape)})`,
    )
  const out = numeric(op, 'x', pool(result(reshape(node, [1, ...node.shape]))))
  return result(reshape(out, out.shape.slice(1)))
}

/**
 * 2-D max pooling.
 * @param x `[N, height, width, C]` or without N
 * @throws when the rank or a size does not fit
 * @example
 * ```ts
 * console.log(maxPool(ones([1, 4, 4, 1]), 2, 2, 'valid').shape) // [1, 2, 2, 1]
 * ```
 */
export const maxPool = (
  x: Arg,
  filterSize: number | readonly [number, number],
  strides: number | readonly [number, number],
  pad: TfjsPad,
): Tensor =>
  batched('maxPool', x, 4, (batch) => maxPoolNd(batch, { size: filterSize, strides, padding: pad }))

/**
 * 2-D average pooling; padding is left out of the mean.
 * @param x `[N, height, width, C]` or without N
 * @throws when the rank or a size does not fit
 * @example
 * ```ts
 * console.log(avgPool(ones([1, 4, 4, 1]), 2, 2, 'valid').shape) // [1, 2, 2, 1]
 * ```
 */
export const avgPool = (
  x: Arg,
  filterSize: number | readonly [number, number],
  strides: number | readonly [number, number],
  pad: TfjsPad,
): Tensor =>
  batched('avgPool', x, 4, (batch) => avgPoolNd(batch, { size: filterSize, strides, padding: pad }))

/**
 * 3-D max pooling.
 * @param x `[N, depth, height, width, C]` or without N
 * @throws when the rank or a size does not fit
 * @example
 * ```ts
 * console.log(maxPool3d(ones([1, 4, 4, 4, 1]), 2, 2, 'valid').shape) // [1, 2, 2, 2, 1]
 * ```
 */
export const maxPool3d = (
  x: Arg,
  filterSize: number | readonly [number, number, number],
  strides: number | readonly [number, number, number],
  pad: TfjsPad,
): Tensor =>
  batched('maxPool3d', x, 5, (batch) => maxPoolNd(batch, { size: filterSize, strides, padding: pad }))

/**
 * 3-D average pooling; padding is left out of the mean.
 * @param x `[N, depth, height, width, C]` or without N
 * @throws when the rank or a size does not fit
 * @example
 * ```ts
 * console.log(avgPool3d(ones([1, 4, 4, 4, 1]), 2, 2, 'valid').shape) // [1, 2, 2, 2, 1]
 * ```
 */
export const avgPool3d = (
  x: Arg,
  filterSize: number | readonly [number, number, number],
  strides: number | readonly [number, number, number],
  pad: TfjsPad,
): Tensor =>
  batched('avgPool3d', x, 5, (batch) => avgPoolNd(batch, { size: filterSize, strides, padding: pad }))
