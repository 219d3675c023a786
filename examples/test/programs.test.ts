// Runs the example programs. '@dl/data/mnist' is replaced by its first 2,000 digits (vitest.config.ts), nothing else differs.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Tensor } from '@dl/tensor'
import { importOnnx } from '@dl/onnx'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** What programs write, by path. */
const written = vi.hoisted(() => new Map<string, Uint8Array>())
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  writeFile: (path: string, bytes: Uint8Array) => Promise.resolve(void written.set(path, bytes)),
}))

const folder = fileURLToPath(new URL('..', import.meta.url))
const programs = readdirSync(folder).filter((name) => /^\d\d-.*\.ts$/.test(name))

describe('example programs', () => {
  const printed: string[] = []
  beforeEach(() => {
    printed.length = 0
    written.clear()
    vi.spyOn(console, 'log').mockImplementation((...values) => void printed.push(values.join(' ')))
    vi.spyOn(console, 'table').mockImplementation((rows) => void printed.push(JSON.stringify(rows)))
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed.push(String(text))
      return true
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('type-check', () => {
    const { stdout } = spawnSync(
      process.execPath,
      ['../node_modules/typescript/bin/tsc', '-p', '.', '--noEmit'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    )
    expect(stdout).toBe('')
  })

  const printedAccuracy = (): number =>
    Number(/accuracy (?<percent>[\d.]+) %/.exec(printed.join('\n'))?.groups?.['percent'])

  it('01 learns and exports', async () => {
    await import('../01-first-network.ts')
    expect(printedAccuracy()).toBeGreaterThan(75)
    const { inputs } = await importOnnx(written.get('mnist.onnx')!)
    expect(inputs.map(({ shape }) => shape)).toEqual([['batch', 784]])
  })

  it('03 prints a falling loss', async () => {
    await import('../03-custom-loop.ts')
    const losses = printed.filter((line) => /^\d+\.\d+$/.test(line)).map(Number)
    expect(losses.length).toBeGreaterThanOrEqual(15)
    expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]!)
  })

  it('06 teaches a PyTorch network two more digits and exports it', async () => {
    await import('../06-fine-tune-onnx.ts')
    expect(printedAccuracy()).toBeGreaterThan(85)
    const { inputs, variables } = await importOnnx(written.get('tuned.onnx')!)
    expect(inputs.map(({ shape }) => shape)).toEqual([['batch', 1, 28, 28]])
    expect(variables.length).toBeGreaterThan(6)
  })

  it('07 reads a seven', async () => {
    await import('../07-onnx-run.ts')
    expect(printed.find((line) => line.endsWith(' %'))).toMatch(/^7 {2}(100|9\d)\.\d\d %$/)
    expect(printed.at(-1)).toMatch(/^\[importOnnx\]/)
  })

  it('10 exports a layer, a loss and an operation that work', async () => {
    const { ones, tensor, grad } = await import('@dl/tensor')
    const { quantileLoss, roundStraightThrough } = await import('../10-own-layer-loss-op.ts')
    const slope = grad((x: Tensor) => roundStraightThrough(x).sum())(tensor([0.2, 1.7]))
    expect([...(await slope.data())]).toEqual([1, 1])
    const loss = quantileLoss(0.9)(ones([1, 2]), tensor([[0, 3]]))
    expect((await loss.data())[0]).toBeCloseTo((0.9 * 1 + 0.1 * 2) / 2)
  })

  it('are all known to this test', () => {
    expect(programs.map((name) => name.slice(0, 2))).toEqual(['01', '03', '06', '07', '10', '11'])
  })
})
