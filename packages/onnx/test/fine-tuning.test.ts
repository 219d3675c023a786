// Fine-tuning parity with PyTorch: the same files, batches and hyperparameters give the same outputs, gradients and losses.
import '@dl/backend-cpu'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  grad,
  jit,
  logSoftmax,
  mean,
  mul,
  neg,
  oneHot,
  ready,
  strictBackend,
  sum,
  tensor,
  type Tensor,
  variableGrads,
} from '@dl/tensor/core'
import { adam, type Optimizer, sgd } from '@dl/optim'
import { judge } from '@dl/test-kit'
import { exportOnnx, importOnnx, type OnnxModel } from '../src/index.ts'
import { decodeModel, decodeTensorProto } from '../src/schema/codec.ts'
import { type HostTensor, hostTensor } from '../src/schema/tensor-values.ts'
import dynamoTransformer from './fixtures/dynamo-transformer.json' with { type: 'json' }
import torchModels from './fixtures/torch-models.json' with { type: 'json' }
import { readNpz } from './support/npz.ts'

const tensorOf = ({ data, shape, dtype }: HostTensor): Tensor => tensor(data, [...shape], dtype)
const pb = (path: string): HostTensor => hostTensor(decodeTensorProto(readFileSync(path)), path)

/** Mean cross-entropy of logits against class numbers. */
function crossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const classes = logits.shape.at(-1) as number
  return neg(mean(sum(mul(logSoftmax(logits), oneHot(labels, classes, 1, 0, 'float32')), -1)))
}

/** Largest difference of two arrays, relative to the largest element of `want`. */
function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let [difference, scale] = [0, 0]
  for (let i = 0; i < want.length; i++) {
    difference = Math.max(difference, Math.abs(got[i]! - want[i]!))
    scale = Math.max(scale, Math.abs(want[i]!))
  }
  return difference / Math.max(scale, 1e-6)
}
const farthest = (got: readonly number[], want: readonly number[]): number =>
  got.reduce((most, x, i) => Math.max(most, Math.abs(x - want[i]!)), 0)
const decoded = (base64: string): Float32Array =>
  new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer)
const numbers = (x: HostTensor): ArrayLike<number> => Array.from(x.data as ArrayLike<number>)

async function curve(
  model: OnnxModel,
  optimizer: Optimizer,
  batches: readonly (readonly [Tensor[], Tensor])[],
  steps: number,
): Promise<number[]> {
  const weights = model.variables.filter((v) => v.trainable)
  optimizer.build(weights)
  const step = jit((x: Tensor[], y: Tensor) =>
    optimizer.minimize(() => crossEntropy(model.call(x, { training: true }) as Tensor, y), weights),
  )
  const losses: number[] = []
  for (let i = 0; i < steps; i++) {
    const loss = await step(...batches[i % batches.length]!).data()
    losses.push(loss[0])
  }
  return losses
}

/**
 * Model × largest relative error of a first gradient × largest differences of 20 losses. `DL_TABLES=1 npx vitest run --project onnx
 * packages/onnx/test/fine-tuning.test.ts` prints it; docs/from-pytorch-and-back.md shows it.
 */
const parity = new Map<string, Partial<Record<'gradient' | 'sgd' | 'adam', number>>>()
function record(model: string, what: 'gradient' | 'sgd' | 'adam', error: number): void {
  const row = parity.get(model) ?? {}
  row[what] = Math.max(row[what] ?? 0, error)
  parity.set(model, row)
}
afterAll(() => {
  if (!process.env['DL_TABLES']) return
  const shown = (x: number | undefined): string => x?.toExponential(1) ?? '–'
  const rows = [...parity].map(
    ([model, { gradient, sgd: sgdError, adam }]) =>
      [
        model,
        { gradients: shown(gradient), 'SGD curve': shown(sgdError), 'Adam curve': shown(adam) },
      ] as const,
  )
  console.table(Object.fromEntries(rows))
})

beforeAll(async () => {
  await ready()
  strictBackend(true)
  return () => strictBackend(false)
})

interface Curves {
  readonly opt: Readonly<Record<'sgd' | 'adam', { readonly loss: { readonly f64: readonly number[] } }>>
}
const OPTIMIZERS = {
  sgd: () => sgd({ learningRate: 0.05, momentum: 0.9 }),
  adam: () => adam({ learningRate: 0.005, form: 'torch' }),
} as const

/** Models of which every operator is there. */
const MODELS = [
  'mlp',
  'cnn_bn',
  'resnet_block',
  'transformer_enc',
  'transformer_encdec',
  'rnn_tanh',
  'gru',
  'bilstm',
  'lstm2',
]

