// The conformance kit of @dl/tensor against generated WGSL: the compiler makes the kernels, Tint checks each, and the values
// come from the interpreter of the kernel language, or from a device.
import { conformanceSuite } from '@dl/tensor/testing'
import { describe, expect, it } from 'vitest'
import { computingBackend } from './support/dawn.ts'
import { kitBackend } from './support/kit-backend.ts'

const backend = kitBackend(await computingBackend())

/** WGSL has no float64 and no int64: programs that hold them are refused (see refusals.test.ts). */
const supported = (name: string, body: () => void | Promise<void>): void => {
  if (!/(?:float|int)64/.test(name)) it(`${name}`, { timeout: 900_000 }, body)
}

describe(`${backend.description}`, () => {
  conformanceSuite(backend, { describe, it: supported })
  it('Tint has accepted kernels of every kind', async () => {
    await backend.verdict()
    expect(backend.validated).toBeGreaterThan(1000)
    expect([...backend.kinds].toSorted()).toEqual(['contract', 'cumulate', 'row', 'scatter', 'sort'])
  })
})
