// The workloads of the benchmark, written with the library. Each returns a step that computes its outputs.
import { cpuBackend } from '../src/index.ts'
import * as dl from '@dl/tensor'
import type { Tensor } from '@dl/tensor'

/** The backend, for programs that look inside. */
export { cpuBackend }

export interface Workload {
  /** Computes all outputs and gives them up. */
  readonly step: () => void
  /** Computes and reads all outputs. */
  readonly values: () => Float32Array[]
  /** Computes all outputs and keeps them. */
  readonly hold: () => void
}

const jitted = (make: () => Tensor | Tensor[]): Workload => {
  const f = dl.jit(() => {
    const out = make()
    return Array.isArray(out) ? out : [out]
  })
  const call = (): Tensor[] => f()
  const held: Tensor[] = []
  return {
    hold: () => void held.push(...call()),
    step: () => call().forEach((t) => t.dispose()),
    values: () => {
      const out = call()
      const data = out.map((t) => t.dataSync() as Float32Array)
      out.forEach((t) => t.dispose())
      return data
    },
  }
}

/** The kernels of the step alone: the last compiled program, run over the buffers of its last run. */
export function kernelsOf(w: Workload): () => void {
  const compile = cpuBackend.compile.bind(cpuBackend)
  let run: (() => void) | null = null
  cpuBackend.compile = (program) => {
    const executable = compile(program)
    const original = executable.run.bind(executable)
    executable.run = (pointers, scalars) => {
      const [p, s] = [Array.from(pointers), Array.from(scalars)]
      run = () => original(p, s)
      original(pointers, scalars)
    }
    return executable
  }
  w.hold()
  w.hold() // the first call traces, and may run another plan
  cpuBackend.compile = compile
  return run!
}

const tensor = (data: Float32Array, shape: number[]): Tensor => dl.tensor(data, shape)

/** Op by name over inputs given as data. */
export function workload(
  name: string,
  inputs: { readonly data: Float32Array; readonly shape: number[] }[],
): Workload {
  const x = inputs.map((i) => dl.variable(tensor(i.data, i.shape)) as unknown as Tensor)
  return jitted(() => OPS[name]!(...x))
}

const layerNorm = (x: Tensor, gamma: Tensor, beta: Tensor): Tensor => {
  const centered = dl.sub(x, dl.mean(x, -1, true))
  const variance = dl.mean(dl.square(centered), -1, true)
  return dl.add(dl.mul(dl.mul(centered, dl.rsqrt(dl.add(variance, 1e-5))), gamma), beta)
}

const OPS: Record<string, (...x: Tensor[]) => Tensor | Tensor[]> = {
  matMul: (a, b) => dl.matMul(a, b),
  matMulTa: (a, b) => dl.matMul(a, b, true, false),
  matMulTb: (a, b) => dl.matMul(a, b, false, true),
  matMulTaTb: (a, b) => dl.matMul(a, b, true, true),
  softmax: (x) => dl.softmax(x),
  layerNorm: (x, g, b) => layerNorm(x, g, b),
  layerNormBackward: (x, g, b) => {
    const loss = (a: Tensor, c: Tensor, d: Tensor): Tensor => dl.sum(dl.mul(layerNorm(a, c, d), a)) as Tensor
    const { grads } = dl.valueAndGrads(loss as never)([x, g, b] as never) as unknown as { grads: Tensor[] }
    return grads
  },
  gelu: (x) => {
    const v = dl.add(dl.mul(x, 1.1), 0.1)
    return dl.mul(v, dl.sigmoid(dl.mul(dl.mul(v, dl.add(dl.mul(dl.mul(v, v), 0.044715), 1)), 1.5957691216)))
  },
  exp: (x) => dl.exp(x),
  tanh: (x) => dl.tanh(x),
  sum0: (x) => dl.sum(x, 0),
  sum1: (x) => dl.sum(x, 1),
  sumAll: (x) => dl.sum(x),
  transpose: (x) => dl.transpose(x),
  softmax0: (x) => dl.transpose(dl.softmax(dl.transpose(x))),
}

export interface Trainer {
  readonly step: () => number
  readonly replay: () => void
}

/** The prototype's MLP trainer: dense layers with relu, softmax cross-entropy, Adam. */
export function trainer(
  sizes: number[],
  batch: number,
  weights: Float32Array[],
  x: Float32Array,
  labels: Float32Array,
): Trainer {
  const images = tensor(x, [batch, sizes[0]!])
  const targets = tensor(labels, [batch, sizes.at(-1)!])
  const params = weights.map((w, i) => {
    const layer = i >> 1
    return dl.variable(tensor(w, i % 2 === 0 ? [sizes[layer]!, sizes[layer + 1]!] : [sizes[layer + 1]!]))
  })
  const state = params.map((p) => [dl.variable(dl.zeros(p.shape)), dl.variable(dl.zeros(p.shape))] as const)
  const [c1, c2] = [dl.runtimeScalar(0), dl.runtimeScalar(0)]
  let t = 0
  const step = dl.jit(() => {
    const { value, grads } = dl.variableGrads(() => {
      let h: Tensor = images
      for (let i = 0; i < params.length; i += 2) {
        h = dl.add(dl.matMul(h, params[i] as unknown as Tensor), params[i + 1] as unknown as Tensor) as Tensor
        if (i + 2 < params.length) h = dl.relu(h)
      }
      return dl.neg(dl.mean(dl.sum(dl.mul(targets, dl.logSoftmax(h)), -1))) as never
    }, params)
    params.forEach((p, i) => {
      const g = grads[p.name]!
      const [m, v] = state[i]!
      const m2 = dl.add(dl.mul(m as unknown as Tensor, 0.9), dl.mul(g, 0.1))
      const v2 = dl.add(dl.mul(v as unknown as Tensor, 0.999), dl.mul(dl.square(g), 0.001))
      m.assign(m2 as never)
      v.assign(v2 as never)
      const update = dl.div(
        dl.mul(m2, c1.read() as Tensor),
        dl.add(dl.sqrt(dl.mul(v2, c2.read() as Tensor)), 1e-8),
      )
      p.assign(dl.sub(p, update) as never)
    })
    return value
  })
  const run = (): Tensor => {
    t++
    c1.value = 1e-3 / (1 - 0.9 ** t)
    c2.value = 1 / (1 - 0.999 ** t)
    return step()
  }
  return {
    step: () => {
      const loss = run()
      const value = Number(loss.dataSync()[0])
      loss.dispose()
      return value
    },
    replay: () => run().dispose(),
  }
}
