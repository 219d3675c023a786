// What operations say to mistakes: at the line that made them, with the shapes or dtypes given and what to do.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const a: tf.Tensor = tf.zeros([2, 3])
const b: tf.Tensor = tf.zeros([4, 5])
const ints: tf.Tensor = tf.zeros([2], 'int32')
const bools: tf.Tensor = tf.zeros([2], 'bool')
const nothing = undefined as never

const MISTAKES: readonly (readonly [name: string, run: () => unknown, message: string])[] = [
  [
    'add: shapes',
    () => a.add(b),
    '[add] Operands could not be broadcast together with shapes [2, 3] and [4, 5]',
  ],
  [
    'add: undefined',
    () => tf.add(a, nothing),
    "[add] Argument 'b' passed to 'add' must be a Tensor or TensorLike",
  ],
  ['addN: none', () => tf.addN([]), '[addN] Must pass at least one tensor to tf.addN(), but got 0'],
  [
    'addN: shapes',
    () => tf.addN([a, b]),
    '[addN] All tensors passed to tf.addN() must have the same shape, got [2, 3], [4, 5]',
  ],
  [
    'tensor: ragged',
    () => tf.tensor([[1, 2], [3]]),
    '[tensor] all rows must have equal lengths: at depth 1 expected 2 elements, got 1',
  ],
  [
    'tensor: size',
    () => tf.tensor([1, 2, 3], [2, 2]),
    '[tensor] Based on the provided shape, [2, 2], the tensor should have 4 values but has 3',
  ],
  [
    'tensor: dtype',
    () => tf.tensor([1], [1], 'float128' as never),
    '[tensor] dtype must be one of bool, uint8, int32, int64, float32, float64, got float128',
  ],
  [
    'scalar: array',
    () => tf.scalar([1] as never),
    '[scalar] Error creating a new Scalar: value must be a primitive',
  ],
  [
    'tensor1d: nested',
    () => tf.tensor1d([[1]]),
    '[tensor1d] tensor1d() requires values of rank 1, got shape [1, 1]',
  ],
  [
    'tensor2d: flat',
    () => tf.tensor2d([1, 2]),
    '[tensor2d] tensor2d() requires shape to be provided when `values` are a flat/TypedArray',
  ],
  [
    'tensor3d: shape',
    () => tf.tensor3d([1], [1, 1] as never),
    '[tensor3d] tensor3d() requires shape to have 3 numbers, got [1, 1]',
  ],
  ['zeros: negative', () => tf.zeros([-1]), '[zeros] a shape holds integers of 0 or more, got [-1]'],
  ['linspace: none', () => tf.linspace(0, 1, 0), '[linspace] The number of values should be positive'],
  ['range: step', () => tf.range(0, 1, 0), '[range] Cannot have a step of zero'],
  [
    'clipByValue: bounds',
    () => tf.clipByValue(a, 1, 0),
    '[clipByValue] Error in clip: min (1) must be less than or equal to max (0)',
  ],
  ['gelu: form', () => tf.gelu(a, 'erf' as never), "[gelu] approximate must be 'none' or 'tanh', got erf"],
  [
    'logicalAnd: dtype',
    () => tf.logicalAnd(a, a),
    "[logicalAnd] Argument 'a' passed to 'logicalAnd' must be bool tensor, but got float32 tensor",
  ],
  [
    'where: dtype',
    () => tf.where(a, a, a),
    "[where] Argument 'condition' passed to 'where' must be bool tensor, but got float32 tensor",
  ],
  [
    'any: dtype',
    () => tf.any(a),
    "[any] Argument 'x' passed to 'any' must be bool tensor, but got float32 tensor",
  ],
  ['sum: axis', () => a.sum(2), '[sum] axis must be an integer in [-2, 2) for a tensor of rank 2, got 2'],
  ['sum: axis twice', () => a.sum([0, -2]), '[sum] axis 0 is named twice'],
  ['norm: ord', () => tf.norm(a, 3), '[norm] Error in norm: invalid ord value: 3'],
  ['argMax: empty', () => tf.argMax(tf.zeros([0])), '[argMax] axis 0 of [0] is empty: it has no maximum'],
  [
    'matMul: inner',
    () => tf.matMul(a, b),
    '[matMul] Error in matMul: inner shapes (3) and (4) of Tensors with shapes [2, 3] and [4, 5] and transposeA=false and transposeB=false must match',
  ],
  [
    'matMul: rank',
    () => tf.matMul(a, ints),
    '[matMul] the second argument needs rank 2 or more, its shape is [2]',
  ],
  [
    'matMul: batches',
    () => tf.matMul(tf.zeros<any>([2, 1, 1]), tf.zeros<any>([3, 1, 1])),
    '[matMul] Operands could not be broadcast together with shapes [2] and [3]',
  ],
  [
    'dot: rank',
    () => tf.dot(tf.zeros<any>([1, 1, 1]), a),
    '[dot] Error in dot: inputs must all be rank 1 or 2, but got ranks 3 and 2',
  ],
  [
    'dot: inner',
    () => tf.dot(a, b),
    '[dot] Error in dot: inner dimensions of inputs must match, but got 3 and 4',
  ],
  [
    'outerProduct: rank',
    () => tf.outerProduct(a, b),
    '[outerProduct] Error in outerProduct: inputs must be rank 1, but got ranks 2 and 2',
  ],
  [
    'reshape: size',
    () => a.reshape([4, 2]),
    '[reshape] Size(6) must match the product of shape 4,2: [2, 3] holds 6 values, [4, 2] holds 8',
  ],
  [
    'reshape: two unknown',
    () => a.reshape([-1, -1]),
    '[reshape] Shapes can only have 1 implicit size. Found -1 at dim 0 and dim 1',
  ],
  [
    'reshape: fraction',
    () => a.reshape([-1, 4]),
    "[reshape] The implicit shape can't be a fractional number. Got 6 / 4",
  ],
  [
    'reshape: unknown beside 0',
    () => tf.zeros<any>([0]).reshape([-1, 0]),
    '[reshape] Cannot infer the missing size in [-1, 0] when there are 0 elements',
  ],
  [
    'expandDims: axis',
    () => a.expandDims(3),
    '[expandDims] axis 3 is outside [-3, 2] for a tensor of shape [2, 3]',
  ],
  ['squeeze: not 1', () => a.squeeze([0]), "[squeeze] Can't squeeze axis 0 since its dim '2' is not 1"],
  [
    'transpose: rank',
    () => a.transpose([0]),
    '[transpose] Error in transpose: rank of input 2 must match length of perm [0]',
  ],
  [
    'transpose: range',
    () => a.transpose([0, 2]),
    "[transpose] All entries in 'perm' must be between 0 and 1 but got [0, 2]",
  ],
  [
    'transpose: twice',
    () => a.transpose([0, 0]),
    '[transpose] perm [0, 0] is not a permutation of the axes of [2, 3]',
  ],
  ['broadcastTo', () => a.broadcastTo([2, 1]), '[broadcastTo] [2, 3] does not stretch to [2, 1]'],
  ['tile', () => a.tile([2]), '[tile] Error in transpose: rank of input 2 must match length of reps [2]'],
  ['pad: scalar', () => tf.scalar(1).pad([] as never), '[pad] pad(scalar) is not defined'],
  ['pad: rank', () => a.pad([[1, 1]]), '[pad] expects one [before, after] an axis of [2, 3], got [[1,1]]'],
  [
    'pad: negative',
    () =>
      a.pad([
        [-1, 1],
        [0, 0],
      ]),
    '[pad] paddings are 0 or more',
  ],
  ['slice: negative begin', () => a.slice([-1]), '[slice] slice() does not support negative begin indexing'],
  [
    'stridedSlice: too many',
    () => tf.stridedSlice([1], [0, 0], [1, 1]),
    '[stridedSlice] 2 entries name more axes than [1] has',
  ],
  [
    'stridedSlice: picked outside',
    () => tf.stridedSlice([1], [1], [2], [1], 0, 0, 0, 0, 1),
    '[stridedSlice] slice index 1 of dimension 0 out of bounds',
  ],
  [
    'stridedSlice: two ellipses',
    () => tf.stridedSlice(a, [0, 0], [1, 1], [1, 1], 0, 0, 3),
    '[stridedSlice] Multiple ellipses in slice is not allowed.',
  ],
  [
    'add: an object',
    () => tf.add(a, {} as never),
    "[add] Argument 'b' passed to 'add' must be a Tensor or TensorLike, but got 'Object'",
  ],
  [
    'add: text',
    () => tf.add(a, ['1'] as never),
    "[add] Argument 'b' passed to 'add' must be numeric tensor, but got string tensor",
  ],
  [
    'concat: an object',
    () => tf.concat([a, {} as never]),
    "[concat] Argument 'tensors[1]' passed to 'concat' must be a Tensor or TensorLike",
  ],
  ['norm: ord of a matrix', () => tf.norm(a, 2, [0, 1]), '[norm] Error in norm: invalid ord value: 2'],
  [
    'norm: three axes',
    () => tf.norm(tf.zeros<any>([1, 1, 1]), 1, [0, 1, 2]),
    '[norm] Error in norm: invalid axis: 0,1,2',
  ],
  ['slice: scalar', () => tf.slice(1, 0), '[slice] Slicing scalar is not possible'],
  [
    'slice: range',
    () => a.slice([0, 1], [2, 3]),
    '[slice] Error in slice2D: begin[1] + size[1] (4) would overflow input.shape[1] (3)',
  ],
  [
    'stridedSlice: stride',
    () => tf.stridedSlice(a, [0], [1], [0]),
    '[stridedSlice] strides are integers other than 0, got 0',
  ],
  [
    'split: uneven',
    () => tf.split(a, 2, 1),
    '[split] Number of splits must evenly divide the axis: 3 elements into 2 parts',
  ],
  [
    'split: sum',
    () => tf.split(a, [1, 1], 1),
    '[split] The sum of sizes must match the size of the axis dimension: sizes [1, 1] for 3 elements',
  ],
  ['unstack: scalar', () => tf.unstack(1), '[unstack] a scalar has no axis to take apart'],
  ['concat: none', () => tf.concat([] as tf.Tensor[]), '[concat] Pass at least one tensor to concat'],
  ['concat: shapes', () => tf.concat([a, b]), '[concat] shapes [2, 3] and [4, 5] differ outside axis 0'],
  [
    'concat: ranks',
    () => tf.concat([a, ints]),
    '[concat] All tensors should have the same rank, got shapes [2, 3], [2]',
  ],
  [
    'stack: shapes',
    () => tf.stack([a, b]),
    '[stack] All tensors passed to stack must have matching shapes: [2, 3] and [4, 5] differ',
  ],
  ['gather: array out of range', () => tf.gather(a, [0, 2]), '[gather] index 2 is outside [0, 2)'],
  [
    'gather: typed array out of range',
    () => tf.gather(a, Int32Array.of(-1)),
    '[gather] index -1 is outside [0, 2)',
  ],
  [
    'gather: dtype',
    () => tf.gather(a, tf.zeros([1])),
    '[gather] indices must be integers, got a float32 tensor of shape [1]',
  ],
  [
    'gather: batches',
    () => tf.gather(a, tf.zeros([3, 1], 'int32'), 1, 1),
    '[gather] x.shape[0]: 2 should be equal to indices.shape[0]: 3',
  ],
  [
    'gatherND: depth',
    () => tf.gatherND(a, tf.zeros([1, 3], 'int32')),
    '[gatherND] index innermost dimension length must be <= tensor rank; saw: 3 vs. 2',
  ],
  [
    'scatterND: shapes',
    () => tf.scatterND(tf.zeros([2, 1], 'int32'), [1, 2, 3], [5]),
    '[scatterND] updates must have shape [2] for indices [2, 1] into [5], got [3]',
  ],
  [
    'tensorScatterUpdate: depth',
    () => tf.tensorScatterUpdate(a, tf.zeros([1, 3], 'int32'), [1]),
    '[tensorScatterUpdate] the last axis of indices (shape [1, 3]) names 3 axes of a tensor of shape [2, 3]',
  ],
  [
    'tensorScatterUpdate: dtypes',
    () => tf.tensorScatterUpdate(a, ints, tf.zeros([3], 'int32')),
    '[tensorScatterUpdate] updates must be float32 like x, got int32',
  ],
  ['einsum: operands', () => tf.einsum('ij,jk', a), "[einsum] 'ij,jk' names 2 operands, 1 are given"],
  ['einsum: rank', () => tf.einsum('ijk->', a), "[einsum] 'ijk' labels 3 axes, operand 0 has shape [2, 3]"],
  [
    'einsum: sizes',
    () => tf.einsum('ii', a),
    "[einsum] 'i' in 'ii' has size 2 in one place and 3 in operand 0",
  ],
  [
    'einsum: unknown label',
    () => tf.einsum('ij->k', a),
    "[einsum] 'ij->k' keeps the label 'k', which no operand has",
  ],
  ['bitwiseAnd: float', () => tf.bitwiseAnd(a, a), '[bitwiseAnd] bits are those of integers, got float32'],
  ['oneHot: depth', () => tf.oneHot([0], 1), '[oneHot] Error in oneHot: depth must be >=2, but it is 1'],
  ['oneHot: array out of range', () => tf.oneHot([10], 10), '[oneHot] index 10 is outside [0, 10)'],
  ['oneHot: fraction', () => tf.oneHot([0.5], 10), '[oneHot] index 0.5 is outside [0, 10)'],
  ['softmax: axis', () => tf.softmax(a, 2), '[softmax] axis must be an integer in [-2, 2)'],
  [
    'rmsNorm: gamma',
    () => tf.rmsNorm(a, tf.ones([2])),
    '[rmsNorm] gamma must have the shape of the normalized axes, [3], got [2]',
  ],
  [
    'layerNorm: gamma',
    () => tf.layerNorm(a, tf.ones([2])),
    '[layerNorm] gamma must have the shape of the normalized axes, [3], got [2]',
  ],
  [
    'batchNorm: ranks',
    () => tf.batchNorm(a, [1, 2, 3], [[1]]),
    'requires mean and variance to have equal ranks',
  ],
  [
    'batchNorm: sizes',
    () => tf.batchNorm(a, [1, 2], [1, 2]),
    '[batchNorm] mean must have the shape [3] or broadcast',
  ],
  [
    'batchNorm: axis',
    () => tf.batchNorm(a, [1], [1], null, null, 0, 2),
    '[batchNorm] axis must be an integer',
  ],
  ['dropout: rate', () => tf.dropout(a, 1), '[dropout] rate must be a float in the range [0, 1), but got 1'],
  [
    'dropout: dtype',
    () => tf.dropout(ints, 0.5),
    "[dropout] x has to be a floating point tensor since it's going to be scaled, but got a int32 tensor",
  ],
  [
    'randomNormal: dtype',
    () => tf.randomNormal([1], 0, 1, 'bool' as never),
    '[randomNormal] Unsupported data type bool',
  ],
  [
    'randomUniformInt: bounds',
    () => tf.randomUniformInt([1], 3, 3),
    '[random.integers] expects integers low < high',
  ],
  [
    'a method on a disposed tensor',
    () => {
      const x: tf.Tensor = tf.zeros([2])
      x.dispose()
      x.add(1)
    },
    '[add] a is disposed (float32 [2])',
  ],
  [
    'logicalNot: method',
    () => ints.logicalNot(),
    "[logicalNot] Argument 'x' passed to 'logicalNot' must be bool tensor",
  ],
  [
    'sum of bool is allowed, exclusive or of ints is not',
    () => bools.logicalXor(ints),
    "[logicalXor] Argument 'b' passed to 'logicalXor' must be bool tensor",
  ],
]

describe('mistakes', () => {
  it.each(MISTAKES)('%s', (_name, run, message) => {
    expect(run).toThrow(message)
  })
})
