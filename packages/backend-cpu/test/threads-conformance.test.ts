// The conformance kit with every kernel split between two threads, however small; each program also runs on one and on
// three threads, and leaves the same bits in memory.
import { conformanceSuite } from '@dl/tensor/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'
import { ComparingBackend } from './comparing-backend.ts'

const tuning = { splitFrom: 0, workersFirst: true }
const one = new CpuBackend({ threads: 1 }, tuning)
const three = new CpuBackend({ threads: 3 }, tuning)
const backend = new ComparingBackend([one, three], { threads: 2 }, tuning)
conformanceSuite(backend, { describe, it })
afterAll(() => backend.dispose())

it('shared the work', () => {
  expect(one.partsDone).toEqual([])
  expect(backend.partsDone.length).toBe(2)
  expect(three.partsDone.length).toBe(3)
  for (const parts of [...backend.partsDone, ...three.partsDone]) expect(parts).toBeGreaterThan(500)
  expect(backend.compared).toBeGreaterThan(5000)
})
