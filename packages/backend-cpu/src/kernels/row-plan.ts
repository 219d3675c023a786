// Decides how a row kernel runs: which loops merge, along which loop the four lanes lie, how many vectors interleave,
// which passes over a row are needed, and which dear values a pass leaves in scratch for the next one.
//
// Lanes are "horizontal" along the innermost reduced loop (or the innermost loop when nothing is reduced), or "vertical"
// along the innermost outer loop, when the reduced elements of neighbouring rows lie side by side (sums over axis 0).
import { bytesOf, SCALARS } from '@dl/tensor/backend'
import type { Expr, Store } from '@dl/tensor/backend'
import { wordsOf } from '../vector/emitter.ts'
import { argumentsOf, dependencies, loopsOf } from './expressions.ts'

/** The part of a row kernel that says what it computes. */
export interface RowLoops {
  readonly sizes: readonly number[]
  readonly outer: number
  readonly exprs: readonly Expr[]
  readonly stores: readonly Store[]
}

export interface RowPlan {
  readonly sizes: readonly number[]
  /** Loops around a row. */
  readonly outer: number
  readonly exprs: readonly Expr[]
  readonly stores: readonly Store[]
  readonly vertical: boolean
  readonly lane: number
  readonly unroll: number
  /** Loop along which vectors interleave: the lane loop, or the loop just outside it in a transposed copy. */
  readonly along: number
  readonly deps: readonly number[]
  readonly phases: number
  /** Pass in which each store happens; -1 = once a row, after all passes. */
  readonly storePhase: readonly number[]
  /** Expressions that go to row scratch, with the number of v128 words a vector. */
  readonly saved: ReadonlyMap<number, number>
}

type Draft = { sizes: number[]; outer: number; exprs: Expr[]; stores: Store[] }

const addressed = (d: Draft): { addr: readonly number[] }[] => [
  ...(d.exprs.filter((x) => x.op === 'load' || x.op === 'index') as { addr: readonly number[] }[]),
  ...d.stores,
]

/**
 * @param sameMemory whether two buffers of the program are one place in memory (an update in place)
 */
export function planRow(kernel: RowLoops, sameMemory: (a: number, b: number) => boolean): RowPlan {
  const draft = collapsed(kernel)
  const reduces = draft.exprs.some((x) => x.op === 'reduce')
  if (draft.sizes.length === 0 || (reduces && draft.sizes.length === draft.outer)) appendUnitLoop(draft)
  let vertical = false
  let along = -1
  if (reduces) {
    vertical = chooseLaneOfReduction(draft)
    blockReduction(draft, vertical)
    reciprocals(draft)
  } else along = chooseLaneOfMap(draft)
  const lane = vertical ? draft.outer - 1 : draft.sizes.length - 1
  return finish(draft, vertical, lane, along < 0 ? lane : along, sameMemory)
}

/** A copy without loops of one turn, and with neighbours merged that every address walks as one. */
export function collapsed(kernel: RowLoops): Draft {
  const draft: Draft = {
    sizes: [...kernel.sizes],
    outer: kernel.outer,
    exprs: kernel.exprs.map((x) => ({ ...x })),
    stores: kernel.stores.map((s) => ({ ...s })),
  }
  collapse(draft)
  return draft
}

// ---- loops

function dropLoop(d: Draft, i: number): void {
  d.sizes.splice(i, 1)
  for (const a of addressed(d)) a.addr = a.addr.toSpliced(i + 1, 1)
  if (i < d.outer) d.outer--
}

/** Drops loops of one turn and merges neighbours that every address walks as one. */
function collapse(d: Draft): void {
  for (let i = d.sizes.length - 1; i >= 0; i--) if (d.sizes[i] === 1) dropLoop(d, i)
  for (let i = d.sizes.length - 2; i >= 0; i--) {
    const sameGroup = i < d.outer === i + 1 < d.outer
    const size = d.sizes[i + 1]!
    if (sameGroup && addressed(d).every((a) => a.addr[i + 1] === a.addr[i + 2]! * size)) {
      d.sizes[i + 1] = size * d.sizes[i]!
      dropLoop(d, i)
    }
  }
}

function appendUnitLoop(d: Draft): void {
  d.sizes.push(1)
  for (const a of addressed(d)) a.addr = [...a.addr, 0]
}

/** Moves loop `from` to position `to` (both in the same group). */
function moveLoop(d: Draft, from: number, to: number): void {
  if (from === to) return
  const move = <T>(list: readonly T[], shift: number): T[] => {
    const copy = [...list]
    copy.splice(to + shift, 0, ...copy.splice(from + shift, 1))
    return copy
  }
  d.sizes = move(d.sizes, 0)
  for (const a of addressed(d)) a.addr = move(a.addr, 1)
}

