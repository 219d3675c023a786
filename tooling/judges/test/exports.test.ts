// Every kind of model that is exported, judged by ONNX Runtime; `npm run judge` shows the same files to the onnx checker.
import '@dl/backend-cpu'
import { beforeAll, expect, it } from 'vitest'
import { ready } from '@dl/tensor/core'
import { type Candidate, exportedModels } from '../src/exported-models.ts'
import { runtimeVerdict } from '../src/runtime.ts'

beforeAll(() => ready())

async function judged(candidate: Candidate): Promise<string | undefined> {
  try {
    return await runtimeVerdict(await candidate.make())
  } catch (error) {
    return String(error)
  }
}

it.each([16, 23])(
  'ONNX Runtime computes what we compute, from operator set %i',
  async (opset) => {
    const problems: string[] = []
    let models = 0
    for (const candidate of exportedModels(undefined, [opset])) {
      models++
      const verdict = await judged(candidate)
      if (verdict !== undefined) problems.push(`${candidate.name} (${candidate.opset}): ${verdict}`)
    }
    expect(problems).toEqual([])
    expect(models).toBeGreaterThan(80)
  },
  120_000,
)
