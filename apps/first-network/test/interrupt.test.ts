// Ctrl-C once, twice, and twice at once as npm sends it; files that are whole or not there.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { Mock } from 'vitest'
import { writeAtomically } from '../src/atomic-file.ts'
import { listenForInterrupt } from '../src/interrupt.ts'

function host(): {
  press(): void
  exit: Mock<(code: number) => void>
  listeners: Set<() => void>
} & Parameters<typeof listenForInterrupt>[0] {
  const listeners = new Set<() => void>()
  return {
    listeners,
    on: (_, listener) => listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
    exit: vi.fn<(code: number) => void>(),
    press: () => listeners.forEach((listener) => listener()),
  }
}

test('the first Ctrl-C aborts, a second one half a second later exits, the echo of the first does not', () => {
  const computer = host()
  const stop = vi.fn<() => void>()
  let time = 1000
  const interrupt = listenForInterrupt(computer, stop, () => time)
  expect(interrupt.signal.aborted).toBe(false)
  computer.press()
  expect(interrupt.signal.aborted).toBe(true)
  time += 20
  computer.press()
  expect(computer.exit).not.toHaveBeenCalled()
  time += 600
  computer.press()
  expect(computer.exit).toHaveBeenCalledWith(130)
  expect(stop).toHaveBeenCalledTimes(1)
  interrupt[Symbol.dispose]()
  expect(computer.listeners.size).toBe(0)
})

test('a file is written whole, with its folders, over an older one, and leaves no draft', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dl-atomic-'))
  const path = join(folder, 'a/b/file')
  await writeAtomically(path, Uint8Array.of(1, 2, 3))
  await writeAtomically(path, Uint8Array.of(4))
  expect([...(await readFile(path))]).toEqual([4])
  expect(await readdir(join(folder, 'a/b'))).toEqual(['file'])
  await expect(writeAtomically(join(folder, 'a'), Uint8Array.of(1))).rejects.toThrow()
  expect(await readdir(folder)).toEqual(['a'])
  await rm(folder, { recursive: true })
})
