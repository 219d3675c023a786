// The last step: numbers for buffers and scalars, destinations for roots, and kernels in execution order. What comes out is a
// Program for the code generator and the slots by which the runtime talks to it.
import type { Expr, Kernel, Operand, Place, Program, ProgramBuffer, Store } from '../backend/ir.ts'
import type { Leaf, ScalarLeaf } from '../graph/node.ts'
import type { DraftAttention, DraftKernel, DraftStore } from './draft-kernels.ts'
import type { DraftExpr } from './expressions.ts'
import { type InPlaceRequest, KernelGraph, planInPlace } from './in-place.ts'
import type { DraftOperand } from './lower-contract.ts'
import { lifetimes, orderKernels, planArena } from './memory-plan.ts'
import type { Output, RootPlace } from './plan.ts'
import { throughReshapes, type Value, type ValueGraph } from './values.ts'

const ONE_PLACE: ReadonlySet<string> = new Set(['scatter', 'cumulate', 'sort', 'composite', 'item'])

export interface ProgramRequest {
  readonly graph: ValueGraph
  readonly leaves: readonly Leaf[]
  readonly scalars: readonly ScalarLeaf[]
  /** Root number → slot of the leaf that it replaces. */
  readonly inPlace: ReadonlyMap<number, number>
}

/** A program with the slots of what it computes. */
export interface BuiltProgram {
  readonly program: Program
  readonly outputs: readonly Output[]
  readonly roots: readonly RootPlace[]
  readonly kept: readonly { readonly index: number; readonly slot: number }[]
  /** By buffer number: what lies there, for people. */
  readonly bufferNames: readonly string[]
  /** Sum of all arena buffers without sharing, in bytes. */
  readonly unsharedBytes: number
}

export function buildProgram(request: ProgramRequest, drafts: readonly DraftKernel[]): BuiltProgram {
  return new ProgramBuilder(request, drafts).build()
}

class ProgramBuilder {
  readonly #request: ProgramRequest
  readonly #drafts: readonly DraftKernel[]
  readonly #leafSlots: ReadonlyMap<Leaf, number>
  readonly #scalarSlots: ReadonlyMap<number, number>
  readonly #buffers: ProgramBuffer[] = []
  readonly #names: string[] = []
  readonly #outputs: Output[] = []
  /** Where readers find a value. */
  readonly #homes = new Map<Value, number>()
  readonly #outputSlots = new Map<Value, number>()

  constructor(request: ProgramRequest, drafts: readonly DraftKernel[]) {
    this.#request = request
    this.#drafts = drafts
    this.#leafSlots = new Map(request.leaves.map((leaf, slot) => [leaf, slot]))
    this.#scalarSlots = new Map(request.scalars.map((leaf, slot) => [leaf.id, slot]))
  }

