// Lines that must compile, with the types that must come out. Checked by types.test.ts (and by the package's type check).
import * as tf from '../../src/index.ts'
import type { Add, Divide, Multiply, Subtract } from '../../src/tensor/digit-types.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** `shape<[2, 3]>()(x, 1)` compiles when x has exactly this shape. */
function shape<S extends tf.Shape>() {
  return <T extends tf.Shape>(_x: tf.Tensor<T>, _ok: Equal<S, T> extends true ? 1 : ['got', T]): void => {}
}
/** `dtype<'int32'>()(x, 1)` compiles when x has exactly this dtype. */
function dtype<D extends tf.DType>() {
  return <T extends tf.DType>(
    _x: tf.Tensor<any, T>,
    _ok: Equal<D, T> extends true ? 1 : ['got', T],
  ): void => {}
}
declare function ok<_T extends true>(): void

declare const n: number, flag: boolean, arr: number[], arr2: number[][]
declare const e: tf.Tensor, x2: tf.Tensor2D, x4: tf.Tensor4D, ts: tf.Tensor2D[], es: tf.Tensor[]
declare const a23: tf.Tensor<[2, 3]>, a34: tf.Tensor<[3, 4]>
declare const bx: tf.Tensor<['batch', 784]>, nx: tf.Tensor<[number, 784]>
declare const i23: tf.Tensor<[2, 3], 'int32'>,
  f23: tf.Tensor<[2, 3], 'float32'>,
  b23: tf.Tensor<[2, 3], 'bool'>
declare const d23: tf.Tensor<[2, 3], 'float64'>, l23: tf.Tensor<[2, 3], 'int64'>
declare const known: tf.Tensor<[2, 3], tf.DType>

export function creation(): void {
  shape<[2, 2]>()(
    tf.tensor([
      [1, 2],
      [3, 4],
    ]),
    1,
  )
  shape<[3]>()(tf.tensor([1, 2, 3]), 1)
  shape<[]>()(tf.tensor(3), 1)
  shape<[number]>()(tf.tensor(arr), 1)
  shape<[number, number]>()(tf.tensor(arr2), 1)
  shape<[2, 3]>()(tf.tensor(arr, [2, 3]), 1)
  shape<[2, 3]>()(tf.tensor([1, 2, 3, 4, 5, 6], [2, 3], 'int32'), 1)
  shape<[2, 3]>()(tf.zeros([2, 3]), 1)
  shape<[number, 3]>()(tf.zeros([n, 3]), 1)
  shape<[number, number]>()(tf.zeros(x2.shape), 1)
  shape<any>()(tf.zeros(e.shape), 1)
  shape<any>()(tf.zeros(arr), 1)
  shape<[number, number]>()(
    tf.tensor2d([
      [1, 2],
      [3, 4],
    ]),
    1,
  )
  shape<[number]>()(tf.tensor1d([1, 2, 3]), 1)
  shape<[3, 3]>()(tf.eye(3), 1)
  shape<[5, 3, 4]>()(tf.eye(3, 4, [5]), 1)
  shape<[10]>()(tf.linspace(0, 1, 10), 1)
  shape<[number]>()(tf.range(0, 5), 1)
}

