// Composites that ONNX has as one operator. One entry each: it writes the node, or returns undefined where the chosen operator
// set lacks it, and then the composite's own graph is written.
import type { Dim, Site } from './lockstep.ts'
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
  /** Ones of this shape. */
  ones(dims: readonly Dim[]): string
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
  const scale = config.scale ? parameters.shift()! : call.ones(sizes)
  return writer.node('LayerNormalization', [value(inputs[0]!), scale, ...parameters], {
    axis: start - dims.length,
    epsilon: { float: config.epsilon },
  })
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
])
