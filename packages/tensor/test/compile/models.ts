// Whole training steps as graphs: loss, gradients, Adam updates that replace parameters and moments in place.
import type { Leaf, Node, ScalarLeaf } from '../../src/graph/node.ts'
import { serial } from '../../src/graph/node.ts'
import * as p from '../../src/graph/primitives.ts'
import { type Dims, sizeOf } from '../../src/graph/shape.ts'
import { gradients } from '../../src/autodiff/gradient.ts'
import { input, leafOfNode } from './evaluation.ts'

const { s } = p

export interface Step {
  readonly roots: Node[]
  readonly inPlace: Map<number, Leaf>
}

const last = (x: Node): number => x.shape.length - 1
const rowSum = (x: Node): Node => p.reduce('sum', x, [last(x)])
const rowMean = (x: Node): Node => s.div(rowSum(x), x.shape[last(x)]!)
const scalar = (value: number): Node => {
  const leaf: ScalarLeaf = { id: serial(), dtype: 'float32', value }
  return p.scalarInput(leaf)
}

/** Mean softmax cross-entropy of logits `[batch, classes]` and one-hot labels. */
export function crossEntropy(logits: Node, labels: Node): Node {
  const shifted = s.sub(logits, p.stop(p.reduce('maxNumber', logits, [1])))
  const logProbability = s.sub(shifted, s.log(rowSum(s.exp(shifted))))
  const perRow = s.neg(rowSum(s.mul(labels, logProbability)))
  return p.reshape(s.div(p.reduce('sum', perRow, [0]), logits.shape[0]!), [])
}

/** Gradients and Adam for every parameter. */
export function adamStep(loss: Node, parameters: readonly Node[]): Step {
  const roots = [loss]
  const inPlace = new Map<number, Leaf>()
  const [rate, second] = [scalar(1e-2), scalar(10)]
  const replace = (old: Node, next: Node): void => {
    inPlace.set(roots.length, leafOfNode(old))
    roots.push(next)
  }
  gradients([loss], [p.constant(1, 'float32', loss.shape)], parameters).forEach((gradient, i) => {
    const w = parameters[i]!
    const [m, v] = [
      input(w.shape, 'float32', new Float32Array(sizeOf(w.shape))),
      input(w.shape, 'float32', new Float32Array(sizeOf(w.shape))),
    ]
    const nextM = s.add(s.mul(m, 0.9), s.mul(gradient!, 0.1))
    const nextV = s.add(s.mul(v, 0.999), s.mul(s.mul(gradient!, gradient!), 0.001))
    replace(m, nextM)
    replace(v, nextV)
    replace(w, s.sub(w, s.div(s.mul(nextM, rate), s.add(s.sqrt(s.mul(nextV, second)), 1e-8))))
  })
  return { roots, inPlace }
}

const oneHot = (rows: number, classes: number): Node =>
  input(
    [rows, classes],
    'float32',
    Float32Array.from({ length: rows * classes }, (_, i) =>
      i % classes === Math.floor(i / classes) % classes ? 1 : 0,
    ),
  )

/** Dense layers with relu between them. */
export function mlp(sizes: Dims = [784, 128, 10], batch = 128): Step {
  const parameters: Node[] = []
  let h = input([batch, sizes[0]!])
  for (let i = 1; i < sizes.length; i++) {
    const [w, b] = [input([sizes[i - 1]!, sizes[i]!]), input([sizes[i]!])]
    parameters.push(w, b)
    h = s.add(p.dot(h, w), b)
    if (i + 1 < sizes.length) h = s.relu(h)
  }
  return adamStep(crossEntropy(h, oneHot(batch, sizes.at(-1)!)), parameters)
}

/** Encoder blocks with pre-norm attention and GELU. */
export function transformer({
  batch = 2,
  length = 4,
  width = 8,
  heads = 2,
  blocks = 2,
  classes = 3,
} = {}): Step {
  const parameters: Node[] = []
  const weight = (...shape: number[]): Node => {
    const w = input(shape)
    parameters.push(w)
    return w
  }
  const layerNorm = (x: Node): Node => {
    const centred = s.sub(x, rowMean(x))
    const deviation = s.sqrt(s.add(rowMean(s.mul(centred, centred)), 1e-5))
    return s.add(s.mul(s.div(centred, deviation), weight(width)), weight(width))
  }
  const size = width / heads
  const attention = (x: Node): Node => {
    const qkv = p.transpose(
      p.reshape(p.dot(x, weight(width, 3 * width)), [batch, length, 3, heads, size]),
      [2, 0, 3, 1, 4],
    )
    const part = (i: number): Node =>
      p.reshape(p.slice(qkv, [i, 0, 0, 0, 0], [1, batch, heads, length, size]), [batch, heads, length, size])
    const scores = s.mul(p.dot(part(0), p.transpose(part(1), [0, 1, 3, 2])), size ** -0.5)
    const e = s.exp(s.sub(scores, p.stop(p.reduce('maxNumber', scores, [3]))))
    const mixed = p.transpose(p.dot(s.div(e, rowSum(e)), part(2)), [0, 2, 1, 3])
    return p.dot(p.reshape(mixed, [batch * length, width]), weight(width, width))
  }
  const gelu = (x: Node): Node => s.mul(s.mul(x, 0.5), s.add(s.erf(s.mul(x, Math.SQRT1_2)), 1))
  let h = p.reshape(input([batch, length, width]), [batch * length, width])
  for (let i = 0; i < blocks; i++) {
    h = s.add(h, attention(layerNorm(h)))
    const hidden = gelu(s.add(p.dot(layerNorm(h), weight(width, 4 * width)), weight(4 * width)))
    h = s.add(h, s.add(p.dot(hidden, weight(4 * width, width)), weight(width)))
  }
  const pooled = p.reshape(s.div(p.reduce('sum', p.reshape(h, [batch, length, width]), [1]), length), [
    batch,
    width,
  ])
  return adamStep(
    crossEntropy(s.add(p.dot(pooled, weight(width, classes)), weight(classes)), oneHot(batch, classes)),
    parameters,
  )
}