export function dtypes(): void {
  dtype<'float32'>()(tf.tensor([[1, 2]]), 1)
  dtype<'bool'>()(tf.tensor([true, false]), 1)
  dtype<'int64'>()(tf.tensor([1n]), 1)
  dtype<'int32'>()(tf.tensor([1, 2], [2], 'int32'), 1)
  dtype<'float64'>()(tf.tensor(new Float64Array(3)), 1)
  dtype<'float32'>()(tf.zeros([2]), 1)
  dtype<'int32'>()(tf.ones([2], 'int32'), 1)
  dtype<'float32'>()(tf.scalar(1), 1)
  dtype<'int32'>()(i23.add(1), 1)
  dtype<'float32'>()(i23.add(1.5), 1)
  dtype<'float32'>()(i23.add(f23), 1)
  dtype<'float64'>()(d23.mul(2), 1)
  dtype<'float64'>()(tf.add(f23, d23), 1)
  dtype<'int64'>()(tf.add(i23, l23), 1)
  dtype<'int32'>()(b23.add(b23), 1)
  dtype<'bool'>()(i23.greater(1), 1)
  dtype<'bool'>()(b23.logicalNot(), 1)
  dtype<'float32'>()(i23.exp(), 1)
  dtype<'float64'>()(d23.exp(), 1)
  dtype<'int32'>()(i23.sum(), 1)
  dtype<'int32'>()(b23.sum(0), 1)
  dtype<'float32'>()(i23.mean(), 1)
  dtype<'bool'>()(b23.any(), 1)
  dtype<'int32'>()(f23.argMax(1), 1)
  dtype<'int32'>()(f23.cast('int32'), 1)
  dtype<'float32'>()(b23.toFloat(), 1)
  dtype<'int32'>()(tf.oneHot([1], 3), 1)
  dtype<'float32'>()(tf.concat([i23, f23]), 1)
  dtype<'float32'>()(tf.where(b23, f23, 0), 1)
  const plain: Float32Array = f23.dataSync()
  const wide: BigInt64Array = l23.dataSync()
  const unknownDType: tf.Tensor<[2, 3], tf.DType> = f23
  const gradual: tf.Tensor<[2, 3]> = i23
  const back: tf.Tensor<[2, 3], 'float32'> = e
  const nested: bigint[][] = l23.arraySync()
  void [plain, wide, unknownDType, gradual, back, nested, known.add(known)]
}

export function products(): void {
  shape<[2, 4]>()(tf.matMul(a23, a34), 1)
  shape<[2, 4]>()(a23.matMul(a34), 1)
  shape<[3, 3]>()(a23.matMul(a23, true), 1)
  shape<[2, 2]>()(a23.matMul(a23, false, true), 1)
  shape<[number, 10]>()(nx.matMul(tf.zeros([784, 10])), 1)
  shape<['batch', 10]>()(bx.matMul(tf.zeros([784, 10])), 1)
  shape<[number, number]>()(x2.matMul(x2), 1)
  shape<any>()(e.matMul(x2), 1)
  shape<any>()(x2.matMul(e), 1)
  shape<[8, 2, 4]>()(tf.zeros([8, 2, 3]).matMul(a34), 1)
  shape<[8, 5, 2, 4]>()(tf.zeros([8, 1, 2, 3]).matMul(tf.zeros([5, 3, 4])), 1)
  shape<[number, 2]>()(a23.matMul(a23, flag, true), 1)
  shape<[]>()(tf.dot([1, 2], [3, 4]), 1)
  shape<[2]>()(tf.dot(a23, [1, 2, 3]), 1)
  shape<[2, 3]>()(tf.outerProduct([1, 2], [1, 2, 3]), 1)
}

export function broadcasting(): void {
  shape<[2, 3]>()(a23.add(1), 1)
  shape<[2, 3]>()(a23.add([1, 2, 3]), 1)
  shape<[2, 3]>()(tf.add(1, a23), 1)
  shape<[2, 3]>()(a23.add(tf.zeros([2, 1])), 1)
  shape<[5, 2, 3]>()(a23.mul(tf.zeros([5, 1, 1])), 1)
  shape<any>()(a23.add(e), 1)
  shape<[2, 3]>()(a23.add(x2), 1)
  shape<['batch', 784]>()(bx.add(nx), 1)
  shape<[4, 2, 3]>()(tf.zeros([4, 1, 3]).add(a23), 1)
  shape<[2, 3]>()(tf.where(tf.zeros([3]).greater(0), a23, 0), 1)
  shape<[4, 3]>()(tf.zeros([1, 3]).broadcastTo([4, 3]), 1)
  shape<[2, 3]>()(a23.maximum(a23.mul(0.9)), 1)
}

export function reductions(): void {
  shape<[]>()(a23.sum(), 1)
  shape<[3]>()(a23.sum(0), 1)
  shape<[2]>()(a23.sum(-1), 1)
  shape<[2, 3]>()(a23.sum([]), 1)
  shape<[2, 1]>()(a23.mean(-1, true), 1)
  shape<[]>()(a23.sum([0, 1]), 1)
  shape<[1, 1]>()(tf.max(a23, [0, 1], true), 1)
  shape<any>()(e.sum(0), 1)
  shape<[number]>()(a23.sum(n), 1)
  shape<['batch']>()(bx.sum(1), 1)
  shape<[2]>()(tf.argMax(a23, -1), 1)
  shape<[2, 1]>()(tf.moments(a23, -1, true).variance, 1)
  shape<[2]>()(tf.norm(a23, 'euclidean', 1), 1)
}

