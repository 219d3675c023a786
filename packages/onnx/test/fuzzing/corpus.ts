// The models that the fuzzer starts from: exports of this package for many operators, PyTorch's files and ONNX's own
// one-operator tests where ../shared has them.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  add,
  argMax,
  avgPoolNd,
  batchNorm,
  concat,
  conv,
  convTranspose,
  gather,
  gelu,
  greater,
  layerNorm,
  matMul,
  max,
  maxPoolNd,
  mean,
  mul,
  pad,
  reshape,
  reverse,
  softmax,
  stridedSlice,
  sum,
  tensor,
  type Tensor,
  tile,
  transpose,
  variable,
  where,
} from '@dl/tensor/core'
import { exportOnnx, importOnnx, OnnxError } from '../../src/index.ts'
import loops from '../fixtures/loops.json' with { type: 'json' }
import { readTarGz } from '../support/archive.ts'

const numbers = (shape: number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i)),
    shape,
  )

function exported(): Uint8Array[] {
  const [w, b] = [variable(numbers([4, 3]), true, 'w'), variable(numbers([3]), true, 'b')]
  const kernel = variable(numbers([3, 3, 2, 4]), true, 'kernel')
  const channels = [0, 1, 2, 3].map((i) => variable(numbers([4]), true, `c${i}`))
  const rows: readonly ((x: Tensor) => Tensor)[] = [
    (x) => softmax(add(matMul(gelu(add(matMul(x, w), b)), transpose(w)), 1)),
    (x) => layerNorm(x, channels[0], channels[1]),
    (x) =>
      concat(
        [
          tile(x, [1, 2]),
          reverse(x, 1),
          pad(
            x,
            [
              [0, 0],
              [1, 2],
            ],
            7,
          ),
        ],
        1,
      ),
    (x) => where(greater(mul(x, 2), 1), sum(x, 1, true), max(x, 1, true)),
    (x) => gather(w, argMax(x, 1), 0),
    (x) => stridedSlice(x, [0, 0], [x.shape[0] as number, 4], [1, 2]),
    (x) => matMul(reshape(x, [-1, 2, 2]), reshape(x, [-1, 2, 2])),
  ]
  const images: readonly ((x: Tensor) => Tensor)[] = [
    (x) =>
      maxPoolNd(conv(x, kernel, { padding: 'same', strides: 2, dataFormat: 'channelsFirst' }), {
        size: 2,
        dataFormat: 'channelsFirst',
      }),
    (x) => avgPoolNd(x, { size: 3, padding: 1, dataFormat: 'channelsFirst' }),
    (x) =>
      mean(
        convTranspose(conv(x, kernel, { dataFormat: 'channelsFirst' }), kernel, {
          strides: 2,
          dataFormat: 'channelsFirst',
        }),
        [2, 3],
      ),
    (x) => {
      const y = conv(x, kernel, { dataFormat: 'channelsFirst' })
      return batchNorm(y, channels[0]!, mul(channels[1]!, channels[1]!), channels[2], channels[3], 1e-3, 1)
    },
  ]
  return [13, 17, 20].flatMap((opset) => [
    ...rows.map((f) => exportOnnx(f, { opset, inputs: [{ name: 'x', shape: [null, 4] }] })),
    ...images.map((f) => exportOnnx(f, { opset, inputs: [{ name: 'x', shape: [null, 2, 6, 6] }] })),
  ])
}

/** Small files only: a fuzzer wants many. */
const MOST_BYTES = 40_000

/** Files that import as they are. */
export async function corpus(shared: string | undefined): Promise<readonly Uint8Array[]> {
  const sound: Uint8Array[] = []
  const looping = loops.cases.map(({ model }) => Uint8Array.from(Buffer.from(model, 'base64')))
  for (const bytes of [...exported(), ...looping, ...collected(shared)])
    try {
      for (const v of (await importOnnx(bytes)).variables) v.dispose()
      sound.push(bytes)
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error
    }
  return sound
}

function collected(shared: string | undefined): readonly Uint8Array[] {
  const files: Uint8Array[] = []
  if (shared === undefined) return files
  for (const name of ['mlp', 'cnn_bn', 'resnet_block', 'transformer_enc', 'bilstm', 'gru', 'rnn_tanh'])
    for (const file of ['model.onnx', 'model.op11.onnx', 'train.onnx']) {
      const path = join(shared, 'oracles/torch-cases', name, file)
      if (existsSync(path)) files.push(readFileSync(path))
    }
  const archive = join(shared, 'onnx-conformance/public.tar.gz')
  if (existsSync(archive))
    for (const [name, bytes] of readTarGz(archive)) if (name.endsWith('/model.onnx')) files.push(bytes)
  return files.filter((bytes) => bytes.length <= MOST_BYTES)
}
