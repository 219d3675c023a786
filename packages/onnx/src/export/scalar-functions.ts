// The scalar table in ONNX's operators: for each elementwise function the node, or the few nodes, that compute it.
import type { DType, ScalarName } from '@dl/tensor/backend'
import { OnnxError } from '../errors.ts'
import { ELEMENT_TYPE } from '../schema/data-types.ts'
import { type GraphWriter, scalarTensor } from './writer.ts'

interface MapCall {
  readonly writer: GraphWriter
  readonly inputs: readonly string[]
  /** Of the last argument. */
  readonly from: DType
  readonly to: DType
}
type Emit = (call: MapCall) => string

const same =
  (opType: string): Emit =>
  ({ writer, inputs }) =>
    writer.node(opType, inputs)
/** ONNX orders numbers only; truth values are compared as integers. */
const ordered =
  (opType: string): Emit =>
  ({ writer, inputs, from }) =>
    writer.node(
      opType,
      from === 'bool' ? inputs.map((x) => writer.node('Cast', [x], { to: ELEMENT_TYPE.int32 })) : inputs,
    )
const extreme =
  (opType: string, ofBool: string): Emit =>
  ({ writer, inputs, from }) =>
    writer.node(from === 'bool' ? ofBool : opType, inputs)
const one = ({ writer, from }: MapCall): string => writer.constant(scalarTensor(1, from))
const bits =
  (opType: string): Emit =>
  ({ writer, inputs }) => {
    if (writer.opset < 18)
      throw new OnnxError('export', `[exportOnnx] ${opType} needs operator set 18 or newer`)
    return writer.node(opType, inputs)
  }

const FUNCTIONS: Partial<Readonly<Record<ScalarName, Emit>>> = {
  add: same('Add'),
  sub: same('Sub'),
  mul: same('Mul'),
  div: same('Div'),
  rem: ({ writer, inputs }) => writer.node('Mod', inputs, { fmod: 1 }),
  pow: same('Pow'),
  max: extreme('Max', 'Or'),
  min: extreme('Min', 'And'),
  neg: same('Neg'),
  abs: same('Abs'),
  sign: same('Sign'),
  floor: same('Floor'),
  ceil: same('Ceil'),
  round: same('Round'),
  trunc: ({ writer, inputs }) =>
    writer.node('Mul', [writer.node('Sign', inputs), writer.node('Floor', [writer.node('Abs', inputs)])]),
  sqrt: same('Sqrt'),
  rsqrt: ({ writer, inputs }) => writer.node('Reciprocal', [writer.node('Sqrt', inputs)]),
  square: ({ writer, inputs: [x] }) => writer.node('Mul', [x!, x!]),
  reciprocal: same('Reciprocal'),
  exp: same('Exp'),
  expm1: (call) => call.writer.node('Sub', [call.writer.node('Exp', call.inputs), one(call)]),
  log: same('Log'),
  log1p: (call) => call.writer.node('Log', [call.writer.node('Add', [call.inputs[0]!, one(call)])]),
  sin: same('Sin'),
  cos: same('Cos'),
  tan: same('Tan'),
  atan: same('Atan'),
  tanh: same('Tanh'),
  sigmoid: same('Sigmoid'),
  erf: same('Erf'),
  relu: same('Relu'),
  softplus: same('Softplus'),
  isNaN: same('IsNaN'),
  isInf: same('IsInf'),
  isFinite: ({ writer, inputs }) =>
    writer.node('Not', [writer.node('Or', [writer.node('IsNaN', inputs), writer.node('IsInf', inputs)])]),
  eq: same('Equal'),
  ne: ({ writer, inputs }) => writer.node('Not', [writer.node('Equal', inputs)]),
  lt: ordered('Less'),
  le: ordered('LessOrEqual'),
  gt: ordered('Greater'),
  ge: ordered('GreaterOrEqual'),
  and: same('And'),
  or: same('Or'),
  xor: same('Xor'),
  not: same('Not'),
  bitAnd: bits('BitwiseAnd'),
  bitOr: bits('BitwiseOr'),
  bitXor: bits('BitwiseXor'),
  select: same('Where'),
  cast: ({ writer, inputs, to }) => writer.node('Cast', inputs, { to: ELEMENT_TYPE[to] }),
}

/** Writes `fn` of the inputs, which broadcast. @throws OnnxError for functions that ONNX cannot express */
export function writeScalarFunction(fn: ScalarName, call: MapCall): string {
  const emit = FUNCTIONS[fn]
  if (!emit)
    throw new OnnxError(
      'export',
      fn === 'threefry'
        ? '[exportOnnx] the computation draws random numbers, which a file cannot repeat; export it in inference mode'
        : `[exportOnnx] ONNX has no operator for the elementwise function '${fn}'`,
    )
  return emit(call)
}
