// Loops and branches as kernels: their bodies are programs of their own, compiled once and put into the program around. All
// sources are contiguous buffers; nothing joins them.
import type { Kernel, ProgramBuffer } from '../backend/ir.ts'
import type { Body } from '../graph/body.ts'
import { type ControlNode, isControl } from '../graph/control-flow.ts'
import type { DType } from '../graph/dtype.ts'
import { sizeOf } from '../graph/shape.ts'
import type { Lowering, Refusal } from './cluster.ts'
import type { BuiltProgram } from './program.ts'
import { renumbered } from './renumber-kernel.ts'
import { isStored, throughReshapes, type Value, workValue } from './values.ts'

/** Compiles a body: parameters are slots, each result an output of its own. */
export type CompileBody = (body: Body) => BuiltProgram

export const isControlValue = (v: Value): boolean => isControl(v.node)

/** What the program around gives a control kernel. */
interface Surroundings {
  readonly bufferOf: (v: Value) => number
  readonly addBuffer: (buffer: ProgramBuffer, name: string) => number
  /** Offset of an arena value. */
  readonly offsetOf: (v: Value) => number
}

export class ControlLowering implements Lowering {
  readonly kind: 'loop' | 'branch'
  readonly space = null
  readonly members: readonly Value[]
  readonly #node: ControlNode
  readonly #sources: readonly Value[]
  readonly #bodies: readonly BuiltProgram[]
  /** By number of the result: the item, or memory for what no item is. */
  readonly #results: readonly Value[]
  /** By number of the carried value. */
  readonly #spares: readonly Value[]
  readonly #arena: Value
  readonly #flag: Value = workValue('bool', 1)