  build(): BuiltProgram {
    const { leaves, scalars, graph } = this.#request
    leaves.forEach((leaf, slot) => this.#param(`leaf ${slot}`, leaf, slot))
    const kernelGraph = new KernelGraph(this.#drafts)
    const replaced = planInPlace(kernelGraph, this.#replacements(), (v) => this.#slotOfLeaf(v))
    this.#placeRoots(replaced)
    const kept = this.#placeKept()
    const inArena = (v: Value): boolean => !this.#homes.has(v)
    const kernels = orderKernels(kernelGraph, inArena)
    const lives = lifetimes(kernels, inArena)
    const arena = planArena(lives)
    for (const [v, offset] of arena.offsets)
      this.#homes.set(v, this.#buffer(`%${v.id}`, v, { kind: 'arena', offset }))
    let unsharedBytes = 0
    for (const life of lives.values()) unsharedBytes += life.bytes
    const program: Program = {
      buffers: this.#buffers,
      kernels: kernels.map((k) => this.#kernel(k, replaced)),
      scalars: scalars.map((s) => s.dtype),
      params: leaves.length + this.#outputs.length,
      arenaBytes: arena.bytes,
    }
    const roots = graph.roots.map((v, i) => this.#rootPlace(v, i, replaced))
    return { program, outputs: this.#outputs, roots, kept, bufferNames: this.#names, unsharedBytes }
  }

  // ---- buffers
  #buffer(
    name: string,
    { dtype, size }: { dtype: ProgramBuffer['dtype']; size: number },
    place: Place,
  ): number {
    this.#buffers.push({ dtype, size, place })
    this.#names.push(name)
    return this.#buffers.length - 1
  }

  #param(name: string, leaf: Leaf, slot: number): void {
    const size = leaf.shape.reduce((n, d) => n * d, 1)
    this.#buffer(name, { dtype: leaf.dtype, size }, { kind: 'param', slot })
  }

  #slotOfLeaf(v: Value): number | undefined {
    return v.node.prim === 'buffer' ? this.#leafSlots.get(v.node.attrs.leaf) : undefined
  }

  /** The buffer that holds `v`; leaves come first, by slot. */
  #bufferOf(v: Value): number {
    return this.#slotOfLeaf(v) ?? this.#homes.get(v)!
  }

  #offsetOf(v: Value): number {
    const { place } = this.#buffers[this.#homes.get(v)!]!
    return place.kind === 'arena' ? place.offset : 0
  }

  #output(v: Value): number {
    let slot = this.#outputSlots.get(v)
    if (slot !== undefined) return slot
    slot = this.#request.leaves.length + this.#outputs.length
    this.#outputSlots.set(v, slot)
    this.#outputs.push({ slot, dtype: v.dtype, size: v.size })
    this.#homes.set(v, this.#buffer(`output ${slot}`, v, { kind: 'param', slot }))
    return slot
  }

