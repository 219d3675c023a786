// Row kernels: maps (one thread an element) and everything with reductions (threads share a row, partial results meet in
// workgroup memory). Values that depend on reduced loops are computed again in each phase; nothing is spilled.
import type { Expr, Program, ReduceKind, RowKernel, Store } from '@dl/tensor/backend'
import { affineText, collapseLoops, type LoopNest, splitIndex } from './affine.ts'
import { Bindings } from './bindings.ts'
import { type ExpressionContext, requireDTypes, Scope, sourcesOf, writeExpression } from './expressions.ts'
import { Library } from './library.ts'
import { blockIndex, grid, moduleText, type WgslKernel } from './module.ts'
import { reduceStep, reduceStart } from './reduction.ts'
import { rowShape, type RowShape } from './row-shape.ts'
import type { ShaderDType } from './values.ts'

/** Per expression: does it depend on reduced loops, and on how many reductions below. */
interface Facts {
  readonly inner: boolean
  readonly phase: number
}
type Reduction = Extract<Expr, { op: 'reduce' }> & { readonly id: number }

/** Workgroup arrays of one phase: 8 × 256 words are half of what every adapter has. */
const REDUCTIONS_AT_ONCE = 8

export function rowKernel(program: Program, kernel: RowKernel, number: number): WgslKernel | null {
  requireDTypes(kernel.name, kernel.exprs)
  const nest = normalNest(kernel)
  const shape = rowShape(nest)
  const blocks = Math.ceil(shape.rows / shape.rowsPerGroup)
  if (blocks === 0) return null
  const { exprs, stores } = nest
  const bindings = new Bindings(
    program,
    kernel.name,
    exprs.flatMap((e) => (e.op === 'load' ? [e.buffer] : [])),
    stores.map((s) => s.buffer),
    exprs.some((e) => e.op === 'scalar'),
  )
  const writer = new RowWriter(kernel.name, nest, shape, bindings)
  const body = writer.write(blocks)
  const code = moduleText({
    title: `${kernel.name}: ${shape.rows} rows of ${shape.length}`,
    bindings,
    library: writer.library,
    globals: writer.globals(),
    workgroupSize: shape.workgroupSize,
    body,
  })
  return { name: kernel.name, kernel: number, code, bindings: bindings.list(), workgroups: grid(blocks) }
}

/** Collapsed loops; without reductions every loop is an outer one. */
function normalNest(kernel: RowKernel): LoopNest {
  const reduces = kernel.exprs.some((e) => e.op === 'reduce')
  return collapseLoops({ ...kernel, outer: reduces ? kernel.outer : kernel.sizes.length })
}

class RowWriter {
  readonly library: Library = new Library()
  readonly #nest: LoopNest
  readonly #shape: RowShape
  readonly #facts: readonly Facts[]
  readonly #cx: ExpressionContext
  readonly #partials = new Map<string, string>()

  constructor(kernel: string, nest: LoopNest, shape: RowShape, bindings: Bindings) {
    this.#nest = nest
    this.#shape = shape
    this.#facts = factsOf(nest)
    const loops = nest.sizes.map((_, i) => `i${i}`)
    this.#cx = { kernel, exprs: nest.exprs, loops, bindings, library: this.library }
  }

  /** Declarations of workgroup memory. */
  globals(): string[] {
    const { workgroupSize } = this.#shape
    return [...this.#partials].map(
      ([name, type]) => `var<workgroup> ${name}: array<${type}, ${workgroupSize}>;`,
    )
  }