  private constructor(v: Value, sources: readonly Value[], compile: CompileBody) {
    const node = (this.#node = v.node as ControlNode)
    this.kind = node.prim === 'if' ? 'branch' : 'loop'
    this.members = v.users
    this.#sources = sources
    this.#bodies = bodiesOf(node).map(compile)
    const items = new Map(v.users.map((u) => [u.node.prim === 'item' ? u.node.attrs.index : -1, u]))
    const results = resultsOf(node)
    this.#results = results.map(({ dtype, size }, i) => items.get(i) ?? workValue(dtype, size))
    this.#spares = results.slice(0, carriesOf(node)).map(({ dtype, size }) => workValue(dtype, size))
    this.#arena = workValue('uint8', Math.max(...this.#bodies.map(({ program }) => program.arenaBytes)))
  }

  /** A kernel for `v`, or the source that has to be stored first. */
  static of(v: Value, compile: CompileBody): ControlLowering | Refusal {
    const sources = v.src.map(throughReshapes)
    for (const value of sources) if (!isStored(value)) return { kind: 'store', value }
    return new ControlLowering(v, sources, compile)
  }

  reads(): ReadonlySet<Value> {
    return new Set(this.#sources)
  }
  /** Everything that has to have a place, memory for its own use included. */
  writes(): readonly Value[] {
    const flag = this.#node.prim === 'while' ? [this.#flag] : []
    const arena = this.#arena.size ? [this.#arena] : []
    return [...this.#results, ...this.#spares, ...flag, ...arena]
  }

  get name(): string {
    return this.#node.prim
  }

  add(): Refusal {
    return { kind: 'unaligned' }
  }

  kernel(name: string, around: Surroundings): Kernel {
    const n = this.#node
    if (n.prim === 'if') {
      const [predicate, ...operands] = this.#sources.map(around.bufferOf)
      const results = this.#results.map(around.bufferOf)
      const [yes, no] = this.#bodies.map((body) => this.#inlined(body, operands, results, around))
      return { kind: 'branch', name, predicate: predicate!, yes: yes!, no: no! }
    }
    if (n.prim === 'whilePullback') throw new Error('[compile] a pullback of a while loop was not transposed')
    return n.prim === 'scan'
      ? this.#scan(n.attrs, name, around)
      : this.#while(n.attrs.constants, name, around)
  }

  #scan(
    { body, length, direction, constants, carries }: Extract<ControlNode, { prim: 'scan' }>['attrs'],
    name: string,
    around: Surroundings,
  ): Kernel {
    const first = constants + carries
    const sources = this.#sources.map(around.bufferOf)
    const results = this.#results.map(around.bufferOf)
    const carried = this.#carries(sources.slice(constants, first), around)
    const window = (of: number, { dtype, shape }: { dtype: DType; shape: readonly number[] }) => {
      const size = sizeOf(shape)
      const buffer = around.addBuffer({ dtype, size, place: { kind: 'loop' } }, `element of b${of}`)
      return { buffer, of, start: direction > 0 ? 0 : (length - 1) * size, step: direction * size }
    }
    const elements = sources.slice(first).map((of, i) => window(of, body.params[first + i]!))
    const outputs = results.slice(carries).map((of, i) => window(of, body.results[carries + i]!))
    const params = [
      ...sources.slice(0, constants),
      ...carried.map((c) => c.buffer),
      ...elements.map((w) => w.buffer),
    ]
    const kernels = this.#inlined(
      this.#bodies[0]!,
      params,
      [...carried.map((c) => c.next), ...outputs.map((w) => w.buffer)],
      around,
    )
    const windows = [...elements, ...outputs]
    return { kind: 'loop', name, count: length, condition: null, kernels, windows, carries: carried }
  }

  #while(constants: number, name: string, around: Surroundings): Kernel {
    const sources = this.#sources.map(around.bufferOf)
    const carries = this.#carries(sources.slice(constants), around)
    const params = [...sources.slice(0, constants), ...carries.map((c) => c.buffer)]
    const [test, step] = this.#bodies as [BuiltProgram, BuiltProgram]
    const buffer = around.bufferOf(this.#flag)
    const condition = { kernels: this.#inlined(test, params, [buffer], around), buffer }
    const next = carries.map((c) => c.next)
    const kernels = this.#inlined(step, params, next, around)
    return { kind: 'loop', name, count: 0, condition, kernels, windows: [], carries }
  }

  #carries(initial: readonly number[], around: Surroundings) {
    const buffer = (v: Value): number =>
      around.addBuffer({ dtype: v.dtype, size: v.size, place: { kind: 'loop' } }, 'carried')
    return this.#spares.map((spare, i) => ({
      buffer: buffer(spare),
      next: buffer(spare),
      initial: initial[i]!,
      last: around.bufferOf(this.#results[i]!),
      spare: around.bufferOf(spare),
    }))
  }

  /** Kernels of a body over buffers of the program around. */
  #inlined(
    { program, roots }: BuiltProgram,
    params: readonly number[],
    results: readonly number[],
    around: Surroundings,
  ): Kernel[] {
    const bySlot = new Map<number, number>(params.map((buffer, slot) => [slot, buffer]))
    roots.forEach((place, i) => bySlot.set(place.slot, results[i]!))
    const numbers = program.buffers.map(({ dtype, size, place }) => {
      if (place.kind === 'param') return bySlot.get(place.slot)!
      if (place.kind === 'loop') return around.addBuffer({ dtype, size, place }, 'in a loop')
      const offset = around.offsetOf(this.#arena) + place.offset
      return around.addBuffer({ dtype, size, place: { kind: 'arena', offset } }, 'in a body')
    })
    return program.kernels.map((kernel) => renumbered(kernel, (b) => numbers[b]!))
  }
}

function bodiesOf(n: ControlNode): readonly Body[] {
  switch (n.prim) {
    case 'scan':
      return [n.attrs.body]
    case 'if':
      return [n.attrs.yes, n.attrs.no]
    case 'while':
    case 'whilePullback':
      return [n.attrs.condition, n.attrs.body]
  }
}

const carriesOf = (n: ControlNode): number =>
  n.prim === 'scan' ? n.attrs.carries : n.prim === 'while' ? n.attrs.body.results.length : 0

function resultsOf(n: ControlNode): { readonly dtype: DType; readonly size: number }[] {
  const { results } = n.prim === 'if' ? n.attrs.yes : n.attrs.body
  return results.map(({ dtype, shape }, i) => {
    const times = n.prim === 'scan' && i >= n.attrs.carries ? n.attrs.length : 1
    return { dtype, size: times * sizeOf(shape) }
  })
}
