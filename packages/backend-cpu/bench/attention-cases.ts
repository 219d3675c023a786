// Attention with the kernel, spelled out in products and a softmax, and as a layer has it: with its four projections.
import { cpuBackend } from '../src/index.ts'
import * as dl from '@dl/tensor'
import type { Tensor } from '@dl/tensor'

export { cpuBackend, dl }

export interface Size {
  readonly batch: number
  readonly heads: number
  readonly length: number
  readonly depth: number
}

const key = dl.random.key(7)
const floats = (n: number, ...shape: number[]): Tensor => dl.keep(dl.random.normal(key.fold(n), shape))

/** softmax(q kᵀ / √d) v without the composite. */
export function spelledOut(q: Tensor, k: Tensor, v: Tensor, causal = false): Tensor {
  const [tq, tk] = [q.shape.at(-2)!, k.shape.at(-2)!]
  let scores = dl.matMul(q, k, false, true).mul(1 / Math.sqrt(q.shape.at(-1)!))
  if (causal) {
    const seen = dl.lessEqual(
      dl.range(0, tk, 1, 'int32').reshape([1, tk]),
      dl.range(0, tq, 1, 'int32').reshape([tq, 1]),
    )
    scores = dl.where(seen, scores, -Infinity)
  }
  return dl.matMul(dl.softmax(scores), v)
}

type Attend = (q: Tensor, k: Tensor, v: Tensor) => Tensor
export const kernel =
  (causal: boolean): Attend =>
  (q, k, v) =>
    dl.scaledDotProductAttention(q, k, v, { causal })
export const composed =
  (causal: boolean): Attend =>
  (q, k, v) =>
    spelledOut(q, k, v, causal)

export interface Workload {
  readonly step: () => void
  readonly values: () => Float32Array[]
}

function workload(f: () => Tensor[]): Workload {
  const jitted = dl.jit(f)
  return {
    step: () => jitted().forEach((t) => t.dispose()),
    values: () => jitted().map((t) => t.dataSync() as Float32Array),
  }
}

export function forward(attend: Attend, { batch, heads, length, depth }: Size): Workload {
  const [q, k, v] = [0, 1, 2].map((i) => floats(i, batch, heads, length, depth)) as [Tensor, Tensor, Tensor]
  return workload(() => [attend(q, k, v)])
}

export function training(attend: Attend, { batch, heads, length, depth }: Size): Workload {
  const inputs = [0, 1, 2].map((i) => floats(i, batch, heads, length, depth)) as [Tensor, Tensor, Tensor]
  const ct = floats(3, batch, heads, length, depth)
  return workload(() => {
    const { value, grads } = dl.valueAndGrads((q: Tensor, k: Tensor, v: Tensor) => attend(q, k, v))(
      inputs,
      ct,
    )
    return [value, ...grads]
  })
}

/** The benchmark's row: projections of 1024 rows, heads, attention, projection. */
export function withProjections(
  attend: Attend,
  { batch, heads, length, depth }: Size,
  x: Tensor,
  w: Tensor[],
): Workload {
  const split = (t: Tensor): Tensor => t.reshape([batch, length, heads, depth]).transpose([0, 2, 1, 3])
  const [wq, wk, wv, wo] = w as [Tensor, Tensor, Tensor, Tensor]
  return workload(() => {
    const y = attend(split(x.matMul(wq)), split(x.matMul(wk)), split(x.matMul(wv)))
    return [
      y
        .transpose([0, 2, 1, 3])
        .reshape([batch * length, heads * depth])
        .matMul(wo),
    ]
  })
}
