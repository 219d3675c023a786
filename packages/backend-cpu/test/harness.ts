// Runs a hand-built program on the backend and on the interpreter of the kernel language, over equal data, and compares every buffer.
import { allocate, bytesOf, isFloat } from '@dl/tensor/backend'
import type { DType, Element, Expr, Kernel, Program, TypedArray } from '@dl/tensor/backend'
import { runProgram } from '@dl/tensor/testing'
import { CpuBackend } from '../src/backend.ts'

export interface BufferSpec {
  readonly dtype: DType
  readonly size: number
  /** Content at the start; random numbers when left out. */
  readonly data?: TypedArray
}

/** A reproducible generator of numbers in [0, 1). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32
  }
}

export function randomData(dtype: DType, size: number, random: () => number, low = -3, high = 3): TypedArray {
  const out = allocate(dtype, size) as { [i: number]: Element }
  for (let i = 0; i < size; i++) {
    const x = low + random() * (high - low)
    if (dtype === 'bool') out[i] = random() < 0.5 ? 1 : 0
    else if (dtype === 'int64') out[i] = BigInt(Math.round(x * 3))
    else if (dtype === 'uint8') out[i] = Math.abs(Math.round(x * 3))
    else out[i] = isFloat(dtype) ? x : Math.round(x * 3)
  }
  return out as TypedArray
}

type Draft<T> = T extends unknown ? Omit<T, 'dtype' | 'inner' | 'phase'> : never
/** Builds expressions in order, deriving phase and inner as the scheduler does. */
export class Exprs {
  readonly list: Expr[] = []
  readonly outer: number
  constructor(outer: number) {
    this.outer = outer
  }
  push(dtype: DType, draft: Draft<Expr>): number {
    const args =
      'args' in draft
        ? draft.args
        : 'dynamic' in draft && draft.dynamic
          ? draft.dynamic.map((d) => d.value)
          : []
    const phase = Math.max(0, ...args.map((a) => this.list[a]!.phase)) + (draft.op === 'reduce' ? 1 : 0)
    const own = 'addr' in draft && draft.addr.slice(1 + this.outer).some((c) => c !== 0)
    const inner =
      draft.op === 'acc' || (draft.op !== 'reduce' && (own || args.some((a) => this.list[a]!.inner)))
    return this.list.push({ ...draft, dtype, inner, phase }) - 1
  }
}

export function makeProgram(
  buffers: readonly BufferSpec[],
  kernels: readonly Kernel[],
  scalars: readonly DType[] = [],
): Program {
  return {
    buffers: buffers.map((b, slot) => ({ dtype: b.dtype, size: b.size, place: { kind: 'param', slot } })),
    kernels,
    scalars,
    params: buffers.length,
    arenaBytes: 0,
  }
}

export const backend: CpuBackend = new CpuBackend()

export interface Outcome {
  readonly actual: readonly TypedArray[]
  readonly expected: readonly TypedArray[]
}

const contentOf = (specs: readonly BufferSpec[], seed: number): TypedArray[] => {
  const random = randomSource(seed)
  return specs.map((s) => s.data ?? randomData(s.dtype, s.size, random))
}

/** Runs on the backend only; the content of every buffer afterwards. */
export function runAlone(
  specs: readonly BufferSpec[],
  kernels: readonly Kernel[],
  seed = 1,
  scalars: readonly (readonly [DType, Element])[] = [],
  on: CpuBackend = backend,
): readonly TypedArray[] {
  const start = contentOf(specs, seed)
  const program = makeProgram(
    specs,
    kernels,
    scalars.map(([d]) => d),
  )
  const pointers = start.map((d) => {
    const p = on.allocate(d.byteLength)
    on.write(p, d)
    return p
  })
  const executable = on.compile(program)
  executable.run(
    pointers,
    scalars.map(([, v]) => Number(v)),
  )
  const actual = specs.map((s, i) => on.readSync(pointers[i]!, s.dtype, s.size))
  executable.dispose()
  pointers.forEach((p, i) => on.free(p, start[i]!.length * bytesOf(specs[i]!.dtype)))
  return actual
}

/** Runs both; buffers start equal. */
export function runBoth(
  specs: readonly BufferSpec[],
  kernels: readonly Kernel[],
  seed = 1,
  scalars: readonly (readonly [DType, Element])[] = [],
  on: CpuBackend = backend,
): Outcome {
  const expected = contentOf(specs, seed).map((d) => d.slice() as TypedArray)
  const program = makeProgram(
    specs,
    kernels,
    scalars.map(([d]) => d),
  )
  runProgram(
    program,
    expected.map((d) => d.buffer as ArrayBuffer),
    scalars.map(([, v]) => Number(v)),
  )
  return { actual: runAlone(specs, kernels, seed, scalars, on), expected }
}

/** First place where two buffers differ by more than `tolerance`, relative to the largest magnitude; null when none. */
export function difference(actual: TypedArray, expected: TypedArray, tolerance: number): string | null {
  let largest = 1e-30
  for (const x of expected) if (Number.isFinite(Number(x))) largest = Math.max(largest, Math.abs(Number(x)))
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!]
    if (typeof a === 'bigint' ? a === e : Object.is(a, e) || a === e) continue
    if (Number.isNaN(a) && Number.isNaN(e)) continue
    if (!(Math.abs(Number(a) - Number(e)) <= tolerance * largest)) return `at ${i}: ${a} instead of ${e}`
  }
  return null
}