  write(blocks: number): string[] {
    const { stores } = this.#nest
    const scope = new Scope()
    scope.lines.push(...this.#rowIndex(blocks))
    const last = this.#lastPhase()
    for (let phase = 0; phase <= last; phase++) this.#writePhase(phase, scope)
    this.#writeRowStores(
      stores.filter((s) => !this.#isInner(s)),
      scope,
    )
    return scope.lines
  }

  /** Names the row (`row`, clamped), whether it exists (`live`), this thread's place in it (`lane`) and the outer loops. */
  #rowIndex(blocks: number): string[] {
    const { rows, rowsPerGroup, threadsPerRow, across } = this.#shape
    const lines = blockIndex(blocks)
    const inGroup = across ? `thread % ${rowsPerGroup}u` : `thread / ${threadsPerRow}u`
    const lane = across ? `thread / ${rowsPerGroup}u` : `thread % ${threadsPerRow}u`
    if (threadsPerRow > 1) lines.push(`let lane = ${lane};`)
    const row =
      rowsPerGroup === 1 ? 'block' : `block * ${rowsPerGroup}u + ${threadsPerRow === 1 ? 'thread' : inGroup}`
    if (!this.#ragged) lines.push(`let row = ${row};`)
    else if (threadsPerRow === 1) lines.push(`let row = ${row};`, `if (row >= ${rows}u) { return; }`)
    else
      lines.push(`let place = ${row};`, `let live = place < ${rows}u;`, `let row = min(place, ${rows - 1}u);`)
    return [...lines, ...splitIndex('row', this.#nest.sizes, this.#cx.loops, 0, this.#nest.outer)]
  }
  get #ragged(): boolean {
    return this.#shape.rows % this.#shape.rowsPerGroup !== 0
  }
  get #guarded(): boolean {
    return this.#ragged && this.#shape.threadsPerRow > 1
  }

  #isInner(s: Store): boolean {
    return this.#facts[s.expr]!.inner || s.addr.slice(1 + this.#nest.outer).some((c) => c !== 0)
  }
  /** Number of the last pass over the row, -1 when there is none. */
  #lastPhase(): number {
    const reductions = this.#nest.exprs.map((e, i) => (e.op === 'reduce' ? this.#facts[i]!.phase - 1 : -1))
    const stores = this.#nest.stores.map((s) => (this.#isInner(s) ? this.#facts[s.expr]!.phase : -1))
    return Math.max(-1, ...reductions, ...stores)
  }
  /** Memory that the kernel also reads is written in the last pass: an update in place must not change under a later one. */
  #storePhase(s: Store): number {
    return this.#isRead(s) ? this.#lastPhase() : this.#facts[s.expr]!.phase
  }
  #isRead(s: Store): boolean {
    return this.#nest.exprs.some((e) => e.op === 'load' && this.#cx.bindings.same(e.buffer, s.buffer))
  }

  /** One pass over the row: its reductions, and the stores that are due. */
  #writePhase(phase: number, scope: Scope): void {
    const { exprs, stores, sizes, outer } = this.#nest
    const { length, threadsPerRow } = this.#shape
    const reductions: Reduction[] = exprs.flatMap((e, id) =>
      e.op === 'reduce' && this.#facts[id]!.phase === phase + 1 ? [{ ...e, id }] : [],
    )
    const due = stores.filter((s) => this.#isInner(s) && this.#storePhase(s) === phase)
    if (!reductions.length && !due.length) return
    this.#hoist([...reductions.map((r) => r.args[0]), ...due.map((s) => s.expr)], scope)
    for (const r of reductions)
      scope.lines.push(`var a${r.id} = ${reduceStart(r.kind, r.dtype as ShaderDType, this.library)};`)
    const inner = new Scope(scope)
    inner.lines.push(...splitIndex('r', sizes, this.#cx.loops, outer, sizes.length))
    const updates = reductions.map(
      (r) => `a${r.id} = ${this.#step(r, `a${r.id}`, writeExpression(this.#cx, r.args[0], inner))};`,
    )
    const writes = due.map((s) => this.#storeText(s, inner))
    const start = threadsPerRow > 1 ? 'lane' : '0u'
    scope.lines.push(`for (var r = ${start}; r < ${length}u; r += ${threadsPerRow}u) {`)
    scope.lines.push(...inner.lines, ...updates, ...this.#whenLive(writes), '}')
    this.#combine(reductions, scope)
  }

  /** Everything that doesn't change inside the pass is computed before it. */
  #hoist(roots: readonly number[], scope: Scope): void {
    const seen = new Set<number>()
    const visit = (id: number): void => {
      if (seen.has(id)) return
      seen.add(id)
      if (this.#facts[id]!.inner) sourcesOf(this.#nest.exprs[id]!).forEach(visit)
      else writeExpression(this.#cx, id, scope)
    }
    roots.forEach(visit)
  }

  #step(r: { readonly kind: ReduceKind; readonly dtype: Reduction['dtype'] }, a: string, b: string): string {
    return reduceStep(r.kind, r.dtype as ShaderDType, a, b, this.library)
  }

  /** Partial results of the threads of a row meet in workgroup memory, pairwise, and every thread gets the result. */
  #combine(reductions: readonly Reduction[], scope: Scope): void {
    const { threadsPerRow, rowsPerGroup, across } = this.#shape
    if (threadsPerRow === 1) {
      for (const r of reductions) scope.bind(r.id, `a${r.id}`)
      return
    }
    const stride = across ? rowsPerGroup : 1
    const first = across ? `thread % ${rowsPerGroup}u` : 'thread - lane'
    for (let from = 0; from < reductions.length; from += REDUCTIONS_AT_ONCE) {
      const some = reductions.slice(from, from + REDUCTIONS_AT_ONCE)
      const places = some.map((r, i) => this.#partial(r.dtype as ShaderDType, i))
      some.forEach((r, i) => scope.lines.push(`${places[i]!}[thread] = a${r.id};`))
      scope.lines.push(
        'workgroupBarrier();',
        `for (var half = ${threadsPerRow / 2}u; half > 0u; half = half / 2u) {`,
      )
      scope.lines.push('if (lane < half) {')
      some.forEach((r, i) => {
        const p = places[i]!
        const other = `${p}[thread + half${stride === 1 ? '' : ` * ${stride}u`}]`
        scope.lines.push(`${p}[thread] = ${this.#step(r, `${p}[thread]`, other)};`)
      })
      scope.lines.push('}', 'workgroupBarrier();', '}')
      some.forEach((r, i) => {
        scope.lines.push(`let v${r.id} = ${places[i]!}[${first}];`)
        scope.bind(r.id, `v${r.id}`)
      })
      scope.lines.push('workgroupBarrier();')
    }
  }
  #partial(dtype: ShaderDType, i: number): string {
    const type = { float32: 'f32', int32: 'i32', uint8: 'u32', bool: 'bool' }[dtype]
    const name = `partial_${type}_${i}`
    this.#partials.set(name, type)
    return name
  }

  #storeText(s: Store, scope: Scope): string {
    const value = writeExpression(this.#cx, s.expr, scope)
    return this.#cx.bindings.store(s.buffer, affineText(s.addr, this.#cx.loops), value)
  }
  #whenLive(lines: readonly string[]): string[] {
    return this.#guarded && lines.length ? ['if (live) {', ...lines, '}'] : [...lines]
  }

  /** Stores outside the reduced loops: the first thread of the row makes them, after all have read. */
  #writeRowStores(stores: readonly Store[], scope: Scope): void {
    if (!stores.length) return
    const lines = stores.map((s) => this.#storeText(s, scope))
    const { threadsPerRow } = this.#shape
    if (threadsPerRow === 1) {
      scope.lines.push(...lines)
      return
    }
    if (stores.some((s) => this.#isRead(s))) scope.lines.push('storageBarrier();', 'workgroupBarrier();')
    scope.lines.push(`if (lane == 0u${this.#guarded ? ' && live' : ''}) {`, ...lines, '}')
  }
}

/** Dependence on reduced loops and phase of each expression, from its addresses and sources. */
function factsOf({ exprs, outer }: LoopNest): Facts[] {
  const facts: Facts[] = []
  for (const e of exprs) {
    const sources = sourcesOf(e).map((i) => facts[i]!)
    const phase = Math.max(0, ...sources.map((f) => f.phase))
    if (e.op === 'reduce') facts.push({ inner: false, phase: phase + 1 })
    else {
      const moves = 'addr' in e && e.addr.slice(1 + outer).some((c) => c !== 0)
      facts.push({ inner: moves || sources.some((f) => f.inner), phase })
    }
  }
  return facts
}
