// Order of kernels, and places in the arena: buffers whose lifetimes do not overlap share memory.
import { bytesOf } from '../graph/dtype.ts'
import type { DraftKernel } from './draft-kernels.ts'
import type { KernelGraph } from './in-place.ts'
import { postOrder } from './post-order.ts'
import type { Value } from './values.ts'

/** Buffers start at multiples of this. */
const ALIGNMENT = 64
/** Bytes after each buffer that may be read. */
const SLACK = 64

export interface Lifetime {
  readonly bytes: number
  /** Number of the first kernel that writes it, and of the last that reads or writes it. */
  readonly from: number
  to: number
}

/**
 * Kernels in execution order: depth first, so that producers stand near their consumers, and a kernel that takes no memory
 * (an update in place) as soon as it can run, so that what it reads is freed early.
 */
export function orderKernels(graph: KernelGraph, inArena: (v: Value) => boolean): DraftKernel[] {
  const { kernels, before } = graph
  const waitsFor = before.map((set) => set.size)
  const done = new Uint8Array(kernels.length)
  const order: DraftKernel[] = []
  const run = (first: number): void => {
    const ready = [first]
    while (ready.length) {
      const k = ready.pop()!
      done[k] = 1
      order.push(kernels[k]!)
      for (const next of graph.after(k))
        if (--waitsFor[next]! === 0 && !kernels[next]!.writes.some(inArena)) ready.push(next)
    }
  }
  const depthFirst = postOrder(
    kernels.map((_, i) => i),
    (i) => [...before[i]!].sort((a, b) => a - b),
  )
  for (const k of depthFirst) if (!done[k]) run(k)
  return order
}

/** Lifetimes of the values that need a place in the arena. */
export function lifetimes(
  kernels: readonly DraftKernel[],
  inArena: (v: Value) => boolean,
): Map<Value, Lifetime> {
  const lives = new Map<Value, Lifetime>()
  kernels.forEach((kernel, now) => {
    for (const v of kernel.writes) {
      const life = lives.get(v)
      if (life) life.to = now
      else if (inArena(v)) {
        const bytes = Math.ceil((v.size * bytesOf(v.dtype) + SLACK) / ALIGNMENT) * ALIGNMENT
        lives.set(v, { bytes, from: now, to: now })
      }
    }
    for (const v of kernel.reads) {
      const life = lives.get(v)
      if (life) life.to = now
    }
  })
  return lives
}

export interface ArenaPlan {
  readonly offsets: ReadonlyMap<Value, number>
  readonly bytes: number
}

/** Up to this many buffers are placed largest first, which packs best but compares each with each. */
const LARGEST_FIRST = 1500

/** Places buffers so that no two overlap in memory while both are alive. */
export function planArena(lives: ReadonlyMap<Value, Lifetime>): ArenaPlan {
  return lives.size <= LARGEST_FIRST ? largestFirst(lives) : inTimeOrder(lives)
}

interface Placed extends Lifetime {
  readonly offset: number
}

function largestFirst(lives: ReadonlyMap<Value, Lifetime>): ArenaPlan {
  const offsets = new Map<Value, number>()
  /** Sorted by offset. */
  const placed: Placed[] = []
  let bytes = 0
  for (const [value, life] of [...lives].sort((a, b) => b[1].bytes - a[1].bytes)) {
    let offset = 0
    for (const p of placed) {
      if (p.from > life.to || life.from > p.to) continue
      if (offset + life.bytes <= p.offset) break
      offset = Math.max(offset, p.offset + p.bytes)
    }
    offsets.set(value, offset)
    let at = placed.length
    while (at > 0 && placed[at - 1]!.offset > offset) at--
    placed.splice(at, 0, { ...life, offset })
    bytes = Math.max(bytes, offset + life.bytes)
  }
  return { offsets, bytes }
}

interface Gap {
  offset: number
  bytes: number
}

/** Allocates at the first write and frees after the last use, best fit, neighbouring gaps joined. */
function inTimeOrder(lives: ReadonlyMap<Value, Lifetime>): ArenaPlan {
  const offsets = new Map<Value, number>()
  const gaps: Gap[] = []
  let bytes = 0
  const starts = [...lives].sort((a, b) => a[1].from - b[1].from)
  const ends = [...lives].sort((a, b) => a[1].to - b[1].to)
  let ended = 0
  for (const [value, life] of starts) {
    for (; ended < ends.length && ends[ended]![1].to < life.from; ended++) {
      const [old, { bytes: size }] = ends[ended]!
      giveBack(gaps, { offset: offsets.get(old)!, bytes: size })
    }
    let best: Gap | null = null
    for (const gap of gaps) if (gap.bytes >= life.bytes && (!best || gap.bytes < best.bytes)) best = gap
    const last = gaps[gaps.length - 1]
    if (best) {
      offsets.set(value, best.offset)
      best.offset += life.bytes
      best.bytes -= life.bytes
      if (best.bytes === 0) gaps.splice(gaps.indexOf(best), 1)
    } else {
      const atEnd = last && last.offset + last.bytes === bytes ? gaps.pop()!.offset : bytes
      offsets.set(value, atEnd)
      bytes = atEnd + life.bytes
    }
  }
  return { offsets, bytes }
}

function giveBack(gaps: Gap[], gap: Gap): void {
  let at = gaps.length
  while (at > 0 && gaps[at - 1]!.offset > gap.offset) at--
  const before = gaps[at - 1]
  const after = gaps[at]
  if (before && before.offset + before.bytes === gap.offset) {
    before.bytes += gap.bytes
    if (after && before.offset + before.bytes === after.offset) {
      before.bytes += after.bytes
      gaps.splice(at, 1)
    }
  } else if (after && gap.offset + gap.bytes === after.offset) {
    after.offset = gap.offset
    after.bytes += gap.bytes
  } else gaps.splice(at, 0, gap)
}
