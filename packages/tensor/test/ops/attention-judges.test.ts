// Attention against PyTorch in float64: the function itself, and multi-head attention and Transformer layers built on it. On
// the reference, and on the interpreted kernels.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { judge } from '@dl/test-kit'
import { beforeAll, describe, expect, it } from 'vitest'
import { registerBackend, setBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import * as tf from '../../src/index.ts'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'

const interpreter = interpretingBackend()
beforeAll(() => {
  registerBackend(referenceBackend)
  registerBackend(interpreter)
})

interface Recorded {
  readonly shape: readonly number[]
  readonly data: readonly number[]
  readonly dtype?: string
}
type Records = Readonly<Record<string, Recorded>>
const tensorOf = ({ data, shape, dtype }: Recorded): tf.Tensor =>
  tf.tensor(data as number[], shape as number[], dtype === 'bool' ? 'bool' : 'float32')

/** Values and gradients are within 1e-4 and 1e-3 of PyTorch's, as the oracles ask. */
function expectNear(what: string, actual: tf.Tensor, expected: Recorded, relative: number): void {
  expect(actual.shape, what).toEqual(expected.shape)
  const values = actual.dataSync() as Float32Array
  const far = expected.data.findIndex((x, i) => !(Math.abs(values[i]! - x) <= relative * Math.abs(x) + 1e-5))
  expect(far, `${what}[${far}]: ${values[far]} instead of ${expected.data[far]}`).toBe(-1)
}

// ---- the function
interface FunctionCase {
  readonly id: string
  readonly inputs: Records
  readonly causal: boolean
  readonly scale?: number
  readonly mask?: Recorded
  readonly output: Recorded
  readonly cotangent: Recorded
  readonly grads: Records
}
const fixture = fileURLToPath(new URL('../fixtures/pytorch-attention.json', import.meta.url))

judge('PyTorch scaled_dot_product_attention', { needs: 'oracles/ops/attention.json', fixture }, () => {
  const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: readonly FunctionCase[] }
  describe.each(['reference', 'interpreter'])('on %s', (backend) => {
    beforeAll(() => setBackend(backend))
    it.each(cases.map((c) => [c.id, c] as const))('%s', (_, c) => {
      const { causal, scale } = c
      const mask = c.mask && tensorOf(c.mask)
      const inputs = ['query', 'key', 'value'].map((name) => tensorOf(c.inputs[name]!))
      const trained = mask?.dtype === 'float32' ? [...inputs, mask] : inputs
      const attend = (...x: tf.Tensor[]): tf.Tensor =>
        tf.scaledDotProductAttention(x[0]!, x[1]!, x[2]!, { causal, scale, mask: x[3] ?? mask })
      const { value, grads } = tf.valueAndGrads(attend)(trained, tensorOf(c.cotangent))
      expectNear('output', value, c.output, 1e-4)
      ;['query', 'key', 'value', 'mask'].forEach((name, i) => {
        if (grads[i]) expectNear(`gradient of ${name}`, grads[i], c.grads[name]!, 1e-3)
      })
    })
  })
})

// ---- layers
interface LayerCase {
  readonly id: string
  readonly op: string
  readonly args: Readonly<Record<string, number | boolean | string>>
  readonly inputs: Records
  readonly outputs: Records
  readonly cotangents: Records
  readonly grads: Records
}
type Tensors = Readonly<Record<string, tf.Tensor>>
type Outputs = { readonly output: tf.Tensor; readonly weights?: tf.Tensor }

