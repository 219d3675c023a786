// Where a value lies: on the host until a program needs it, then in a device buffer. The buffer is freed when nobody can
// reach it any more: at once when its last handle is disposed, else when the garbage collector finds it. The collector
// does not see device memory, so each buffer drags an untouched ballast of a quarter of its size along (ARCHITECTURE §7).
import type { Backend, Pointer } from './contract.ts'
import { bytesOf, type DType, type TypedArray } from '../graph/dtype.ts'
import { carriesHostValue, setHostLeafFactory } from '../graph/host-values.ts'
import { type Leaf, serial } from '../graph/node.ts'
import { type Dims, sizeOf } from '../graph/shape.ts'

const BALLAST_SHARE = 4
const BALLAST_FROM = 1024

let allocatedBytes = 0
/** Bytes allocated since the start; the runtime yields to the collector by the growth of this. */
export const bytesAllocated = (): number => allocatedBytes

const slowBuffer = (globalThis as { Buffer?: { allocUnsafeSlow(n: number): { buffer: ArrayBuffer } } }).Buffer
const makeBallast = (bytes: number): ArrayBuffer | null =>
  bytes < BALLAST_FROM
    ? null
    : slowBuffer
      ? slowBuffer.allocUnsafeSlow(Math.ceil(bytes / BALLAST_SHARE)).buffer
      : new ArrayBuffer(Math.ceil(bytes / BALLAST_SHARE))

/** What outlives a storage that the collector takes: its memory on a device, and its part in the counts. */
interface Estate {
  backend: Backend | null
  pointer: Pointer
  readonly bytes: number
  /** Handles that have not been disposed. */
  handles: number
  /** Handles, variables and programs that hold the value. */
  owners: number
}

/** Logical counts, as tfjs has them: values that a handle, a variable or a program owns. */
export const logical = { handles: 0, storages: 0, bytes: 0 }

function settleEstate(estate: Estate): void {
  freeDevice(estate)
  logical.handles -= estate.handles
  estate.handles = 0
  if (estate.owners > 0) countStorage(estate, -1)
  estate.owners = 0
}
function freeDevice(estate: Estate): void {
  estate.backend?.free(estate.pointer, estate.bytes)
  estate.backend = null
}
function countStorage({ bytes }: Estate, sign: 1 | -1): void {
  logical.storages += sign
  logical.bytes += sign * bytes
}
const collected = new FinalizationRegistry<Estate>(settleEstate)

// Registering a finalizer costs more than a small step. Small values wait here first: most are disposed soon.
const YOUNG_BYTES = 4096
const YOUNG_LIMIT = 128
let young: Storage[] = []

/** Registers the small values that are still alive with the collector. */
export function settleYoung(): void {
  const grown = young
  young = []
  for (const storage of grown) storage.register()
}

/** A value is needed at once and lies on a device that answers later; `data()` fetches it and tries again. */
export class NotOnHostError extends Error {
  override readonly name: string = 'NotOnHostError'
  readonly storage: Storage
  constructor(storage: Storage, backend: string) {
    super(
      `[dataSync] the backend "${backend}" can only be read asynchronously; use "await x.data()" (a value that is to be ` +
        `used on another backend is moved by it, too)`,
    )
    this.storage = storage
  }
}

/** A value: shape, dtype, and where its bytes are. The leaf of `buffer` nodes. */
export class Storage implements Leaf {
  readonly id: number = serial()
  readonly shape: Dims
  readonly dtype: DType
  /** Elements. */
  readonly size: number
  /** The flush during which an uncomputed node last took this as a source; see `evaluate.ts`. */
  usedIn = -1
  /** Stale values that would be computed from this one; see `handle.ts`. */
  pins = 0
  #signature: string | undefined
  #data: TypedArray | undefined
  readonly #estate: Estate
  /** Never read: its size is what the garbage collector sees of the device buffer. */
  #ballast: ArrayBuffer | null = null
  #freed = false
  #registered = false

