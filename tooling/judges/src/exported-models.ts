// Models of every kind that are exported, with inputs and our own results: what ONNX Runtime and the onnx checker judge. A
// layer, a function or a file that can be exported belongs here.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gradsOfVariables, mean, mul, square, sub, type Tensor, type Variable } from '@dl/tensor/core'
import { layers, type Layer, sequential, setRandomSeed } from '@dl/layers'
import { exportOnnx, importOnnx } from '@dl/onnx'
import { FUNCTIONS } from './exported-functions.ts'
import { sample, words } from './samples.ts'

/** A model to export. */
export interface Candidate {
  readonly name: string
  readonly opset: number
  make(): ExportedModel | Promise<ExportedModel>
}

/** One file and what it must compute. */
export interface ExportedModel {
  readonly bytes: Uint8Array
  /** Inputs in the file's order, and our outputs for them; one entry for each batch size. */
  readonly runs: readonly { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] }[]
}

// ---- layers
type Stack = readonly [name: string, inputShape: readonly number[], stack: readonly Layer[]]
const ACTIVATIONS = [
  'relu',
  'relu6',
  'elu',
  'selu',
  'gelu',
  'silu',
  'softplus',
  'softsign',
  'tanh',
  'sigmoid',
  'softmax',
  'logSoftmax',
  'exponential',
  'linear',
] as const

