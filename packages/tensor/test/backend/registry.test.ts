// The registry: what happens without a backend, with one that does not start, and with a second copy of the package.
import { afterEach, describe, expect, it } from 'vitest'
import type { GraphBackend } from '../../src/backend/contract.ts'
import { getBackend, ready, registerBackend, setBackend, sharedRegistry } from '../../src/backend/registry.ts'
import { createReferenceBackend } from '../../src/backend/reference/index.ts'
import { tensor } from '../../src/core.ts'

const registry = sharedRegistry()
afterEach(() => {
  registry.backends.clear()
  registry.failed.clear()
  registry.active = null
})

function backend(
  name: string,
  priority: number,
  start: () => Promise<void>,
  isReady: () => boolean,
): GraphBackend {
  const base = createReferenceBackend(name)
  return {
    ...base,
    priority,
    start,
    get ready() {
      return isReady()
    },
  }
}

describe('without a backend', () => {
  it('graphs are built, and reading names the import that is missing', async () => {
    const y = tensor([1, 2]).shape
    expect(y).toEqual([2])
    const { add } = await import('../../src/core.ts')
    const x = add(tensor([1, 2]), 1)
    expect(() => x.dataSync()).toThrow(/\[dataSync\] no backend is registered.*import '@dl\/backend-cpu'/)
    await expect(x.data()).rejects.toThrow(/no backend is registered/)
  })
  it('host values need none', async () => {
    expect(Array.from(await tensor([1, 2]).data())).toEqual([1, 2])
  })
  it('setBackend names those that are registered', async () => {
    registerBackend(
      backend(
        'slow',
        0,
        async () => {},
        () => true,
      ),
    )
    await expect(setBackend('fast')).rejects.toThrow(/there is no backend "fast"; registered: slow/)
  })
})

describe('choosing', () => {
  it('takes the best one that starts', async () => {
    registerBackend(
      backend(
        'good',
        1,
        async () => {},
        () => true,
      ),
    )
    registerBackend(
      backend(
        'better',
        2,
        () => Promise.reject(new Error('no adapter')),
        () => false,
      ),
    )
    await ready()
    expect(getBackend()).toBe('good')
    expect(registry.failed.get('better')).toBe('no adapter')
  })
  it('says why when none starts', async () => {
    registerBackend(
      backend(
        'gpu',
        2,
        () => Promise.reject(new Error('no adapter')),
        () => false,
      ),
    )
    await expect(ready()).rejects.toThrow(/no backend could start: gpu: no adapter/)
  })
  it('a synchronous read before the start names ready()', async () => {
    registerBackend(
      backend(
        'gpu',
        2,
        async () => {},
        () => false,
      ),
    )
    const { add } = await import('../../src/core.ts')
    expect(() => add(tensor([1]), 1).dataSync()).toThrow(/call "await ready\(\)" once/)
  })
})

describe('two copies of @dl/tensor', () => {
  it('share the registry when their contracts are equal', () => {
    expect(sharedRegistry('file:///other/copy.js')).toBe(registry)
  })
  it('fail with both paths when not', () => {
    expect(() => sharedRegistry('file:///other/copy.js', 99)).toThrow(
      /two incompatible copies.*registry.*contract 1.*file:\/\/\/other\/copy\.js \(contract 99\)/,
    )
  })
})