judge('PyTorch fine-tuning', { needs: 'oracles/torch-cases' }, (folder) => {
  describe.each(MODELS)('%s', (name) => {
    const read = (file: string): Promise<OnnxModel> => importOnnx(readFileSync(join(folder, name, file)))
    const inputsOf = (arrays: ReadonlyMap<string, HostTensor>, prefix: string): Tensor[] =>
      [...arrays].filter(([key]) => key.startsWith(`${prefix}input`)).map(([, x]) => tensorOf(x))
    const train = readNpz(join(folder, name, 'train.npz'))
    const batches = [0, 1, 2, 3].map(
      (i) => [inputsOf(train, `batch${i}.`), tensorOf(train.get(`batch${i}.target`)!)] as const,
    )

    // exporting in training mode moved the statistics in train.onnx, so it has other outputs than the model
    const hasStatistics = name === 'cnn_bn' || name === 'resnet_block'
    const files = ['model.onnx', 'model.op11.onnx', ...(hasStatistics ? [] : ['train.onnx'])]
    it.each(files)('computes the outputs of %s', async (file) => {
      const model = await read(file)
      const io = readNpz(join(folder, name, 'io.npz'))
      const output = model.call(inputsOf(io, '')) as Tensor
      const want = io.get('output')!
      expect(output.shape).toEqual(want.shape)
      expect(relativeError(await output.data(), numbers(want))).toBeLessThan(1e-5)
    })

    it('has the first gradient of every parameter', async () => {
      const model = await read('train.onnx')
      const [x, y] = batches[0]!
      const { grads } = variableGrads(
        () => crossEntropy(model.call(x, { training: true }) as Tensor, y),
        model.variables.filter((v) => v.trainable),
      )
      const wanted = [...train].filter(([key]) => key.startsWith('grad0.'))
      expect(wanted.length).toBe(Object.keys(grads).length)
      for (const [key, want] of wanted) {
        const got = grads[key.slice('grad0.'.length)]!
        const values = numbers(want)
        const largest = Math.max(...Array.from(values, Math.abs))
        if (largest < 1e-6) continue // a true gradient of 0: rounding noise on both sides
        const error = relativeError(await got.data(), values)
        record(name, 'gradient', error)
        expect(error, key).toBeLessThan(1e-4)
      }
    })

    const { opt } = JSON.parse(readFileSync(join(folder, name, 'curves.json'), 'utf8')) as Curves
    it.each(['sgd', 'adam'] as const)('follows 20 steps of %s', async (method) => {
      const losses = await curve(await read('train.onnx'), OPTIMIZERS[method](), batches, 20)
      const error = farthest(losses, opt[method].loss.f64)
      record(name, method, error)
      expect(error).toBeLessThan(1e-5)
    })
  })
})

/** A global mean and what flattens it are written as one ReduceMean. */
const POOLED = new Set(['Constant', 'GlobalAveragePool', 'Flatten', 'ReduceMean', 'Reshape'])

/** Small models with one batch; what is stored beside them and what tooling/fixtures/torch_models.py made in float64. */
for (const name of ['torch113_iris_mlp', 'torch113_digits_cnn_bn', 'torch113_digits_bigru'] as const)
  judge(`PyTorch fine-tuning of ${name}`, { needs: `models/${name}` }, (folder) => {
    const input = tensorOf(pb(join(folder, 'test_data_set_0/input_0.pb')))
    const labels = tensorOf(pb(join(folder, 'labels.pb')))
    const read = (file: string): Promise<OnnxModel> => importOnnx(readFileSync(join(folder, file)))

    it.each(['model.onnx', 'model_trainable.onnx'])('computes the outputs of %s', async (file) => {
      const output = (await read(file)).call(input) as Tensor
      const want = pb(join(folder, 'test_data_set_0/output_0.pb'))
      expect(relativeError(await output.data(), numbers(want))).toBeLessThan(1e-5)
    })

    const exported = async (): Promise<[Uint8Array, Uint8Array]> => {
      const file = readFileSync(join(folder, 'model_trainable.onnx'))
      return [file, exportOnnx(await importOnnx(file))]
    }
    if (name === 'torch113_digits_bigru')
      it('is not exported: loops are not written', async () => {
        await expect(exported()).rejects.toThrow(/\[exportOnnx\].*not exported/)
      })
    else
      it('is exported with the operators that it had', async () => {
        const [had, has] = (await exported()).map((bytes) =>
          decodeModel(bytes)
            .model.graph!.node!.map(({ opType }) => opType!)
            .filter((op) => !POOLED.has(op)),
        )
        expect(has).toEqual(had)
      })

    it('has the gradient of the input', async () => {
      const model = await read('model_trainable.onnx')
      const dx = grad((x: Tensor) => crossEntropy(model.call(x) as Tensor, labels))(input)
      expect(relativeError(await dx.data(), numbers(pb(join(folder, 'grads/__input__.pb'))))).toBeLessThan(
        1e-4,
      )
    })

    const oracle = torchModels.models[name]
    it('has the first gradient of every parameter', async () => {
      const model = await read('model_trainable.onnx')
      const { grads } = variableGrads(
        () => crossEntropy(model.call(input, { training: true }) as Tensor, labels),
        model.variables.filter((v) => v.trainable),
      )
      expect(Object.keys(grads)).toEqual(Object.keys(oracle.gradients))
      for (const [key, base64] of Object.entries(oracle.gradients)) {
        const error = relativeError(await grads[key]!.data(), decoded(base64))
        record(name, 'gradient', error)
        expect(error, key).toBeLessThan(1e-4)
      }
    })

    it.each(['sgd', 'adam'] as const)('follows 20 steps of %s', async (method) => {
      const { learningRate, losses: wanted } = oracle[method]
      const optimizer = method === 'sgd' ? sgd({ learningRate }) : adam({ learningRate, form: 'torch' })
      const losses = await curve(await read('model_trainable.onnx'), optimizer, [[[input], labels]], 20)
      const error = farthest(losses, wanted)
      record(name, method, error)
      expect(error).toBeLessThan(1e-5)
    })

    it('agrees with the losses that are stored beside it', () => {
      const stored = JSON.parse(readFileSync(join(folder, 'oracle.json'), 'utf8')) as {
        readonly sgd_losses: readonly number[]
      }
      expect(farthest(oracle.sgd.losses, stored.sgd_losses)).toBeLessThan(1e-6)
    })
  })

