// Strides, dilations and paddings of a node that slides windows over the spatial axes: convolutions, pooling.
import type { Tensor } from '@dl/tensor/core'
import { type OperatorCall, shapeOf } from '../operator.ts'

/** ONNX has channels first: `[N, C, …spatial]`. */
export const spatialAxes = (x: Tensor): number[] => shapeOf(x).flatMap((_, a) => (a >= 2 ? [a] : []))

export interface Windows {
  readonly strides: number[]
  readonly dilations: number[]
  readonly padding: (readonly [number, number])[]
}

/** Strides, dilations and paddings of the node, for windows of `kernel` over `sizes`. */
export function windowsOf(call: OperatorCall, sizes: readonly number[], kernel: readonly number[]): Windows {
  const { attributes } = call
  const all = (value: number): number[] => kernel.map(() => value)
  const strides = attributes.ints('strides') ?? all(1)
  const dilations = attributes.ints('dilations') ?? all(1)
  const mode = attributes.string('auto_pad', 'NOTSET')
  const pads = attributes.ints('pads') ?? [...all(0), ...all(0)]
  const fits = strides.length === kernel.length && dilations.length === kernel.length
  if (!fits || sizes.length !== kernel.length || pads.length !== 2 * kernel.length)
    call.fail(
      `has ${kernel.length} sizes of windows for ${sizes.length} axes, with ${strides.length} strides, ${dilations.length} dilations ` +
        `and ${pads.length} pads`,
    )
  if ([...strides, ...dilations].some((v) => v < 1)) call.fail('has strides or dilations below 1')
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