/** Splits loop `i` into blocks of `block` turns; the block number becomes loop `to` (to ≤ i). Leaves `outer` alone. */
function splitLoop(d: Draft, i: number, block: number, to: number): void {
  const blocks = d.sizes[i]! / block
  d.sizes[i] = block
  d.sizes.splice(to, 0, blocks)
  for (const a of addressed(d)) a.addr = a.addr.toSpliced(to + 1, 0, a.addr[i + 1]! * block)
}

// ---- lanes

/** How well lanes along loop `l` serve the given addresses: 1 for neighbours, -4 for gathered ones. */
function score(addresses: readonly { addr: readonly number[] }[], l: number, size: number): number {
  let sum = size < 4 ? -2 : 0
  for (const a of addresses) sum += a.addr[l + 1] === 1 ? 1 : a.addr[l + 1] === 0 ? 0 : -4
  return sum
}

/** Below so many elements, lanes along a reduced loop are worth less. */
const SHORT_ROW = 16

/** Puts the best lane loop of each group last; true when lanes go along an outer loop. */
function chooseLaneOfReduction(d: Draft): boolean {
  const inner = d.exprs.filter(
    (x) => x.op === 'load' && (loopsOf(x.addr) >> d.outer !== 0 || x.dynamic !== undefined),
  ) as { addr: readonly number[] }[]
  const best = (from: number, to: number): [number, number] => {
    let [loop, value] = [to - 1, -Infinity]
    for (let l = to - 1; l >= from; l--) {
      const s = score(inner, l, d.sizes[l]!)
      if (s > value) [loop, value] = [l, s]
    }
    return [loop, value]
  }
  const [reduced, full] = best(d.outer, d.sizes.length)
  // a short row (the window of a depthwise convolution) is mostly tail, and each row's lanes have to be added up
  const horizontal = d.sizes[reduced]! < SHORT_ROW ? full - 1.5 : full
  if (d.outer > 0) {
    const [loop, vertical] = best(0, d.outer)
    if (vertical > horizontal) {
      moveLoop(d, loop, d.outer - 1)
      return true
    }
  }
  moveLoop(d, reduced, d.sizes.length - 1)
  return false
}

/**
 * Splits a long innermost reduced loop, so that sums are taken block by block: the rounding error of n additions then grows
 * with the block's length and the number of blocks, not with n.
 */
function blockReduction(d: Draft, vertical: boolean): void {
  const last = d.sizes.length - 1
  const size = d.sizes[last]!
  const [most, least] = vertical ? [512, 64] : [4096, 512]
  if (size <= most) return
  for (const multiple of [16, 1])
    for (let block = most - (most % multiple); block >= least; block -= multiple)
      if (size % block === 0) return splitLoop(d, last, block, last)
}

const TRANSPOSE_BLOCK = 64

/** Puts the best lane loop last. Returns the loop along which vectors interleave for a transposed read, or -1. */
function chooseLaneOfMap(d: Draft): number {
  const all = addressed(d)
  let [best, value] = [d.sizes.length - 1, -Infinity]
  for (let l = d.sizes.length - 1; l >= 0; l--) {
    const s = score(all, l, d.sizes[l]!) + score(d.stores, l, d.sizes[l]!)
    if (s > value) [best, value] = [l, s]
  }
  moveLoop(d, best, d.sizes.length - 1)
  d.outer = d.sizes.length - 1
  return transposedLoop(d)
}

/** A loop other than the lanes' along which a gathered load is contiguous moves next to the lane loop. */
function transposedLoop(d: Draft): number {
  const lane = d.sizes.length - 1
  if (d.sizes[lane]! < 4) return -1
  for (const x of d.exprs) {
    if (x.op !== 'load' || x.dynamic !== undefined || bytesOf(x.dtype) !== 4) continue
    const c = x.addr[lane + 1]!
    if (c === 0 || c === 1) continue
    const p = x.addr.findIndex((a, i) => i > 0 && i <= lane && a === 1 && d.sizes[i - 1]! >= 4) - 1
    if (p < 0) continue
    moveLoop(d, p, lane - 1)
    return blockLanes(d)
  }
  return -1
}

/** Walks long lane loops in blocks, so that the cache lines of a gathered load serve all their neighbours. */
function blockLanes(d: Draft): number {
  const lane = d.sizes.length - 1
  const size = d.sizes[lane]!
  if (size > TRANSPOSE_BLOCK) {
    let block = TRANSPOSE_BLOCK
    while (block >= 16 && size % block !== 0) block--
    if (block >= 16) {
      splitLoop(d, lane, block, lane - 1)
      d.outer = d.sizes.length - 1
    }
  }
  return d.sizes.length - 2
}

// ---- expressions

/**
 * A division inside the row by something known once a row, made of a reduction (softmax, norms), becomes a product with
 * the reciprocal: one division a row instead of one an element.
 */