export function movement(): void {
  shape<[3, 2]>()(a23.reshape([3, 2]), 1)
  shape<[6]>()(a23.reshape([-1]), 1)
  shape<[2, 3]>()(a23.reshape([-1, 3]), 1)
  shape<['batch', 28, 28]>()(bx.reshape([-1, 28, 28]), 1)
  shape<[number, 3]>()(e.reshape([-1, 3]), 1)
  shape<any>()(e.reshape(arr), 1)
  shape<[60000, 784]>()(tf.zeros([60000, 28, 28, 1]).reshape([-1, 784]), 1)
  shape<[784]>()(tf.zeros([28, 28]).flatten(), 1)
  shape<[number, 28, 28]>()(nx.reshape([n, 28, 28]), 1)
  shape<[6, 2]>()(tf.zeros([4, 3]).reshape([-1, 2]), 1)
  shape<[3, 2]>()(a23.transpose(), 1)
  shape<[4, 2, 3]>()(tf.zeros([2, 3, 4]).transpose([2, 0, 1]), 1)
  shape<[1, 2, 3]>()(a23.expandDims(), 1)
  shape<[2, 3, 1]>()(a23.expandDims(-1), 1)
  shape<[2, 1, 3]>()(tf.expandDims(a23, 1), 1)
  shape<[2]>()(tf.zeros([1, 2, 1]).squeeze(), 1)
  shape<[1, 2]>()(tf.zeros([1, 2, 1]).squeeze([-1]), 1)
  shape<any>()(x2.squeeze(), 1)
  shape<any>()(e.transpose([1, 0]), 1)
  shape<[4, 9]>()(a23.tile([2, 3]), 1)
  shape<[3, 6]>()(
    a23.pad([
      [1, 0],
      [1, 2],
    ]),
    1,
  )
  shape<[1, 2]>()(a23.slice([0, 1], [1, 2]), 1)
  shape<[number, number]>()(a23.slice(1), 1)
}

export function joining(): void {
  shape<[4, 3]>()(tf.concat([a23, a23]), 1)
  shape<[2, 7]>()(tf.concat([a23, tf.zeros([2, 4])], 1), 1)
  shape<[2, 6]>()(a23.concat(a23, -1), 1)
  shape<[4]>()(tf.zeros([2]).concat([tf.zeros([1]), tf.zeros([1])]), 1)
  shape<[number, number]>()(tf.concat(ts, 1), 1)
  shape<any>()(tf.concat(es, 1), 1)
  shape<any>()(tf.concat([a23, e]), 1)
  shape<[2, 2, 3]>()(tf.stack([a23, a23]), 1)
  shape<[2, 3, 2]>()(tf.stack([a23, a23], 2), 1)
  shape<[number, number, number]>()(tf.stack(ts), 1)
  const [s1] = tf.split(tf.zeros([6, 4]), 2)
  shape<[3, 4]>()(s1, 1)
  const [p1, p2] = tf.zeros([6, 4]).split([2, 4], 0)
  shape<[2, 4]>()(p1, 1)
  shape<[4, 4]>()(p2, 1)
  const [row] = tf.unstack(a23)
  shape<[3]>()(row, 1)
  shape<[5, 3]>()(tf.gather(a23, tf.tensor([0, 1, 0, 1, 1], [5], 'int32')), 1)
  shape<['batch', 'seq', 64]>()(
    tf.gather(tf.zeros([1000, 64]), null as never as tf.Tensor<['batch', 'seq']>),
    1,
  )
  shape<[2, 2]>()(a23.gather([0, 1], 1), 1)
  shape<['batch', 10]>()(tf.oneHot(null as never as tf.Tensor<['batch'], 'int32'>, 10), 1)
}

