// What layers over images, sequences and volumes share: settings for each spatial axis, and where the channels are.
import type { DataFormat } from '@dl/tensor/core'
import { type LayerShape, showShape } from '../shapes.ts'

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[]

export interface SpatialConfig {
  /** Where the channels are: `[batch, …spatial, channels]` (`'channelsLast'`, the default) or `[batch, channels, …spatial]`. */
  readonly dataFormat?: DataFormat | undefined
}

/** A setting for each of `rank` axes. @throws Error unless all are whole numbers of `least` or more */
export function perAxis(
  layer: string,
  key: string,
  value: PerAxis,
  rank: number,
  least: number = 1,
): readonly number[] {
  const values = typeof value === 'number' ? Array<number>(rank).fill(value) : value
  if (
    !Array.isArray(values) ||
    values.length !== rank ||
    values.some((v) => !Number.isInteger(v) || v < least)
  )
    throw new Error(
      `[${layer}] ${key} must be a whole number of ${least} or more${rank > 1 ? `, or ${rank} of them` : ''}, got ${JSON.stringify(value)}`,
    )
  return values
}

/** @throws Error unless `value` is a whole number of 1 or more */
export function assertPositive(layer: string, key: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`[${layer}] ${key} must be a positive whole number, got ${value}`)
}

/** @throws Error unless `value` is one of `allowed` or undefined */
export function assertOneOf(layer: string, key: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value as string)) return
  throw new Error(
    `[${layer}] ${key} must be ${allowed.map((v) => `'${v}'`).join(' or ')}, got ${JSON.stringify(value)}`,
  )
}

export const DATA_FORMATS: readonly DataFormat[] = ['channelsLast', 'channelsFirst']

/** Where the channels are in a tensor with `rank` spatial axes. */
export const channelAxis = (rank: number, { dataFormat }: SpatialConfig): number =>
  dataFormat === 'channelsFirst' ? 1 : rank + 1

/** The axes that are spatial in a tensor with `rank` of them. */
export const spatialAxes = (rank: number, { dataFormat }: SpatialConfig): readonly number[] =>
  Array.from({ length: rank }, (_, i) => i + (dataFormat === 'channelsFirst' ? 2 : 1))

/** `values` along the spatial axes, `other` along batch and channels. */
export function alongSpatial<T>(values: readonly T[], other: T, config: SpatialConfig): readonly T[] {
  return config.dataFormat === 'channelsFirst' ? [other, other, ...values] : [other, ...values, other]
}

const AXIS_NAMES = [[], ['steps'], ['height', 'width'], ['depth', 'height', 'width']] as const

/** `[batch, height, width, channels]`, for errors. */
const layout = (rank: number, config: SpatialConfig): string => {
  const names = AXIS_NAMES[rank] ?? []
  return `[${(config.dataFormat === 'channelsFirst' ? ['batch', 'channels', ...names] : ['batch', ...names, 'channels']).join(', ')}]`
}

/** @throws Error unless the input has batch, channels and `rank` spatial axes */
export function assertSpatial(layer: string, shape: LayerShape, rank: number, config: SpatialConfig): void {
  if (shape.length !== rank + 2)
    throw new Error(`[${layer}] needs an input ${layout(rank, config)}, got ${showShape(shape)}`)
}

/** The number of channels of an input. @throws Error when the rank is another one or the number is not known */
export function channelsOf(layer: string, shape: LayerShape, rank: number, config: SpatialConfig): number {
  assertSpatial(layer, shape, rank, config)
  const channels = shape[channelAxis(rank, config)]
  if (typeof channels !== 'number')
    throw new Error(
      `[${layer}] needs an input ${layout(rank, config)} with a known number of channels, got ${showShape(shape)}`,
    )
  return channels
}

/** @throws Error unless the input has the channels that the layer was built for */
export function assertChannels(
  layer: string,
  shape: readonly number[],
  rank: number,
  config: SpatialConfig,
  expected: number,
): void {
  const channels = channelsOf(layer, shape, rank, config)
  if (channels !== expected)
    throw new Error(
      `[${layer}] was built for ${expected} channels, got ${channels} (shape ${showShape(shape)}); ` +
        `check dataFormat, now '${config.dataFormat ?? 'channelsLast'}'`,
    )
}
