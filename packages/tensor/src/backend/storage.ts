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

interface Allocation {
  readonly backend: Backend
  readonly pointer: Pointer
  readonly bytes: number
}

let allocatedBytes = 0
let liveBuffers = 0
/** Bytes allocated since the start; the runtime yields to the collector by the growth of this. */
export const bytesAllocated = (): number => allocatedBytes
/** Device buffers that are alive. */
export const deviceBuffers = (): number => liveBuffers

const release = ({ backend, pointer, bytes }: Allocation): void => {
  liveBuffers--
  backend.free(pointer, bytes)
}
const finalizer = new FinalizationRegistry<Allocation>(release)

const slowBuffer = (globalThis as { Buffer?: { allocUnsafeSlow(n: number): { buffer: ArrayBuffer } } }).Buffer
const makeBallast = (bytes: number): ArrayBuffer | null =>
  bytes < BALLAST_FROM
    ? null
    : slowBuffer
      ? slowBuffer.allocUnsafeSlow(Math.ceil(bytes / BALLAST_SHARE)).buffer
      : new ArrayBuffer(Math.ceil(bytes / BALLAST_SHARE))

/** Memory of one backend, freed when this object is. */
export class DeviceBuffer {
  readonly backend: Backend
  readonly pointer: Pointer
  readonly bytes: number
  readonly ballast: ArrayBuffer | null
  constructor(backend: Backend, bytes: number) {
    this.backend = backend
    this.bytes = bytes
    this.pointer = backend.allocate(bytes)
    this.ballast = makeBallast(bytes)
    allocatedBytes += bytes
    liveBuffers++
    finalizer.register(this, { backend, pointer: this.pointer, bytes }, this)
  }
  free(): void {
    finalizer.unregister(this)
    release(this)
  }
}

/** A value: shape, dtype, and where its bytes are. The leaf of `buffer` nodes. */
export class Storage implements Leaf {
  readonly id: number = serial()
  readonly shape: Dims
  readonly dtype: DType
  /** Elements. */
  readonly size: number
  /** Handles and variables that own this value and have not been disposed. */
  owners = 0
  /** The flush during which an uncomputed node last took this as a source; see `evaluate.ts`. */
  usedIn = -1
  #signature: string | undefined
  #data: TypedArray | undefined
  #device: DeviceBuffer | undefined
  #freed = false

  private constructor(shape: Dims, dtype: DType, data: TypedArray | undefined, device: DeviceBuffer | undefined) {
    this.shape = shape
    this.dtype = dtype
    this.size = sizeOf(shape)
    this.#data = data
    this.#device = device
  }

  /** Takes `data` over: nobody may change it afterwards. */
  static fromHost(shape: Dims, dtype: DType, data: TypedArray): Storage {
    return new Storage(shape, dtype, data, undefined)
  }
  static onDevice(shape: Dims, dtype: DType, device: DeviceBuffer): Storage {
    return new Storage(shape, dtype, undefined, device)
  }
  static allocate(shape: Dims, dtype: DType, backend: Backend): Storage {
    return Storage.onDevice(shape, dtype, new DeviceBuffer(backend, sizeOf(shape) * bytesOf(dtype)))
  }

  get bytes(): number {
    return this.size * bytesOf(this.dtype)
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
    const device = this.#device
    if (device !== undefined && device.backend === backend) return device.pointer
    return this.#upload(backend)
  }

  #upload(backend: Backend): Pointer {
    if (this.#freed) throw new Error('[storage] the value has been freed')
    const old = this.#device
    const data = this.#data ?? old?.backend.readSync?.(old.pointer, this.dtype, this.size)
    if (!data)
      throw new Error(
        `[backend] a tensor lies on "${old?.backend.name}", which cannot be read synchronously; ` +
          `"await tensor.data()" it and make a new tensor after changing the backend`,
      )
    const device = new DeviceBuffer(backend, this.bytes)
    backend.write(device.pointer, data)
    old?.free()
    this.#device = device
    if (!carriesHostValue(this.shape, this.dtype)) this.#data = undefined
    return device.pointer
  }

  /** The buffer's contents were overwritten: what the host remembered is no longer true. */
  overwritten(): void {
    this.#data = undefined
  }

  /** A fresh copy on the host. */
  async read(): Promise<TypedArray> {
    if (this.#data) return this.#data.slice() as TypedArray
    const device = this.#deviceOrThrow()
    return device.backend.read(device.pointer, this.dtype, this.size)
  }
  readSync(): TypedArray {
    if (this.#data) return this.#data.slice() as TypedArray
    const device = this.#deviceOrThrow()
    if (!device.backend.readSync)
      throw new Error(`[dataSync] the backend "${device.backend.name}" can only be read asynchronously; use "await x.data()"`)
    return device.backend.readSync(device.pointer, this.dtype, this.size)
  }
  #deviceOrThrow(): DeviceBuffer {
    if (!this.#device) throw new Error('[storage] the value has been freed')
    return this.#device
  }

  /** A second storage with the same contents. */
  copy(backend: Backend): Storage {
    if (this.#data) return Storage.fromHost(this.shape, this.dtype, this.#data.slice() as TypedArray)
    const from = this.pointerOn(backend)
    const to = Storage.allocate(this.shape, this.dtype, backend)
    backend.copy(from, to.pointerOn(backend), this.bytes)
    return to
  }

  /** Frees the memory now. Only when nobody needs the value. */
  free(): void {
    if (this.#freed) return
    this.#freed = true
    this.#device?.free()
    this.#device = undefined
    this.#data = undefined
  }
}

setHostLeafFactory((shape, dtype, host) => Storage.fromHost(shape, dtype, host))