const linear = (x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor => {
  const y = tf.matMul(x, weight, false, true)
  return bias ? y.add(bias) : y
}
const splitHeads = (x: tf.Tensor, heads: number): tf.Tensor =>
  x.reshape([x.shape[0]!, x.shape[1]!, heads, x.shape[2]! / heads]).transpose([0, 2, 1, 3])

/** Projections of query, key and value; their weights are one tensor or three. */
function projections(p: Tensors, name: string, x: readonly tf.Tensor[]): tf.Tensor[] {
  const joint = p[`${name}in_proj_weight`]
  const weights = joint
    ? tf.split(joint, 3, 0)
    : ['q', 'k', 'v'].map((letter) => p[`${name}${letter}_proj_weight`]!)
  const bias = p[`${name}in_proj_bias`]
  const biases = bias ? tf.split(bias, 3, 0) : []
  return x.map((t, i) => linear(t, weights[i]!, biases[i]))
}

/** torch.nn.MultiheadAttention; `hidden` is true where a key is not seen, `[batch, heads, queries, keys]` or smaller. */
function multiHead(
  p: Tensors,
  name: string,
  x: readonly tf.Tensor[],
  heads: number,
  hidden?: tf.Tensor,
  zero = false,
): Outputs {
  let [q, k, v] = projections(p, name, x) as [tf.Tensor, tf.Tensor, tf.Tensor]
  const [batch, , width] = k.shape as [number, number, number]
  const appended = (t: tf.Tensor, row: tf.Tensor): tf.Tensor => tf.concat([t, row.tile([batch, 1, 1])], 1)
  const [biasK, biasV] = [p[`${name}bias_k`], p[`${name}bias_v`]]
  if (biasK && biasV) [k, v] = [appended(k, biasK), appended(v, biasV)]
  if (zero) [k, v] = [k, v].map((t) => appended(t, tf.zeros([1, 1, width]))) as [tf.Tensor, tf.Tensor]
  const [qh, kh, vh] = [q, k, v].map((t) => splitHeads(t, heads)) as [tf.Tensor, tf.Tensor, tf.Tensor]
  const mask = hidden && tf.logicalNot(hidden)
  const attended = tf.scaledDotProductAttention(qh, kh, vh, { mask })
  const joined = attended.transpose([0, 2, 1, 3]).reshape([q.shape[0]!, q.shape[1]!, q.shape[2]!])
  const scores = tf.matMul(qh, kh, false, true).div(Math.sqrt(qh.shape[3]!))
  return {
    output: linear(joined, p[`${name}out_proj.weight`]!, p[`${name}out_proj.bias`]),
    weights: tf.softmax(hidden ? tf.where(hidden, -Infinity, scores) : scores),
  }
}

/** The residual blocks of torch's encoder and decoder layers, with their norms before or after. */
function block(
  p: Tensors,
  name: string,
  { args }: LayerCase,
  x: tf.Tensor,
  memory?: tf.Tensor,
  hidden?: tf.Tensor,
): tf.Tensor {
  const heads = Number(args['nhead'])
  const epsilon = Number(args['layer_norm_eps'])
  let number = 0
  const residual = (t: tf.Tensor, f: (y: tf.Tensor) => tf.Tensor): tf.Tensor => {
    number++
    const [gamma, beta] = [p[`${name}norm${number}.weight`]!, p[`${name}norm${number}.bias`]!]
    const norm = (y: tf.Tensor): tf.Tensor => tf.layerNorm(y, gamma, beta, -1, epsilon)
    return args['norm_first'] ? t.add(f(norm(t))) : norm(t.add(f(t)))
  }
  const activation = args['activation'] === 'gelu' ? tf.gelu : tf.relu
  let y = residual(x, (t) => multiHead(p, `${name}self_attn.`, [t, t, t], heads, hidden).output)
  if (memory)
    y = residual(y, (t) => multiHead(p, `${name}multihead_attn.`, [t, memory, memory], heads).output)
  return residual(y, (t) => {
    const inner = activation(linear(t, p[`${name}linear1.weight`]!, p[`${name}linear1.bias`]))
    return linear(inner, p[`${name}linear2.weight`]!, p[`${name}linear2.bias`])
  })
}

const LAYERS: Readonly<Record<string, (p: Tensors, c: LayerCase, x: Tensors) => Outputs>> = {
  MultiheadAttention: (p, { args, outputs }, { q, k, v, attn_mask: mask, key_padding_mask: padding }) => {
    const heads = Number(args['num_heads'])
    const batch = q!.shape[0]!
    let hidden = mask
    if (mask?.rank === 3) hidden = mask.reshape([batch, heads, mask.shape[1]!, mask.shape[2]!])
    if (padding) hidden = padding.reshape([batch, 1, 1, padding.shape[1]!])
    const { output, weights } = multiHead(p, '', [q!, k!, v!], heads, hidden, Boolean(args['add_zero_attn']))
    return { output, weights: outputs['weights']!.shape.length === 3 ? weights!.mean(1) : weights! }
  },
  TransformerEncoderLayer: (p, c, { src }) => ({ output: block(p, '', c, src!) }),
  TransformerDecoderLayer: (p, c, x) => ({ output: block(p, '', c, x['tgt']!, x['memory'], x['tgt_mask']) }),
  Transformer: (p, c, x) => {
    const norm = (t: tf.Tensor, name: string): tf.Tensor =>
      tf.layerNorm(t, p[`${name}.norm.weight`], p[`${name}.norm.bias`], -1, Number(c.args['layer_norm_eps']))
    const memory = norm(block(p, 'encoder.layers.0.', c, x['src']!), 'encoder')
    const y = block(p, 'decoder.layers.0.', c, x['tgt']!, memory, x['tgt_mask'])
    return { output: norm(y, 'decoder') }
  },
}

judge('PyTorch attention layers', { needs: 'oracles/ops/attention.json' }, (file) => {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly LayerCase[] }
  it('has every layer', () => {
    expect(cases.length).toBe(9)
    expect(cases.filter(({ op }) => !LAYERS[op])).toEqual([])
  })
  describe.each(['reference', 'interpreter'])('on %s', (backend) => {
    beforeAll(() => setBackend(backend))
    it.each(cases.map((c) => [c.id, c] as const))('%s', (_, c) => {
      const names = Object.keys(c.grads)
      const fixed = Object.fromEntries(
        Object.entries(c.inputs).flatMap(([name, x]) => (names.includes(name) ? [] : [[name, tensorOf(x)]])),
      )
      const run = (values: readonly tf.Tensor[]): Outputs => {
        const given = Object.fromEntries(names.map((name, i) => [name.replace('param.', ''), values[i]!]))
        return LAYERS[c.op]!(given, c, { ...fixed, ...given })
      }
      const inputs = names.map((name) => tensorOf(c.inputs[name]!))
      const weighted = (...values: tf.Tensor[]): tf.Tensor =>
        Object.entries(run(values))
          .map(([name, y]) => y.mul(tensorOf(c.cotangents[name]!)).sum())
          .reduce((a, b) => a.add(b))
      for (const [name, y] of Object.entries(run(inputs))) expectNear(name, y, c.outputs[name]!, 1e-4)
      tf.grads(weighted)(inputs).forEach((g, i) =>
        expectNear(`gradient of ${names[i]}`, g, c.grads[names[i]!]!, 1e-3),
      )
    })
  })
})