  private constructor(shape: Dims, dtype: DType, data: TypedArray | undefined) {
    this.shape = shape
    this.dtype = dtype
    this.size = sizeOf(shape)
    this.#data = data
    this.#estate = { backend: null, pointer: 0, bytes: this.size * bytesOf(dtype), handles: 0, owners: 0 }
    if (this.#estate.bytes >= YOUNG_BYTES) this.register()
    else if (young.push(this) >= YOUNG_LIMIT) settleYoung()
  }

  /** From now on the collector settles this value when nobody can reach it. */
  register(): void {
    if (this.#freed) return
    this.#registered = true
    collected.register(this, this.#estate, this)
  }

  /** Takes `data` over: nobody may change it afterwards. */
  static fromHost(shape: Dims, dtype: DType, data: TypedArray): Storage {
    return new Storage(shape, dtype, data)
  }
  /** Memory on `backend` for a value that a program is about to write. */
  static allocate(shape: Dims, dtype: DType, backend: Backend): Storage {
    const storage = new Storage(shape, dtype, undefined)
    storage.#allocate(backend)
    return storage
  }

  #allocate(backend: Backend): void {
    const estate = this.#estate
    estate.pointer = backend.allocate(estate.bytes)
    estate.backend = backend
    this.#ballast = makeBallast(estate.bytes)
    allocatedBytes += estate.bytes
  }

  /** Handles, variables and programs that hold this value and have not given it up. */
  get owners(): number {
    return this.#estate.owners
  }
  /** A new owner; `handle` when it is a user's. */
  own(handle = false): void {
    if (this.#estate.owners++ === 0) countStorage(this.#estate, 1)
    if (!handle) return
    this.#estate.handles++
    logical.handles++
  }
  /** An owner gives the value up. Returns true for the last one. */
  disown(handle = false): boolean {
    if (handle) {
      this.#estate.handles--
      logical.handles--
    }
    if (--this.#estate.owners > 0) return false
    countStorage(this.#estate, -1)
    return true
  }

  get bytes(): number {
    return this.#estate.bytes
  }
  /** Shape and dtype as text: a part of keys. */
  get signature(): string {
    return (this.#signature ??= `${this.dtype}[${this.shape.join()}]`)
  }
  get isFreed(): boolean {
    return this.#freed
  }
  /** The small integer value that shape arithmetic may use. */
  get host(): TypedArray | undefined {
    return this.#data && carriesHostValue(this.shape, this.dtype) ? this.#data : undefined
  }
  /** The value on the host, when it is there. Not to be changed. */
  get hostData(): TypedArray | undefined {
    return this.#data
  }

  /** Where the value lies on `backend`; uploads, or moves from another backend, if it must. */
  pointerOn(backend: Backend): Pointer {
    const estate = this.#estate
    return estate.backend === backend ? estate.pointer : this.#upload(backend)
  }

  #upload(backend: Backend): Pointer {
    const data = this.#data ?? this.readSync()
    const old = { ...this.#estate }
    this.#allocate(backend)
    backend.write(this.#estate.pointer, data)
    old.backend?.free(old.pointer, old.bytes)
    if (!carriesHostValue(this.shape, this.dtype)) this.#data = undefined
    return this.#estate.pointer
  }

  /** The buffer's contents were overwritten: what the host remembered is no longer true. */
  overwritten(): void {
    this.#data = undefined
  }

  /** A fresh copy on the host. */
  async read(): Promise<TypedArray> {
    if (this.#data) return this.#data.slice()
    return this.#deviceBackend().read(this.#estate.pointer, this.dtype, this.size)
  }
  /** @throws NotOnHostError when the value lies on a device that is only read asynchronously */
  readSync(): TypedArray {
    if (this.#data) return this.#data.slice()
    const backend = this.#deviceBackend()
    if (!backend.readSync) throw new NotOnHostError(this, backend.name)
    return backend.readSync(this.#estate.pointer, this.dtype, this.size)
  }
  /** Brings a copy to the host, so that {@link readSync} and other backends find it there until it is overwritten. */
  async fetch(): Promise<void> {
    const data = await this.read()
    if (!this.#freed) this.#data ??= data
  }
  #deviceBackend(): Backend {
    if (!this.#estate.backend) throw new Error('[storage] the value has been freed')
    return this.#estate.backend
  }

  /** A second storage with the same contents. */
  copy(backend: Backend): Storage {
    if (this.#data) return Storage.fromHost(this.shape, this.dtype, this.#data.slice())
    const from = this.pointerOn(backend)
    const to = Storage.allocate(this.shape, this.dtype, backend)
    backend.copy(from, to.pointerOn(backend), this.bytes)
    return to
  }

  /** Frees the memory now. Only when nobody needs the value. */
  free(): void {
    if (this.#freed) return
    this.#freed = true
    if (this.#registered) collected.unregister(this)
    settleEstate(this.#estate)
    this.#ballast = null
    this.#data = undefined
  }
}

setHostLeafFactory((shape, dtype, host) => Storage.fromHost(shape, dtype, host))
