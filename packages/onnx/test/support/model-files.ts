// Small model files, made message by message, for tests of what a file may say.
import { encodeModel } from '../../src/schema/codec.ts'
import type { GraphProto, NodeProto, ValueInfoProto } from '../../src/schema/messages.ts'
import type { HostTensor } from '../../src/schema/tensor-values.ts'

export const floats = (
  values: readonly number[],
  shape: readonly number[] = [values.length],
): HostTensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
})
export const info = (name: string, dims?: readonly (number | string)[], elemType = 1): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: dims
        ? { dim: dims.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: BigInt(d) })) }
        : null,
    },
  },
})
export const node = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  rest: NodeProto = {},
): NodeProto => ({
  opType,
  input,
  output,
  ...rest,
})
export const file = (graph: GraphProto, opset = 17): Uint8Array =>
  encodeModel({ irVersion: 8n, opsetImport: [{ version: BigInt(opset) }], graph })