  // ---- destinations
  #replacements(): InPlaceRequest[] {
    const { graph, leaves, inPlace } = this.#request
    const requests: InPlaceRequest[] = []
    for (const [root, leafSlot] of inPlace) {
      const value = graph.roots[root]!
      const leaf = leaves[leafSlot]!
      const fits = leaf.dtype === value.dtype && leaf.shape.reduce((n, d) => n * d, 1) === value.size
      // these kernels write to one place only
      const shared = ONE_PLACE.has(value.node.prim) && graph.roots.filter((r) => r === value).length > 1
      if (fits && !shared && value.node.prim !== 'buffer') requests.push({ value, leafSlot })
    }
    return requests
  }

  /** Outputs for the roots that no leaf takes; the first leaf that takes a value is its home if it has no output. */
  #placeRoots(replaced: ReadonlyMap<Value, readonly number[]>): void {
    this.#request.graph.roots.forEach((v, i) => {
      if (v.node.prim !== 'buffer' && !this.#replacesLeaf(v, i, replaced)) this.#output(v)
    })
    for (const [v, slots] of replaced) if (!this.#homes.has(v)) this.#homes.set(v, slots[0]!)
  }

  #replacesLeaf(v: Value, root: number, replaced: ReadonlyMap<Value, readonly number[]>): boolean {
    const slot = this.#request.inPlace.get(root)
    return slot !== undefined && (replaced.get(v)?.includes(slot) ?? false)
  }

  #rootPlace(v: Value, root: number, replaced: ReadonlyMap<Value, readonly number[]>): RootPlace {
    const leaf = this.#slotOfLeaf(v)
    if (leaf !== undefined) return { kind: 'leaf', slot: leaf }
    if (this.#replacesLeaf(v, root, replaced)) return { kind: 'leaf', slot: this.#request.inPlace.get(root)! }
    return { kind: 'output', slot: this.#output(v) }
  }

  /** Kept nodes that some kernel stores anyway get an output; reshapes of them share it. */
  #placeKept(): { index: number; slot: number }[] {
    const stored = new Set<Value>()
    for (const k of this.#drafts) for (const v of k.writes) stored.add(v)
    const shapes = new Map<number, string>()
    for (const v of this.#outputSlots.keys()) shapes.set(this.#outputSlots.get(v)!, String(v.shape))
    const kept: { index: number; slot: number }[] = []
    this.#request.graph.keep.forEach((v, index) => {
      if (!v) return
      const base = throughReshapes(v)
      const free = stored.has(base) && (!this.#homes.has(base) || this.#outputSlots.has(base))
      if (!free) return
      const slot = this.#output(base)
      const shape = shapes.get(slot)
      if (shape !== undefined && shape !== String(v.shape)) return
      shapes.set(slot, String(v.shape))
      kept.push({ index, slot })
    })
    return kept
  }

  // ---- kernels
  #kernel(draft: DraftKernel, replaced: ReadonlyMap<Value, readonly number[]>): Kernel {
    const { name } = draft
    if (draft.kind === 'scatter') {
      const { lowering } = draft
      const [out] = draft.writes as [Value]
      return {
        kind: 'scatter',
        name,
        dtype: out.dtype,
        ...lowering.extents,
        out: this.#bufferOf(out),
        operand: lowering.operand && this.#bufferOf(lowering.operand),
        indices: this.#bufferOf(lowering.indices),
        updates: this.#bufferOf(lowering.updates),
      }
    }
    if (draft.kind === 'control')
      return draft.lowering.kernel(name, {
        bufferOf: (v) => this.#bufferOf(v),
        addBuffer: ({ dtype, size, place }, label) => this.#buffer(label, { dtype, size }, place),
        offsetOf: (v) => this.#offsetOf(v),
      })
    if (draft.kind === 'line') return draft.lowering.kernel(name, (v) => this.#bufferOf(v))
    if (draft.kind === 'attention') return this.#attention(draft)
    const exprs = draft.exprs.map((e) => this.#expr(e))
    const stores = this.#stores(draft.stores, replaced)
    if (draft.kind === 'row')
      return { kind: 'row', name, sizes: draft.sizes, outer: draft.outer, exprs, stores }
    const { a, b, extents, members } = draft.lowering
    return {
      kind: 'contract',
      name,
      dtype: members[0]!.dtype,
      ...extents,
      a: this.#operand(a),
      b: this.#operand(b),
      exprs,
      stores,
    }
  }

  #attention({ name, lowering, writes }: DraftAttention): Kernel {
    const { scale, causal, rate } = lowering.config
    const matrix = (of: string): Operand => this.#operand(lowering.matrix(of)!)
    const vector = (of: string): number => this.#bufferOf(lowering.vector(of)!)
    const output = (part: string): number | null => {
      const v = lowering.part(part)
      return v && writes.includes(v) ? this.#bufferOf(v) : null
    }
    const problem = {
      name,
      ...lowering.extents,
      scale,
      causal,
      q: matrix('q'),
      k: matrix('k'),
      v: matrix('v'),
      mask: lowering.matrix('mask') ? matrix('mask') : null,
      dropout: rate > 0 ? { rate, stream: vector('stream') } : null,
    }
    if (lowering.kind === 'attention')
      return { kind: 'attention', ...problem, out: output('output'), logSum: output('logSum') }
    return {
      kind: 'attentionGrad',
      ...problem,
      logSum: vector('logSum'),
      delta: vector('delta'),
      ct: matrix('ct'),
      dq: output('query'),
      dk: output('key'),
      dv: output('value'),
    }
  }

  #operand({ value, ...view }: DraftOperand): Operand {
    return { buffer: this.#bufferOf(value), ...view }
  }

  #expr(e: DraftExpr): Expr {
    if (e.op === 'load') return { ...e, buffer: this.#bufferOf(e.buffer) }
    if (e.op === 'scalar') return { ...e, slot: this.#scalarSlots.get(e.slot)! }
    return { ...e }
  }

  /** Each value to its home, then to the other leaves that it replaces. */
  #stores(stores: readonly DraftStore[], replaced: ReadonlyMap<Value, readonly number[]>): Store[] {
    const first: Store[] = []
    const second: Store[] = []
    for (const { value, expr, addr, fill } of stores) {
      const home = this.#homes.get(value)!
      const store = fill === undefined ? { buffer: home, expr, addr } : { buffer: home, expr, addr, fill }
      if (home < this.#request.leaves.length) second.push(store)
      else first.push(store)
      for (const slot of replaced.get(value) ?? [])
        if (slot !== home) second.push({ buffer: slot, expr, addr })
    }
    return [...first, ...second]
  }
}
