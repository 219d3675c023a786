// What a compiled training step does and does not do: an MLP with dropout, Adam under a cosine schedule, 1,000 steps with a
// partial last batch in every epoch.
import '@dl/backend-cpu'
import { softmaxCrossEntropy } from '@dl/losses'
import { adam, cosineDecay } from '@dl/optim'
import { dropout, jit, memory, random, variable, zeros, type Tensor } from '@dl/tensor'
import { workCounters } from '@dl/tensor/testing'
import { describe, expect, it } from 'vitest'

const FULL = 32
const PARTIAL = 9
const FEATURES = 20
const CLASSES = 4

describe('a compiled training step, 1,000 times', () => {
  it('runs its JavaScript body twice, then compiles nothing, makes no node, and keeps memory flat', async () => {
    const key = random.key(5)
    random.seed(11)
    const w1 = variable(random.heNormal(key.fold(1), [FEATURES, 64]))
    const b1 = variable(zeros([64]))
    const w2 = variable(random.heNormal(key.fold(2), [64, CLASSES]))
    const b2 = variable(zeros([CLASSES]))
    const variables = [w1, b1, w2, b2]
    const optimizer = adam({ learningRate: cosineDecay(1e-2, 1000) })
    let bodyRan = 0
    const step = jit((x: Tensor, y: Tensor) => {
      bodyRan++
      return optimizer.minimize(() => {
        const hidden = dropout(x.matMul(w1).add(b1).relu(), 0.2)
        return softmaxCrossEntropy(y, hidden.matMul(w2).add(b2)).mean() as Tensor
      }, variables)
    })
    // a task that can be learnt: the class is the greatest of the first four features
    const batch = async (size: number, i: number): Promise<[Tensor, Tensor]> => {
      const x = random.uniform(key.fold(100 + i), [size, FEATURES])
      const y = x.slice([0, 0], [size, CLASSES]).argMax(1).oneHot(CLASSES)
      await Promise.all([x.data(), y.data()])
      return [x, y]
    }
    const epoch = await Promise.all([0, 1, 2, 3].map((i) => batch(i === 3 ? PARTIAL : FULL, i)))
    const losses: number[] = []
    let after = workCounters()
    let liveBytes = 0
    for (let i = 0; i < 1000; i++) {
      const [x, y] = epoch[i % epoch.length]!
      const loss = step(x, y)
      if (i % 100 === 0 || i === 999) losses.push((await loss.data())[0] as number)
      loss.dispose()
      if (i === epoch.length - 1) {
        after = workCounters()
        liveBytes = memory().physical.liveBytes
      }
    }
    expect(bodyRan).toBe(2)
    expect(workCounters()).toEqual(after)
    expect(memory().physical.liveBytes).toBe(liveBytes)
    expect(losses.at(-1)!).toBeLessThan(0.5 * losses[0]!)
  })
})