function reciprocals(d: Draft): void {
  const deps = dependencies(d.exprs, (1 << d.outer) - 1, (1 << d.sizes.length) - 1)
  const reduced = (i: number): boolean => {
    const x = d.exprs[i]!
    return x.op === 'reduce' || argumentsOf(x).some(reduced)
  }
  const count = d.exprs.length
  for (let i = 0; i < count; i++) {
    const x = d.exprs[i]!
    if (x.op !== 'map' || x.fn !== 'div' || x.dtype !== 'float32') continue
    const divisor = x.args[1]!
    if (deps[i]! >> d.outer === 0 || deps[divisor]! >> d.outer !== 0 || !reduced(divisor)) continue
    const { phase } = d.exprs[divisor]!
    const one = d.exprs.push({ op: 'const', value: 1, dtype: x.dtype, inner: false, phase: 0 }) - 1
    const args = [one, divisor]
    const inverse = d.exprs.push({ op: 'map', fn: 'div', args, dtype: x.dtype, inner: false, phase }) - 1
    d.exprs[i] = { ...x, fn: 'mul', args: [x.args[0]!, inverse] }
  }
}

/** Sums of so few terms (windows) need no partial sums for their precision: registers are dearer. */
export const isShortSum = ({ sizes, outer }: Pick<RowPlan, 'sizes' | 'outer'>): boolean =>
  sizes.slice(outer).reduce((n, size) => n * size, 1) <= 256

/**
 * Vectors in flight, measured: long chains want many, very long ones run out of registers, bare sums of columns are free, and
 * so are long ones that wait for memory.
 */
function interleaving(cost: number, vertical: boolean, reduces: boolean, free: boolean): number {
  if (cost > 60) return 2
  if (vertical) return cost < 4 && free ? 8 : 4
  return cost >= 16 && !reduces ? 6 : 4
}

/** Most bytes of scratch that one kept value may take: beyond the cache, computing again is cheaper. */
const MOST_SCRATCH_BYTES = 1 << 19

function finish(
  d: Draft,
  vertical: boolean,
  lane: number,
  along: number,
  sameMemory: (a: number, b: number) => boolean,
): RowPlan {
  const { exprs, stores, sizes, outer } = d
  const rowLoops = (1 << outer) - 1
  const deps = dependencies(exprs, rowLoops, (1 << sizes.length) - 1)
  const inner = (bits: number): boolean => bits >> outer !== 0
  const isInnerStore = (s: Store): boolean => inner(deps[s.expr]!) || inner(loopsOf(s.addr))
  // passes in which each inner expression is needed
  const need = exprs.map(() => new Set<number>())
  const markNeed = (i: number, phase: number): void => {
    if (need[i]!.has(phase) || exprs[i]!.op === 'reduce') return
    need[i]!.add(phase)
    for (const a of argumentsOf(exprs[i]!)) markNeed(a, phase)
  }
  for (const x of exprs) if (x.op === 'reduce') markNeed(x.args[0], x.phase - 1)
  const storePhase = stores.map((s) => (isInnerStore(s) ? exprs[s.expr]!.phase : -1))
  stores.forEach((s, i) => storePhase[i]! >= 0 && markNeed(s.expr, storePhase[i]!))
  delayInPlaceStores(exprs, stores, storePhase, need, sameMemory)
  const lastReduce = exprs.reduce((p, x) => (x.op === 'reduce' ? Math.max(p, x.phase) : p), 0)
  const phases = Math.max(lastReduce, ...storePhase.map((p) => p + 1), 1)
  const cost = exprs.reduce((sum, x) => sum + (x.op === 'map' ? SCALARS[x.fn].cost : 0), 0)
  const wide = exprs.some((x) => wordsOf(x.dtype) === 2)
  const saved = new Map<number, number>()
  const loads = exprs.filter((x, i) => x.op === 'load' && inner(deps[i]!)).length
  let unroll = interleaving(cost, vertical, lastReduce > 0, loads < 2 || !isShortSum(d))
  if (wide) unroll /= 2
  if (along !== lane) unroll = 4
  const scratchBytes = sizes.slice(outer).reduce((a, b) => a * b, 4) * (vertical ? 4 * unroll : 1)
  if (along === lane && scratchBytes <= MOST_SCRATCH_BYTES)
    exprs.forEach((x, i) => {
      const dear = x.op === 'map' && SCALARS[x.fn].cost >= 8
      if (dear && inner(deps[i]!) && need[i]!.size > 1 && need[i]!.has(x.phase))
        saved.set(i, wordsOf(x.dtype))
    })
  return { sizes, outer, exprs, stores, vertical, lane, unroll, along, deps, phases, storePhase, saved }
}

/** A store to a buffer that the kernel also reads waits for the last pass that reads it. */
function delayInPlaceStores(
  exprs: readonly Expr[],
  stores: readonly Store[],
  storePhase: number[],
  need: readonly Set<number>[],
  sameMemory: (a: number, b: number) => boolean,
): void {
  stores.forEach((s, i) => {
    if (storePhase[i]! < 0) return
    let last = storePhase[i]!
    exprs.forEach((x, j) => {
      if (x.op === 'load' && sameMemory(x.buffer, s.buffer)) last = Math.max(last, ...need[j]!)
    })
    storePhase[i] = last
  })
}
