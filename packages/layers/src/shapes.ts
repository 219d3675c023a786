// Shapes with unknown dimensions, as layers are built for them: `null` is a dimension of any size, the batch first.
import type { DType } from '@dl/tensor/core'

/** `[null, 784]`: any number of rows of 784. */
export type LayerShape = readonly (number | null)[]

export const showShape = (shape: LayerShape): string => `[${shape.map((d) => d ?? 'any').join(',')}]`

/** True when `shape` has the rank of `spec` and equals it wherever it is known. */
export const fitsShape = (shape: readonly number[], spec: LayerShape): boolean =>
  shape.length === spec.length && spec.every((d, i) => d === null || d === shape[i])

/** The shape with `size` in place of unknown dimensions. */
export const concrete = (shape: LayerShape, size: number): number[] => shape.map((d) => d ?? size)

/** Dimensions that are equal in both results of a probe are known, the others unknown. */
export const commonShape = (a: readonly number[], b: readonly number[]): LayerShape =>
  a.map((d, i) => (d === b[i] ? d : null))

export interface ValueSpec {
  readonly shape: LayerShape
  readonly dtype: DType
}
