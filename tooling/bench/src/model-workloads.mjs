// Real ONNX files as workloads: PaddleOCR's text detector and direction classifier, against ONNX Runtime's WebAssembly on one
// thread. The judge of the values is onnxruntime-node. Where ../shared/models does not exist there are none.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const folder = process.env.DL_SHARED
  ? `${process.env.DL_SHARED}/models`
  : fileURLToPath(new URL('../../../../shared/models', import.meta.url))

/** Pixels in [-1, 1), the same for every peer. */
function pixels(shape) {
  const data = new Float32Array(shape.reduce((n, d) => n * d, 1))
  let x = 12345
  for (let i = 0; i < data.length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff
    data[i] = (x / 0x7fffffff - 0.5) * 2
  }
  return { shape, data }
}

/** The greatest difference from onnxruntime-node. */
async function distance(file, { shape, data }, result) {
  const ort = createRequire(import.meta.url)('onnxruntime-node')
  const session = await ort.InferenceSession.create(file)
  const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', data, shape) })
  const want = outputs[session.outputNames[0]].data
  if (want.length !== result.length) return Infinity
  return want.reduce((worst, value, i) => Math.max(worst, Math.abs(value - result[i])), 0)
}

function model(name, title, shape) {
  const file = `${folder}/${name}/model.onnx`
  const input = pixels(shape)
  return {
    name: `${title} ${shape.join('×')}`,
    kind: 'onnx',
    inputs: [input],
    options: { file },
    peers: ['dl', 'ort-web'],
    tolerance: 1e-4,
    check: (result) => distance(file, input, result),
  }
}

/** Bytes of the file of a workload. */
export const modelBytes = ({ file }) => new Uint8Array(readFileSync(file))

export const MODEL_WORKLOADS = existsSync(folder)
  ? [
      model('ppocr_v4_det', 'ocr detector', [1, 3, 96, 128]),
      model('ppocr_v4_det', 'ocr detector', [1, 3, 320, 320]),
      model('ppocr_v4_det', 'ocr detector', [1, 3, 640, 640]),
      model('ppocr_v2_cls', 'ocr classifier', [1, 3, 48, 192]),
      model('ppocr_v2_cls', 'ocr classifier', [6, 3, 48, 192]),
    ]
  : []
