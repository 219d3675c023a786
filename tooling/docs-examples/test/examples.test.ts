// Every example in a README or a docstring type-checks, and runs unless it is marked `no-run`.
import { basename } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as backendCpu from '@dl/backend-cpu'
import * as backendWebgpu from '@dl/backend-webgpu'
import * as data from '@dl/data'
import * as layers from '@dl/layers'
import * as losses from '@dl/losses'
import * as metrics from '@dl/losses/metrics'
import * as onnx from '@dl/onnx'
import * as optim from '@dl/optim'
import * as tensor from '@dl/tensor'
import * as backend from '@dl/tensor/backend'
import { typeErrors, writeExamples } from '../src/program.ts'

/** What examples write, by path; they may read it again. */
const written = vi.hoisted(() => new Map<unknown, Uint8Array>())
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  return {
    ...real,
    readFile: (path: string) => Promise.resolve(written.get(path) ?? real.readFile(path)),
    writeFile: (path: string, bytes: Uint8Array) => Promise.resolve(void written.set(path, bytes)),
  }
})

const doors = {
  '@dl/tensor': tensor,
  '@dl/layers': layers,
  '@dl/losses': losses,
  '@dl/losses/metrics': metrics,
  '@dl/optim': optim,
  '@dl/onnx': onnx,
  '@dl/data': data,
  '@dl/tensor/backend': backend,
  '@dl/backend-cpu': backendCpu,
  '@dl/backend-webgpu': backendWebgpu,
}
const exported = Object.fromEntries(
  Object.entries(doors).map(([door, module]) => [door, Object.keys(module)]),
)
const examples = writeExamples(exported)
const errors = typeErrors()

beforeEach(() => {
  for (const method of ['log', 'info', 'table'] as const)
    vi.spyOn(console, method).mockImplementation(() => {})
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe('examples in READMEs and docstrings', () => {
  it('exist', () => {
    expect(examples.length).toBeGreaterThan(0)
  })

  it('report no compiler error outside the examples', () => {
    const names = new Set(examples.map(({ file }) => basename(file)))
    expect([...errors].filter(([file]) => !names.has(file)).flatMap(([, lines]) => lines)).toEqual([])
  })

  describe.each(examples)('$place', ({ file, run }) => {
    it('type-checks', () => {
      expect(errors.get(basename(file)) ?? []).toEqual([])
    })

    if (run)
      it('runs', async () => {
        await import(/* @vite-ignore */ file)
      })
  })
})