function stacks(): readonly Stack[] {
  const image = [7, 6, 2]
  const line = [9, 3]
  return [
    [
      'dense',
      [4],
      [
        layers.dense({ units: 8, activation: 'relu' }),
        layers.dropout({ rate: 0.5 }),
        layers.dense({ units: 3, activation: 'softmax' }),
      ],
    ],
    ['dense over time', [5, 4], [layers.dense({ units: 3 })]],
    ['dense without bias', [4], [layers.dense({ units: 3, useBias: false })]],
    ['activations', [5], ACTIVATIONS.map((activation) => layers.activation({ activation }))],
    [
      'rectifiers',
      [5],
      [layers.leakyRelu({}), layers.prelu({ alphaInitializer: 'ones' }), layers.relu({ maxValue: 6 })],
    ],
    [
      'layer normalization',
      [5, 4],
      [layers.layerNormalization({}), layers.layerNormalization({ axis: [1, 2] })],
    ],
    ['batch normalization', [5], [layers.batchNormalization({})]],
    [
      'batch normalization of images',
      image,
      [layers.batchNormalization({}), layers.batchNormalization({ axis: 1, scale: false })],
    ],
    [
      'conv1d',
      line,
      [
        layers.conv1d({ filters: 4, kernelSize: 3, padding: 'causal', activation: 'relu' }),
        layers.conv1d({ filters: 2, kernelSize: 2, strides: 2 }),
      ],
    ],
    [
      'conv2d',
      image,
      [layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', strides: 2, activation: 'relu' })],
    ],
    [
      'conv2d with channels first',
      [2, 7, 6],
      [layers.conv2d({ filters: 4, kernelSize: 3, dataFormat: 'channelsFirst' })],
    ],
    [
      'conv2d in groups, dilated',
      image,
      [layers.conv2d({ filters: 4, kernelSize: 2, groups: 2, dilationRate: 2 })],
    ],
    ['conv3d', [4, 4, 4, 2], [layers.conv3d({ filters: 3, kernelSize: 2 })]],
    ['depthwise', image, [layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 })]],
    ['depthwise 1d', line, [layers.depthwiseConv1d({ kernelSize: 3 })]],
    ['separable', image, [layers.separableConv2d({ filters: 3, kernelSize: 3 })]],
    ['separable 1d', line, [layers.separableConv1d({ filters: 3, kernelSize: 3 })]],
    [
      'transposed convolution',
      image,
      [layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' })],
    ],
    [
      'transposed convolution, valid',
      image,
      [layers.conv2dTranspose({ filters: 3, kernelSize: 2, strides: 2 })],
    ],
    ['transposed convolution 1d', line, [layers.conv1dTranspose({ filters: 2, kernelSize: 3, strides: 2 })]],
    ['max pooling', image, [layers.maxPooling2d({ poolSize: 2, padding: 'same' })]],
    ['average pooling', image, [layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' })]],
    ['pooling 1d', line, [layers.maxPooling1d({ poolSize: 2 }), layers.averagePooling1d({ poolSize: 2 })]],
    ['global average pooling', image, [layers.globalAveragePooling2d({})]],
    ['global average pooling, kept', image, [layers.globalAveragePooling2d({ keepdims: true })]],
    ['global max pooling', image, [layers.globalMaxPooling2d({})]],
    ['global pooling 1d', line, [layers.globalAveragePooling1d({})]],
    ['global max pooling 1d', line, [layers.globalMaxPooling1d({})]],
    [
      'padding and cropping',
      image,
      [layers.zeroPadding2d({ padding: 2 }), layers.cropping2d({ cropping: 1 })],
    ],
    [
      'padding and cropping 1d',
      line,
      [layers.zeroPadding1d({ padding: 2 }), layers.cropping1d({ cropping: 1 })],
    ],
    ['up-sampling', image, [layers.upSampling2d({ size: 2 })]],
    ['up-sampling, bilinear', image, [layers.upSampling2d({ size: 2, interpolation: 'bilinear' })]],
    ['up-sampling 1d', line, [layers.upSampling1d({ size: 2 })]],
    ['spatial dropout', image, [layers.spatialDropout2d({ rate: 0.5 })]],
    ['flatten and reshape', image, [layers.flatten({}), layers.reshape({ targetShape: [6, 14] })]],
    [
      'a convolutional network',
      [12, 12, 1],
      [
        layers.conv2d({ filters: 4, kernelSize: 3, useBias: false }),
        layers.batchNormalization({}),
        layers.activation({ activation: 'relu' }),
        layers.maxPooling2d({}),
        layers.conv2d({ filters: 6, kernelSize: 3, activation: 'relu' }),
        layers.globalAveragePooling2d({}),
        layers.dense({ units: 10, activation: 'softmax' }),
      ],
    ],
  ]
}

function* ofLayers(opsets: readonly number[]): Generator<Candidate> {
  for (const [name, inputShape, stack] of stacks()) {
    const model = sequential(stack)
    const inputs = [{ name: 'x', shape: [null, ...inputShape] }]
    model.call(sample([1, ...inputShape])) // makes the weights
    unsettle(model.variables)
    for (const opset of name === 'dense' ? OPSETS : opsets) {
      const make = (): ExportedModel => ({
        bytes: exportOnnx(model, { opset, inputs }),
        runs: BATCHES.map((batch) => {
          const x = sample([batch, ...inputShape])
          return { inputs: [x], outputs: [model.call(x)] }
        }),
      })
      yield { name: `layers: ${name}`, opset, make }
    }
  }
}

/** Statistics and offsets that start as 0 and 1 would hide mistakes. */
function unsettle(variables: readonly Variable[]): void {
  for (const v of variables)
    if (/variance|gamma|mean|beta|bias/.test(v.name)) v.assign(square(sample([...v.shape])))
}

const OPSETS = [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
const BATCHES = [1, 3]

// ---- functions
function* ofFunctions(opsets: readonly number[]): Generator<Candidate> {
  for (const { name, shape, dtype = 'float32', since = 13, fn } of FUNCTIONS)
    for (const opset of opsets) {
      if (opset < since) continue
      const make = (): ExportedModel => ({
        bytes: exportOnnx(fn, { opset, inputs: [{ name: 'x', shape: [null, ...shape], dtype }] }),
        runs: [2, 5].map((batch) => {
          const x = dtype === 'float32' ? sample([batch, ...shape]) : words([batch, ...shape], dtype)
          return { inputs: [x], outputs: [fn(x)] }
        }),
      })
      yield { name: `function: ${name}`, opset, make }
    }
}

// ---- imported and tuned
const TORCH: Readonly<Record<string, (batch: number) => Tensor[]>> = {
  mlp: (batch) => [sample([batch, 16])],
  cnn_bn: (batch) => [sample([batch, 1, 12, 12])],
  resnet_block: (batch) => [sample([batch, 3, 8, 8])],
  transformer_enc: (batch) => [words([batch, 7])],
  transformer_encdec: (batch) => [words([batch, 6]), words([batch, 5])],
}

/** PyTorch's models, after one step of gradient descent in this library. */
function* ofTunedFiles(shared: string): Generator<Candidate> {
  for (const [name, inputs] of Object.entries(TORCH))
    for (const file of ['model.onnx', 'model.op11.onnx', 'train.onnx']) {
      const path = join(shared, 'oracles/torch-cases', name, file)
      if (existsSync(path))
        yield { name: `PyTorch: ${name}/${file}`, opset: 17, make: () => tuned(readFileSync(path), inputs) }
    }
}

async function tuned(bytes: Uint8Array, inputs: (batch: number) => Tensor[]): Promise<ExportedModel> {
  const model = await importOnnx(bytes)
  const call = (xs: Tensor[]): Tensor => model.call(xs) as Tensor
  const weights = model.variables.filter((v) => v.trainable)
  const { grads } = gradsOfVariables(() => mean(square(call(inputs(2)))), weights)
  for (const [i, v] of weights.entries()) v.assign(sub(v, mul(grads[i]!, 0.01)))
  const runs = BATCHES.map((batch) => ({ inputs: inputs(batch), outputs: [call(inputs(batch))] }))
  return { bytes: exportOnnx(model), runs }
}

/** All of them. @param shared the folder beside the project, if it is there */
export function* exportedModels(
  shared: string | undefined,
  opsets: readonly number[] = [13, 17, 18, 20, 23],
): Generator<Candidate> {
  setRandomSeed(7)
  yield* ofLayers(opsets)
  yield* ofFunctions(opsets)
  if (shared !== undefined) yield* ofTunedFiles(shared)
}
