// The whole program on all 60,000 digits, as `npm start` runs it: what it prints and writes, that Ctrl-C stops it cleanly,
// and that a resumed run ends with the bits of an uninterrupted one.
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const app = fileURLToPath(new URL('..', import.meta.url))
const program = join(app, 'dist/test/main.js')
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dl-first-network-'))
  const bundle = join(app, 'node_modules/@dl/bundle/bin/dl-bundle.mjs')
  await promisify(execFile)(process.execPath, [bundle, 'src/main.ts', program], { cwd: app })
}, 60_000)
afterAll(() => rm(folder, { recursive: true }))

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Runs the program; `watch` sees what was printed so far at every piece. */
function run(
  args: readonly string[],
  watch: (output: string, child: ChildProcess) => void = () => {},
): Promise<Ended> {
  const { NO_COLOR: _off, FORCE_COLOR: _on, ...env } = process.env
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const listen = (piece: Buffer): void => {
    output += piece.toString()
    watch(output, child)
  }
  child.stdout.on('data', listen)
  child.stderr.on('data', listen)
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })))
}

const weights = (name: string): Promise<Buffer> => readFile(join(folder, name, 'weights.safetensors'))

describe('five epochs', () => {
  let whole: Ended
  beforeAll(async () => {
    whole = await run(['--out', join(folder, 'whole')])
  }, 300_000)

  test('see 300,000 images and answer at least 97.5 % of 10,000 others', () => {
    expect(whole.code, whole.output).toBe(0)
    expect(whole.output).toContain('300,000 training images seen (5 × 60,000)')
    const accuracy = /10,000 test images: accuracy ([\d.]+) %/.exec(whole.output)?.[1]
    expect(Number(accuracy)).toBeGreaterThanOrEqual(97.5)
  })

  test('print one line an epoch, digits, confusion matrix, the comparison and what to try, without colours', () => {
    expect(whole.output.match(/^Epoch \d\/5 .*val_accuracy/gm)).toHaveLength(5)
    expect(whole.output.match(/✓ \d {2}[\d.]+ %/g)!.length).toBeGreaterThanOrEqual(3)
    expect(whole.output).toMatch(/✗ \d {2}[\d.]+ %, is a \d/)
    expect(whole.output).toContain('Confusion matrix')
    expect(whole.output).toContain('predictions for 10,000 test images are equal bit for bit')
    expect(whole.output).toContain('npm start -- --resume --epochs 10')
    expect(whole.output).not.toContain('\u001B')
  })

  test('the rows of the confusion matrix add up to the test images, its diagonal to the accuracy', () => {
    const rows = [...whole.output.matchAll(/^ {2}\d {2}│(.*)│ +[\d.]+ %$/gm)].map(([, cells]) =>
      cells!
        .trim()
        .split(/\s+/)
        .map((cell) => (cell === '·' ? 0 : Number(cell))),
    )
    expect(rows).toHaveLength(10)
    expect(rows.flat().reduce((a, b) => a + b)).toBe(10_000)
    const right = rows.reduce((sum, row, i) => sum + row[i]!, 0)
    expect(whole.output).toContain(`accuracy ${(right / 100).toFixed(2)} %`)
  })

  test('leave weights, an ONNX file and a checkpoint, no drafts', async () => {
    expect((await readdir(join(folder, 'whole'))).toSorted()).toEqual([
      'checkpoint.safetensors',
      'mnist.onnx',
      'weights.safetensors',
    ])
  })

  test('export the network and read it back', () => {
    expect(whole.output).toMatch(
      /✓ mnist\.onnx +[\d,]+ bytes {2}imported: the same 10,000 predictions, probabilities equal bit for bit/,
    )
  })

  test('stopped by Ctrl-C in the second epoch and resumed: the same weights, bit for bit', async () => {
    const out = ['--out', join(folder, 'parts')]
    let pressed = false
    const stopped = await run(out, (output, child) => {
      if (pressed || !output.includes('Epoch 1/5')) return
      pressed = true
      setTimeout(() => child.kill('SIGINT'), 200)
    })
    expect(stopped.code, stopped.output).toBe(130)
    const epoch = Number(/after epoch (\d)/.exec(stopped.output)?.[1])
    expect(epoch).toBeGreaterThanOrEqual(1)
    expect(epoch).toBeLessThan(5)
    expect(stopped.output).toContain('npm start -- --resume')
    const resumed = await run([...out, '--resume'])
    expect(resumed.code, resumed.output).toBe(0)
    expect(resumed.output).toContain(`Going on after epoch ${epoch} of 5 (batch size 64, seed 1)`)
    expect(resumed.output).toContain('300,000 training images seen (5 × 60,000)')
    expect((await weights('parts')).equals(await weights('whole'))).toBe(true)
  }, 300_000)

  test('a finished run that is resumed shows its results without training', async () => {
    const again = await run(['--out', join(folder, 'whole'), '--resume'])
    expect(again.code, again.output).toBe(0)
    expect(again.output).toContain('All 5 epochs are done')
    expect(again.output).toMatch(/300,000 training images seen \(5 × 60,000\)$/m)
  }, 120_000)
})

describe('the command line', () => {
  test.each([
    [['--help'], 0, 'usage: npm start'],
    [['--epochs', 'x'], 2, '--epochs must be a whole number'],
  ])('%o', async (args, code, text) => {
    const ended = await run(args)
    expect(ended.code).toBe(code)
    expect(ended.output).toContain(text)
  })

  test.each([
    ['is not there', undefined, /^There is no checkpoint at .*; start without --resume\.$/m],
    ['is damaged', Buffer.from('not a checkpoint'), /cannot be used: \[safetensors\]/],
  ])('--resume when the checkpoint %s', async (name, bytes, message) => {
    const out = await mkdtemp(join(folder, 'broken-'))
    if (bytes !== undefined) await writeFile(join(out, 'checkpoint.safetensors'), bytes)
    const ended = await run(['--resume', '--out', out])
    expect(ended.code, name).toBe(1)
    expect(ended.output).toMatch(message)
  })
})
