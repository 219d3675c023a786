// Random tensors. Without a seed they come from the default generator of @dl/tensor and differ at every run; with one they
// repeat. The numbers are not those of other runtimes: ONNX leaves the generator open.
import { cast, type DType, less, randomNormal, randomUniform, type Tensor } from '@dl/tensor/core'
import { dtypeOf, elementTypeName } from '../../schema/data-types.ts'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'

/** The seed's 32 bits as an integer. */
function seedOf(call: OperatorCall): number | undefined {
  const seed = call.attributes.float('seed')
  return seed === undefined ? undefined : new Int32Array(Float32Array.of(seed).buffer)[0]!
}

function wanted(call: OperatorCall, absent: DType): DType {
  const code = call.attributes.int('dtype')
  return code === undefined
    ? absent
    : (dtypeOf(code) ?? call.fail(`makes elements of type ${elementTypeName(code)}, which is not supported`))
}

type Draw = (call: OperatorCall, shape: number[], dtype: DType) => Tensor

const uniform: Draw = (call, shape, dtype) => {
  const { attributes } = call
  return cast(
    randomUniform(shape, attributes.float('low', 0), attributes.float('high', 1), 'float32', seedOf(call)),
    dtype,
  )
}
const normal: Draw = (call, shape, dtype) => {
  const { attributes } = call
  return cast(
    randomNormal(shape, attributes.float('mean', 0), attributes.float('scale', 1), 'float32', seedOf(call)),
    dtype,
  )
}

/** Of the shape that the node names. */
const shaped =
  (draw: Draw): Operator['build'] =>
  (call) => {
    const shape = call.attributes.ints('shape') ?? call.fail('has no shape')
    const dtype = wanted(call, 'float32')
    call.checkSize(
      shape.reduce((n, d) => n * d, 1),
      dtype,
    )
    return draw(call, shape, dtype)
  }
/** Of the shape, and if the node names none of the dtype, of the input. */
const like =
  (draw: Draw): Operator['build'] =>
  (call) =>
    draw(call, shapeOf(call.input(0)), wanted(call, dtypeOfTensor(call.input(0))))

/** 1 with the probability that the input holds, else 0. */
const bernoulli: Operator['build'] = (call) => {
  const x = call.input(0)
  const draw = cast(randomUniform(shapeOf(x), 0, 1, 'float32', seedOf(call)), dtypeOfTensor(x))
  return cast(less(draw, x), wanted(call, dtypeOfTensor(x)))
}

const UNIFORM = ['dtype', 'high', 'low', 'seed']
const NORMAL = ['dtype', 'mean', 'scale', 'seed']

export const randomness: Readonly<Record<string, Operator>> = {
  RandomUniform: { attributes: [...UNIFORM, 'shape'], build: shaped(uniform) },
  RandomUniformLike: { attributes: UNIFORM, build: like(uniform) },
  RandomNormal: { attributes: [...NORMAL, 'shape'], build: shaped(normal) },
  RandomNormalLike: { attributes: NORMAL, build: like(normal) },
  Bernoulli: { attributes: ['dtype', 'seed'], since: 15, build: bernoulli },
}
