// The conformance kit with every kernel split, however small, between two and three threads.
import { conformanceSuite } from '@dl/tensor/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'

for (const threads of [2, 3])
  describe(`${threads} threads`, () => {
    const backend = new CpuBackend({ threads }, { splitFrom: 0, workersFirst: true })
    conformanceSuite(backend, { describe, it })
    afterAll(() => backend.dispose())

    it('shared the work', () => {
      expect(backend.threads).toBe(threads)
      expect(backend.partsDone.length).toBe(threads)
      for (const parts of backend.partsDone) expect(parts).toBeGreaterThan(100)
    })
  })