/** What PyTorch's newer exporter writes; see tooling/fixtures/dynamo_transformer.py. */
describe('a Transformer by torch.export', () => {
  const file = (name: string): Promise<OnnxModel> =>
    importOnnx(readFileSync(new URL(`fixtures/dynamo-transformer.${name}.onnx`, import.meta.url)))
  const oracle = dynamoTransformer
  const ids = tensor(BigInt64Array.from(oracle.ids, BigInt), [8, 7], 'int64')
  const labels = tensor(oracle.labels, [8], 'int32')

  it('trains what PyTorch trains: parameters, not buffers', async () => {
    const model = await file('plain')
    const trained = model.variables.filter((v) => v.trainable).map((v) => v.name)
    expect(new Set(trained)).toEqual(new Set(Object.keys(oracle.gradients)))
    expect(model.variable('positions').trainable).toBe(false)
    const { grads } = variableGrads(
      () => crossEntropy(model.call(ids) as Tensor, labels),
      model.variables.filter((v) => v.trainable),
    )
    for (const [key, base64] of Object.entries(oracle.gradients)) {
      const error = relativeError(await grads[key]!.data(), decoded(base64))
      record('torch.export', 'gradient', error)
      expect(error, key).toBeLessThan(1e-4)
    }
  })

  const OPTIMIZER = {
    sgd: () => sgd({ learningRate: oracle.sgd.learningRate }),
    adam: () => adam({ learningRate: oracle.adam.learningRate, form: 'torch' }),
  }
  it.each(['sgd', 'adam'] as const)('follows 20 steps of %s', async (method) => {
    for (const name of ['plain', 'optimized']) {
      const model = await file(name)
      model.unshareInitializers()
      const losses = await curve(model, OPTIMIZER[method](), [[[ids], labels]], 20)
      const error = farthest(losses, oracle[method].losses)
      record(name === 'plain' ? 'torch.export' : 'torch.export, optimized', method, error)
      expect(error, name).toBeLessThan(1e-5)
    }
  })

  it('would tune merged weights as one', async () => {
    const losses = await curve(await file('optimized'), OPTIMIZER.adam(), [[[ids], labels]], 20)
    expect(farthest(losses, oracle.adam.losses)).toBeGreaterThan(1e-2)
  })

  it('keeps tied what is not named', async () => {
    const model = await file('optimized')
    expect(model.unshareInitializers('norm1.weight')).toEqual([
      'node_layer_norm_1/encoder.layers.0.norm1.weight',
      'node_layer_norm_2/encoder.layers.0.norm1.weight',
      'node_layer_norm_3/encoder.layers.0.norm1.weight',
    ])
    expect(model.unshareInitializers('norm1.weight')).toEqual([])
    expect((await importOnnx(exportOnnx(model))).variables.map((v) => v.name)).toContain(
      'node_layer_norm_3/encoder.layers.0.norm1.weight',
    )
  })
})

judge('PaddleOCR text direction', { needs: 'models/ppocr_v2_cls' }, (folder) => {
  it('computes what ONNX Runtime computed, with weights from Constant nodes', async () => {
    const model = await importOnnx(readFileSync(join(folder, 'model.onnx')))
    expect(model.variables.some((v) => v.trainable)).toBe(true)
    const output = model.call(tensorOf(pb(join(folder, 'test_data_set_0/input_0.pb')))) as Tensor
    const want = pb(join(folder, 'test_data_set_0/output_0.pb'))
    expect(relativeError(await output.data(), numbers(want))).toBeLessThan(1e-5)
  })
})
