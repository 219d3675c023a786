// @dl through its public doors, as a user would write it: jit, an optimizer from @dl/optim, a loss from @dl/losses.
import '@dl/backend-cpu'
import { readFile } from 'node:fs/promises'
import { softmaxCrossEntropy } from '@dl/losses'
import { importOnnx } from '@dl/onnx'
import { adam } from '@dl/optim'
import {
  add,
  conv,
  grad,
  jit,
  matMul,
  mean,
  mul,
  ready,
  relu,
  softmax,
  sum,
  type Tensor,
  tensor,
  variable,
} from '@dl/tensor/core'

interface Input {
  readonly shape: number[]
  readonly data: Float32Array
}
/** One workload made ready: `run` computes once, `result` gives what the check wants. */
export interface Prepared {
  run(): void | Promise<void>
  result(): Promise<ArrayLike<number>>
}
interface Options {
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly axis: number | null
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly losses: number
  readonly file: string
  readonly part: 'forward' | 'input' | 'kernel'
  readonly stride: number
  readonly dilation: number
  readonly groups: number
  /** Channels first. */
  readonly first: boolean
}

export const start = (): Promise<void> => ready()

const given = ({ data, shape }: Input): Tensor => tensor(data, shape)

function operation(inputs: readonly Input[], fn: (...x: Tensor[]) => Tensor): Prepared {
  const tensors = inputs.map(given)
  const compiled = jit(fn)
  return {
    run: () => compiled(...tensors).dispose(),
    result: async () => (await compiled(...tensors).data()) as Float32Array,
  }
}

function convolution(inputs: readonly Input[], options: Options): Prepared {
  const { part, stride, dilation, groups, first } = options
  const dataFormat = first ? 'channelsFirst' : 'channelsLast'
  const run = (x: Tensor, w: Tensor): Tensor =>
    conv(x, w, { padding: 'same', strides: stride, dilations: dilation, groups, dataFormat })
  if (part === 'forward') return operation(inputs, (x, w) => run(x!, w!))
  return operation(inputs, (x, w, ct) =>
    part === 'input'
      ? grad((y: Tensor) => sum(mul(run(y, w!), ct!)))(x!)
      : grad((k: Tensor) => sum(mul(run(x!, k), ct!)))(w!),
  )
}

function training([x, labels, ...weights]: readonly Input[], options: Options): Prepared {
  const images = given(x!)
  const classes = given(labels!)
  const parameters = weights.map((w) => variable(given(w)))
  const optimizer = adam(options)
  optimizer.build(parameters)
  const loss = (): Tensor => {
    let h = images
    for (let i = 0; i < parameters.length; i += 2) {
      h = add(matMul(h, parameters[i]!), parameters[i + 1]!)
      if (i + 2 < parameters.length) h = relu(h)
    }
    return mean(softmaxCrossEntropy(classes, h))
  }
  const step = jit(() => optimizer.minimize(loss, parameters))
  // a step has run when it returns; only the check reads its loss
  const losses = Array.from({ length: options.losses }, () => step().dataSync()[0]!)
  return { run: () => step().dispose(), result: () => Promise.resolve(losses) }
}

async function model(x: Input, { file }: Options): Promise<Prepared> {
  const imported = await importOnnx(await readFile(file))
  imported.trainable = false
  const feeds = { [imported.inputs[0]!.name]: given(x) }
  const result = async (): Promise<Tensor> => Object.values(await imported.run(feeds))[0]!
  return {
    run: async () => (await result()).dispose(),
    result: async () => (await (await result()).data()) as Float32Array,
  }
}

export function prepare(
  kind: string,
  inputs: readonly Input[],
  options: Options,
): Prepared | Promise<Prepared> {
  switch (kind) {
    case 'matMul':
      return operation(inputs, (a, b) => matMul(a, b, options.transposeA, options.transposeB))
    case 'softmax':
      return operation(inputs, (x) => softmax(x))
    case 'sum':
      return operation(inputs, (x) => (options.axis === null ? sum(x) : sum(x, options.axis)))
    case 'convolution':
      return convolution(inputs, options)
    case 'train':
      return training(inputs, options)
    case 'onnx':
      return model(inputs[0]!, options)
    default:
      throw new Error(`[bench] there is no workload of kind "${kind}"`)
  }
}
