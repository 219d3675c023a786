// The loop that people write by hand: no tidy, no dispose, no fit. Gradients, an optimizer step, `await loss.data()`, ten thousand
// times. Memory must not grow: the garbage collector frees what nobody holds (ballast, docs/design/runtime.md).
import '@dl/backend-cpu'
import { softmaxCrossEntropy } from '@dl/losses'
import { sgd } from '@dl/optim'
import { memory, random, valueAndGrad, type Tensor } from '@dl/tensor'

export interface LoopReport {
  readonly steps: number
  /** Greatest bytes in device buffers at the samples. */
  readonly peakLiveBytes: number
  /** Bytes in device buffers at the first sample and at the end. */
  readonly earlyLiveBytes: number
  readonly finalLiveBytes: number
  readonly firstLoss: number
  readonly lastLoss: number
}

const SAMPLE_EVERY = 50

interface Parameters {
  readonly w1: Tensor
  readonly w2: Tensor
}

/** Trains a small network on one batch; each step leaves 142 kB of tensors behind. */
export async function handWrittenLoop(steps: number): Promise<LoopReport> {
  const key = random.key(1)
  const x = random.uniform(key.fold(1), [64, 128])
  const labels = random.uniform(key.fold(2), [64, 10]).softmax()
  const loss = (p: Parameters): Tensor =>
    softmaxCrossEntropy(labels, x.matMul(p.w1).relu().matMul(p.w2)).mean()
  const optimizer = sgd({ learningRate: 0.05 })
  let params: Parameters = {
    w1: random.heNormal(key.fold(3), [128, 256]),
    w2: random.heNormal(key.fold(4), [256, 10]),
  }
  let state = optimizer.init(params)
  const losses: number[] = []
  let peakLiveBytes = 0
  let earlyLiveBytes = 0
  for (let step = 0; step < steps; step++) {
    const { value, grad } = valueAndGrad(loss)(params)
    ;({ params, state } = optimizer.update(grad, state, params))
    losses.push((await value.data())[0] as number)
    if (step % SAMPLE_EVERY !== SAMPLE_EVERY - 1) continue
    const { liveBytes } = memory().physical
    peakLiveBytes = Math.max(peakLiveBytes, liveBytes)
    if (earlyLiveBytes === 0) earlyLiveBytes = liveBytes
  }
  return {
    steps,
    peakLiveBytes,
    earlyLiveBytes,
    finalLiveBytes: memory().physical.liveBytes,
    firstLoss: losses[0]!,
    lastLoss: losses[losses.length - 1]!,
  }
}
