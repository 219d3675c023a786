// Every kind of model that is exported, judged by ONNX Runtime; `npm run judge` shows the same files to the onnx checker.
import '@dl/backend-cpu'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { beforeAll, expect, it } from 'vitest'
import { layers, sequential } from '@dl/layers'
import { exportOnnxFiles } from '@dl/onnx'
import { ready } from '@dl/tensor/core'
import { type Candidate, exportedModels } from '../src/exported-models.ts'
import { runtimeVerdict } from '../src/runtime.ts'
import { sample } from '../src/samples.ts'

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

it('ONNX Runtime reads weights from the file beside the model', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dl-judge-'))
  try {
    const network = sequential([layers.dense({ units: 200, inputShape: [100] }), layers.dense({ units: 3 })])
    const { model, data } = exportOnnxFiles(network, { location: 'weights.bin' })
    writeFileSync(join(folder, 'model.onnx'), model)
    writeFileSync(join(folder, 'weights.bin'), data)
    const session = await ort.InferenceSession.create(join(folder, 'model.onnx'))
    const x = sample([2, 100])
    const feeds = { input: new ort.Tensor('float32', (await x.data()) as Float32Array, [2, 100]) }
    const got = (await session.run(feeds))['output']!.data as Float32Array
    const want = (await network.call(x).data()) as Float32Array
    for (const [i, v] of want.entries()) expect(Math.abs(got[i]! - v)).toBeLessThan(1e-4)
    await session.release()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
