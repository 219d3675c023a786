// TensorFlow.js on its WebAssembly backend, one thread: the only count that works in Node.
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

const require = createRequire(import.meta.url)
const tf = require('@tensorflow/tfjs')
const wasm = require('@tensorflow/tfjs-backend-wasm')

export async function start() {
  wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`)
  await tf.setBackend('wasm')
  await tf.ready()
}

const given = ({ data, shape }) => tf.tensor(data, shape)
// kernels run at the call on this backend, so nothing has to be read to have computed
const operation = (inputs, fn) => {
  const tensors = inputs.map(given)
  return { run: () => fn(...tensors).dispose(), result: () => fn(...tensors).data() }
}

function training([x, labels, ...weights], { learningRate, beta1, beta2, epsilon, losses: count }) {
  const [images, classes] = [given(x), given(labels)]
  const parameters = weights.map((w) => tf.variable(given(w)))
  const optimizer = tf.train.adam(learningRate, beta1, beta2, epsilon)
  const loss = () => {
    let h = images
    for (let i = 0; i < parameters.length; i += 2) {
      h = tf.add(tf.matMul(h, parameters[i]), parameters[i + 1])
      if (i + 2 < parameters.length) h = tf.relu(h)
    }
    return tf.neg(tf.mean(tf.sum(tf.mul(classes, tf.logSoftmax(h)), -1)))
  }
  const step = () => tf.tidy(() => optimizer.minimize(loss, true, parameters).dataSync()[0])
  const first = Array.from({ length: count }, step)
  return { run: step, result: () => first }
}

function convolution(inputs, { part, stride, dilation, groups }) {
  const run = (x, w) =>
    groups > 1
      ? tf.depthwiseConv2d(
          x,
          w.reshape([w.shape[0], w.shape[1], groups, -1]),
          stride,
          'same',
          'NHWC',
          dilation,
        )
      : tf.conv2d(x, w, stride, 'same', 'NHWC', dilation)
  if (part === 'forward') return operation(inputs, (x, w) => tf.tidy(() => run(x, w)))
  return operation(inputs, (x, w, ct) => tf.tidy(() => tf.grad((y) => run(y, w))(x, ct)))
}

export function prepare(kind, inputs, options) {
  if (kind === 'convolution') return convolution(inputs, options)
  if (kind === 'matMul')
    return operation(inputs, (a, b) => tf.matMul(a, b, options.transposeA, options.transposeB))
  if (kind === 'softmax') return operation(inputs, (x) => tf.tidy(() => tf.softmax(x)))
  if (kind === 'sum') return operation(inputs, (x) => tf.tidy(() => tf.sum(x, options.axis ?? undefined)))
  return training(inputs, options)
}
