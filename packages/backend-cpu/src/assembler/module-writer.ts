// Collects functions and writes a WebAssembly module that imports one memory, the number of the thread that runs it and,
// when asked, functions of the host.
import { Bytes } from './bytes.ts'
import { FunctionWriter } from './function-writer.ts'
import { F64, I32 } from './opcodes.ts'
import type { ValueType } from './opcodes.ts'

interface HostFunction {
  readonly index: number
  readonly arity: number
}

/** Largest 32-bit memory in pages of 64 KiB. */
export const MAX_PAGES = 65536

export class ModuleWriter {
  /** The memory is one that threads share. */
  readonly sharedMemory: boolean
  readonly #functions: FunctionWriter[] = []
  readonly #imports: Map<string, HostFunction> = new Map()
  readonly #shared: Map<string, FunctionWriter> = new Map()

  constructor(sharedMemory: boolean) {
    this.sharedMemory = sharedMemory
  }

  /** A function of type (f64 …) → f64 that the instance is given under `name`. Only before the first own function. */
  importHost(name: string, arity: number): HostFunction {
    const known = this.#imports.get(name)
    if (known) return known
    if (this.#functions.length > 0)
      throw new Error(`[cpu] host function ${name} must be imported before functions are written`)
    const fn = { index: this.#imports.size, arity }
    this.#imports.set(name, fn)
    return fn
  }

  host(name: string): HostFunction {
    const fn = this.#imports.get(name)
    if (!fn) throw new Error(`[cpu] host function ${name} was not imported`)
    return fn
  }

  get imported(): readonly string[] {
    return [...this.#imports.keys()]
  }

  function(name: string, params: readonly ValueType[], results: readonly ValueType[] = []): FunctionWriter {
    const fn = new FunctionWriter(this.#imports.size + this.#functions.length, name, params, results)
    this.#functions.push(fn)
    return fn
  }

  /** The function that `make` writes, once for each key in a module. */
  shared(key: string, make: () => FunctionWriter): FunctionWriter {
    let fn = this.#shared.get(key)
    if (!fn) this.#shared.set(key, (fn = make()))
    return fn
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const out = new Bytes(4096)
    for (const b of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(b)
    const section = (id: number, write: (content: Bytes) => void): void => {
      const content = new Bytes()
      write(content)
      out.byte(id)
      out.unsigned(content.length)
      out.append(content)
    }
    const typeOf = this.#writeTypes(section)
    section(2, (s) => {
      s.unsigned(2 + this.#imports.size)
      s.name('m')
      s.name('memory')
      s.byte(2)
      s.byte(this.sharedMemory ? 3 : 1)
      s.unsigned(0)
      s.unsigned(MAX_PAGES)
      s.name('m')
      s.name('thread')
      s.byte(3)
      s.byte(I32)
      s.byte(0)
      for (const [name, { arity }] of this.#imports) {
        s.name('h')
        s.name(name)
        s.byte(0)
        s.unsigned(
          typeOf(
            Array.from({ length: arity }, () => F64),
            [F64],
          ),
        )
      }
    })
    section(3, (s) => {
      s.unsigned(this.#functions.length)
      for (const f of this.#functions) s.unsigned(typeOf(f.params, f.results))
    })
    section(7, (s) => {
      const exported = this.#functions.filter((f) => f.name !== '')
      s.unsigned(exported.length)
      for (const f of exported) {
        s.name(f.name)
        s.byte(0)
        s.unsigned(f.index)
      }
    })
    section(10, (s) => {
      s.unsigned(this.#functions.length)
      for (const f of this.#functions) f.writeTo(s)
    })
    return out.take()
  }

  #writeTypes(
    section: (id: number, write: (content: Bytes) => void) => void,
  ): (params: readonly ValueType[], results: readonly ValueType[]) => number {
    const known = new Map<string, number>()
    const signatures: [readonly ValueType[], readonly ValueType[]][] = []
    const typeOf = (params: readonly ValueType[], results: readonly ValueType[]): number => {
      const key = `${params.join()}>${results.join()}`
      let index = known.get(key)
      if (index === undefined) {
        known.set(key, (index = signatures.length))
        signatures.push([params, results])
      }
      return index
    }
    for (const { arity } of this.#imports.values())
      typeOf(
        Array.from({ length: arity }, () => F64),
        [F64],
      )
    for (const f of this.#functions) typeOf(f.params, f.results)
    section(1, (s) => {
      s.unsigned(signatures.length)
      for (const [params, results] of signatures) {
        s.byte(0x60)
        for (const list of [params, results]) {
          s.unsigned(list.length)
          for (const type of list) s.byte(type)
        }
      }
    })
    return typeOf
  }
}
