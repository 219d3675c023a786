// Models with inputs and outputs that another runtime computed, as tooling/fixtures writes them.
import { expect } from 'vitest'
import { tensor, type Tensor } from '@dl/tensor/core'
import type { OnnxModel } from '../../src/index.ts'

export interface Values {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}
export type Named = Readonly<Record<string, Values>>
export interface Case {
  readonly name: string
  readonly bytes: Uint8Array
  readonly inputs: Named
  readonly outputs: Named
}

/** @param fixture with the models in base64 */
export const casesOf = (fixture: {
  readonly cases: readonly {
    readonly name: string
    readonly model: string
    readonly inputs: unknown
    readonly outputs: unknown
  }[]
}): Case[] =>
  fixture.cases.map(({ name, model, inputs, outputs }) => ({
    name,
    bytes: Uint8Array.from(Buffer.from(model, 'base64')),
    inputs: inputs as Named,
    outputs: outputs as Named,
  }))

/** Runs the model; shapes must be equal, values near within 2e-6 (relative above 1). */
export async function expectOutputs(model: OnnxModel, inputs: Named, outputs: Named): Promise<void> {
  const feeds = model.inputs.map(({ name, dtype }): [string, Tensor] => {
    const { data, shape } = inputs[name]!
    return [name, tensor(dtype === 'int64' ? BigInt64Array.from(data, BigInt) : [...data], [...shape], dtype)]
  })
  const results = await model.run(Object.fromEntries(feeds))
  for (const [name, want] of Object.entries(outputs)) {
    expect(results[name]!.shape, name).toEqual(want.shape)
    const got = (await results[name]!.data()) as Float32Array
    want.data.forEach((x, i) =>
      expect(Math.abs(got[i]! - x), `${name}, element ${i}`).toBeLessThan(2e-6 * Math.max(1, Math.abs(x))),
    )
  }
}