/** Code as tfjs users write it: no annotation of theirs may stop compiling. */
export function tfjsIdioms(): void {
  const y1: tf.Tensor2D = e.add(e)
  const y2: tf.Tensor2D = e.sum(0)
  const y4 = e.squeeze<tf.Tensor3D>([0])
  shape<[number, number, number]>()(y4, 1)
  shape<[number, number]>()(tf.squeeze<tf.Tensor2D>(e), 1)
  shape<[number, number]>()(tf.reshape<[number, number]>(e, [1, 2]), 1)
  const parts = tf.split<tf.Tensor2D>(e, 6, 1)
  shape<[number, number]>()(parts[0]!, 1)
  const v: tf.Variable<[number, number]> = tf.variable(tf.zeros<[number, number]>([n, 3]))
  const v2: tf.Variable = v
  const v3: tf.Tensor = v
  const v4: tf.Tensor<[number, 3]> = v
  v.assign(x2)
  v.add(1)
  const kept: tf.Tensor2D = tf.tidy(() => e.add(1))
  function identity<T extends tf.Tensor>(x: T): T {
    return x.add(1) as T
  }
  function soft(x: tf.Tensor): tf.Tensor2D {
    return x.softmax()
  }
  soft(a23)
  identity(a23)
  const cast1 = e as tf.Tensor4D
  const cast2 = a23 as tf.Tensor2D
  const sizes: [number, number] = x2.shape
  const sizes2: number[] = x2.shape
  e.shape.map((d: number) => d * 2)
  const like: tf.TensorLike = [[1, 2]]
  tf.tensor(like).add(like)
  const nested: number[][] = x2.arraySync()
  const u = flag ? a23 : e
  u.add(1).sum()
  const uu = flag ? a23 : a34
  uu.relu().sum(0)
  uu.matMul(e)
  const list: tf.Tensor[] = [a23, e, x2, v]
  const record: Record<string, tf.Tensor> = { a: a23, v }
  let image: tf.Tensor4D = x4
  image = image.mul(2)
  void [y1, y2, v2, v3, v4, kept, cast1, cast2, sizes, sizes2, nested, list, record, image]
}

export function genericCode(): void {
  function g1<S extends tf.Shape>(x: tf.Tensor<S>, y: tf.Tensor<S>): tf.Tensor {
    return x.add(y).relu().mul(2).sum()
  }
  function g2<S extends tf.Shape>(x: tf.Tensor<S>): tf.Tensor<S> {
    return x.relu().square()
  }
  function g3<T extends tf.Tensor>(x: T, w: tf.Tensor2D): tf.Tensor {
    return tf.matMul(x, w).add(x)
  }
  function g4<B extends tf.Dim>(x: tf.Tensor<[B, 784]>) {
    return x.matMul(tf.zeros([784, 10]))
  }
  function g5<S extends tf.Shape, D extends tf.DType>(x: tf.Tensor<S, D>): tf.Tensor {
    return x.sub(x.mean(-1, true)).div(x.sum())
  }
  shape<[32, 10]>()(g4(tf.zeros([32, 784])), 1)
  shape<['batch', 10]>()(g4(bx), 1)
  const f = tf.jit((x: tf.Tensor<['batch', 784]>) => x.matMul(tf.zeros([784, 10])).softmax())
  shape<['batch', 10]>()(f(bx), 1)
  f(nx)
  f(x2)
  f(e)
  f(tf.zeros([32, 784]))
  void [g1, g2, g3, g5]
}

export function arithmetic(): void {
  ok<Equal<Multiply<28, 28>, 784>>()
  ok<Equal<Multiply<224, 672>, 150528>>()
  ok<Equal<Multiply<0, 5>, 0>>()
  ok<Equal<Multiply<999, 999>, 998001>>()
  ok<Equal<Multiply<50257, 768>, 38597376>>()
  ok<Equal<Subtract<28, 3>, 25>>()
  ok<Equal<Subtract<100, 99>, 1>>()
  ok<Equal<Subtract<5, 5>, 0>>()
  ok<Equal<Subtract<3, 4>, 'negative'>>()
  ok<Equal<Subtract<1000, 1>, 999>>()
  ok<Equal<Subtract<3, 40>, 'negative'>>()
  ok<Equal<Add<999, 1>, 1000>>()
  ok<Equal<Add<7, 25>, 32>>()
  ok<Equal<Divide<28, 2>, 14>>()
  ok<Equal<Divide<29, 2>, 'remainder'>>()
  ok<Equal<Divide<111, 3>, 37>>()
  ok<Equal<Divide<1024, 4>, 256>>()
  ok<Equal<Divide<10, 7>, number>>()
}
