// The buffers of one kernel as WGSL bindings, and how elements get in and out of them. float32 and int32 lie as they are;
// uint8 and bool lie as bytes, four to a u32 word, exactly as on the host: a read shifts and masks, a write goes through two
// atomics that touch only its own byte, so neighbours that are written at the same time do not lose theirs.
import type { Program } from '@dl/tensor/backend'
import { requireDType } from '../errors.ts'
import { fromWord, type ShaderDType, toWord, VALUE_TYPE } from './values.ts'

/** A resource that whoever runs the kernel binds at `@group(0) @binding(binding)`. */
export interface WgslBinding {
  readonly binding: number
  /** `scalars`: the program's run-time scalars, one 32-bit word a slot (uint8 and bool as u32). */
  readonly kind: 'buffer' | 'scalars'
  /** Numbers of the program buffers that lie here (several when the plan works in place); empty for `scalars`. */
  readonly buffers: readonly number[]
  readonly access: 'read' | 'read_write'
}

interface Slot {
  readonly index: number
  readonly buffers: number[]
  readonly dtypes: Set<ShaderDType>
  written: boolean
}
const isByte = (d: ShaderDType): boolean => d === 'uint8' || d === 'bool'

export class Bindings {
  readonly #program: Program
  readonly #kernel: string
  readonly #slots = new Map<string, Slot>()
  readonly #helpers = new Set<string>()
  #scalars: number | null = null

  /**
   * @param reads program buffers that the kernel loads
   * @param writes program buffers that it stores
   */
  constructor(
    program: Program,
    kernel: string,
    reads: Iterable<number>,
    writes: Iterable<number>,
    scalars: boolean,
  ) {
    this.#program = program
    this.#kernel = kernel
    for (const b of reads) this.#add(b, false)
    for (const b of writes) this.#add(b, true)
    if (scalars) this.#scalars = this.#slots.size
  }

  #add(buffer: number, written: boolean): void {
    const { place, dtype } = this.#program.buffers[buffer]!
    requireDType(written ? 'store' : 'load', dtype, this.#kernel)
    if (place.kind === 'loop') throw new Error(`[webgpu] buffer ${buffer} is placed by a loop`)
    const key = place.kind === 'param' ? `p${place.slot}` : `a${place.offset}`
    let slot = this.#slots.get(key)
    if (!slot)
      this.#slots.set(
        key,
        (slot = { index: this.#slots.size, buffers: [], dtypes: new Set(), written: false }),
      )
    if (!slot.buffers.includes(buffer)) slot.buffers.push(buffer)
    slot.dtypes.add(dtype as ShaderDType)
    slot.written ||= written
  }

  #slot(buffer: number): Slot {
    for (const slot of this.#slots.values()) if (slot.buffers.includes(buffer)) return slot
    throw new Error(`[webgpu] kernel "${this.#kernel}" uses buffer ${buffer} without having announced it`)
  }
  /** True when both buffers are one piece of memory. */
  same(a: number, b: number): boolean {
    return this.#slot(a) === this.#slot(b)
  }

  /** f32, i32, a word that is read through bits, or a word that is written byte by byte. */
  #element(slot: Slot): 'f32' | 'i32' | 'u32' | 'atomic<u32>' {
    const dtypes = [...slot.dtypes]
    if (!dtypes.some(isByte)) return dtypes.length > 1 ? 'u32' : dtypes[0] === 'float32' ? 'f32' : 'i32'
    return slot.written ? 'atomic<u32>' : 'u32'
  }

  /** Element number `index` (i32) of a program buffer, as a register value. */
  load(buffer: number, index: string): string {
    const slot = this.#slot(buffer)
    const dtype = this.#program.buffers[buffer]!.dtype as ShaderDType
    const element = this.#element(slot)
    const name = `b${slot.index}`
    if (!isByte(dtype) && element === VALUE_TYPE[dtype]) return `${name}[${index}]`
    if (isByte(dtype)) {
      const word = element === 'u32' ? `${name}[i >> 2u]` : `atomicLoad(&${name}[i >> 2u])`
      this.#helpers.add(`fn load_${name}(i: i32) -> u32 { return (${word} >> (u32(i & 3i) << 3u)) & 255u; }`)
      return fromWord(`load_${name}(${index})`, dtype)
    }
    return fromWord(element === 'u32' ? `${name}[${index}]` : `atomicLoad(&${name}[${index}])`, dtype)
  }

  /** The statement that stores register value `value` at element `index` (i32). */
  store(buffer: number, index: string, value: string): string {
    const slot = this.#slot(buffer)
    const dtype = this.#program.buffers[buffer]!.dtype as ShaderDType
    const element = this.#element(slot)
    const name = `b${slot.index}`
    if (!isByte(dtype) && element === VALUE_TYPE[dtype]) return `${name}[${index}] = ${value};`
    const word = toWord(value, dtype)
    if (!isByte(dtype))
      return element === 'u32' ? `${name}[${index}] = ${word};` : `atomicStore(&${name}[${index}], ${word});`
    this.#helpers.add(
      `fn store_${name}(i: i32, value: u32) {
  let shift = u32(i & 3i) << 3u;
  atomicAnd(&${name}[i >> 2u], ~(255u << shift));
  atomicOr(&${name}[i >> 2u], value << shift);
}`,
    )
    return `store_${name}(${index}, ${word});`
  }

  /** The run-time scalar of a slot. */
  scalar(slot: number, dtype: ShaderDType): string {
    return fromWord(`scalars[${slot}]`, dtype)
  }

  /** Declarations for the head of the module. */
  declarations(): string[] {
    const lines = [...this.#slots.values()].map(
      (slot) =>
        `@group(0) @binding(${slot.index}) var<storage, ${slot.written ? 'read_write' : 'read'}> b${slot.index}: array<${this.#element(slot)}>;`,
    )
    if (this.#scalars !== null)
      lines.push(`@group(0) @binding(${this.#scalars}) var<storage, read> scalars: array<u32>;`)
    return lines
  }

  /** Byte accessors that {@link load} and {@link store} called. */
  helpers(): string[] {
    return [...this.#helpers]
  }

  list(): WgslBinding[] {
    const list: WgslBinding[] = [...this.#slots.values()].map((slot) => ({
      binding: slot.index,
      kind: 'buffer',
      buffers: slot.buffers,
      access: slot.written ? 'read_write' : 'read',
    }))
    if (this.#scalars !== null)
      list.push({ binding: this.#scalars, kind: 'scalars', buffers: [], access: 'read' })
    return list
  }
}
