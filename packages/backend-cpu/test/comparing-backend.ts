// A backend that runs every program on others too, over the same data, and throws when one bit of what they leave in memory
// is different.
import { bytesOf } from '@dl/tensor/backend'
import type { Executable, KernelTime, Pointer, Program } from '@dl/tensor/backend'
import { CpuBackend } from '../src/backend.ts'
import type { CpuBackendOptions } from '../src/backend.ts'
import type { ThreadTuning } from '../src/threads/pool.ts'

export class ComparingBackend extends CpuBackend {
  readonly #others: readonly CpuBackend[]
  /** Runs that were compared. */
  compared = 0

  constructor(others: readonly CpuBackend[], options: CpuBackendOptions, tuning: ThreadTuning) {
    super(options, tuning)
    this.#others = others
  }

  override compile(program: Program): Executable {
    const own = super.compile(program)
    const others = this.#others.map((backend) => ({ backend, executable: backend.compile(program) }))
    const sizes: number[] = Array.from({ length: program.params }, () => 0)
    for (const { place, size, dtype } of program.buffers)
      if (place.kind === 'param') sizes[place.slot] = Math.max(sizes[place.slot]!, size * bytesOf(dtype))
    const contents = (backend: CpuBackend, pointers: ArrayLike<Pointer>): Uint8Array[] =>
      sizes.map((bytes, slot) => backend.readSync(pointers[slot]!, 'uint8', bytes) as Uint8Array)
    return {
      run: (pointers, scalars) => {
        const before = contents(this, pointers)
        own.run(pointers, scalars)
        const after = contents(this, pointers)
        for (const { backend, executable } of others) {
          // buffers that are one here are one there
          const places = new Map<Pointer, Pointer>()
          const copies = sizes.map((bytes, slot) => {
            const known = places.get(pointers[slot]!)
            if (known !== undefined) return known
            const copy = backend.allocate(bytes)
            places.set(pointers[slot]!, copy)
            backend.write(copy, before[slot]!)
            return copy
          })
          executable.run(copies, scalars)
          contents(backend, copies).forEach((bytes, slot) => expectSame(bytes, after[slot]!, slot, backend))
          new Set(copies).forEach((copy) => backend.free(copy, sizes[copies.indexOf(copy)]!))
          this.compared++
        }
      },
      profile: (pointers, scalars, repeats): readonly KernelTime[] =>
        own.profile!(pointers, scalars, repeats),
      source: () => own.source!(),
      dispose: () => {
        own.dispose()
        for (const { executable } of others) executable.dispose()
      },
    }
  }

  override dispose(): void {
    super.dispose()
    for (const backend of this.#others) backend.dispose()
  }
}

function expectSame(actual: Uint8Array, expected: Uint8Array, slot: number, backend: CpuBackend): void {
  const first = expected.findIndex((byte, i) => byte !== actual[i])
  if (first < 0) return
  const different = expected.reduce((n, byte, i) => n + Number(byte !== actual[i]), 0)
  const words = (bytes: Uint8Array, at: number): string =>
    Array.from(bytes.subarray(at & ~3, (at & ~3) + 8), (b) => b.toString(16).padStart(2, '0')).join('')
  throw new Error(
    `buffer ${slot} differs in ${different} of ${expected.length} bytes, from byte ${first} on, with ${backend.threads} ` +
      `threads: ${words(actual, first)} for ${words(expected, first)}`,
  )
}
