// The Tensor: an immutable handle on a value that is computed when somebody needs it.
import { DisposedError } from '../errors.ts'
import type { DType, DataOf, TypedArray } from '../graph/dtype.ts'
import { hasReadyBackend, ready, readyBackend } from '../backend/registry.ts'
import { bytesAllocated, NotOnHostError, Storage } from '../backend/storage.ts'
import type { Node } from '../graph/node.ts'
import { serial } from '../graph/node.ts'
import { buffer } from '../graph/primitives.ts'
import { sizeOf } from '../graph/shape.ts'
import { flush, flushIfLong, tracedValueError } from './evaluate.ts'
import {
  Handle,
  handlesMade,
  isTracing,
  nodeOfHandle,
  storageOf,
  storageOfHandle,
  typeOfHandle,
} from './handle.ts'
import { hostArray, nest } from './host-array.ts'
import { leavesReachedFrom, markUsed, releaseWhenUnused } from './lifetime.ts'
import { formatTensor } from './print.ts'
import { keep } from './scope.ts'
import type { ArrayOf, Shape, ShapeMark, TensorLike, TensorMethods } from './types.ts'

/** A value with a node that changes over time: a Variable reads the version that is current. */
export interface Current {
  currentNode(): Node
}

/** After this many new device bytes, or handles, `data()` lets the garbage collector's callbacks run. */
const YIELD_AFTER_BYTES = 32 * 2 ** 20
const YIELD_AFTER_HANDLES = 10_000
let bytesAtYield = 0
let handlesAtYield = 0

/**
 * An immutable n-dimensional array of one dtype. Operations return at once; values are computed when read.
 *
 * Nothing has to be disposed: memory follows the garbage collector. For exact lifetimes there are `dispose()`, `using`,
 * `tidy` and `keep`.
 */
export class Tensor<S extends Shape = any, D extends DType = any> extends Handle {
  /** Unique number of this handle. */
  readonly id: number = serial()
  #shape: number[] | undefined

  /** Sizes of the dimensions. */
  get shape(): { -readonly [K in keyof S]: number } {
    return (this.#shape ??= [...typeOfHandle(this).shape]) as { -readonly [K in keyof S]: number }
  }
  /** Element type. */
  get dtype(): D {
    return typeOfHandle(this).dtype as D
  }
  /** Number of elements. */
  get size(): number {
    return sizeOf(typeOfHandle(this).shape)
  }
  /** Number of dimensions. */
  get rank(): number {
    return typeOfHandle(this).shape.length
  }

  /**
   * The values in row-major order, a fresh copy each time.
   * @throws BackendError when no backend is registered or none starts; an error when the tensor was disposed, or inside a trace
   */
  data(): Promise<DataOf<D>> {
    // the value is fixed here, before anything is waited for: it may be assigned or disposed meanwhile
    const storage = knownStorage('data', this)
    if (storage) return readStorage(storage) as Promise<DataOf<D>>
    const node = currentNode('data', 'x', this)
    for (const { tracer } of isTracing() ? leavesReachedFrom([node]) : [])
      if (tracer) throw tracedValueError(tracer)
    if (!hasReadyBackend()) return readWhenReady(node) as Promise<DataOf<D>>
    try {
      return readStorage(compute('data', this)) as Promise<DataOf<D>>
    } catch (error) {
      if (!(error instanceof NotOnHostError)) throw error
      return readWhenFetched(node, error) as Promise<DataOf<D>>
    }
  }

  /**
   * The values at once, a fresh copy.
   * @throws when no backend is ready ("await ready()" once), or the backend cannot be read synchronously
   */
  dataSync(): DataOf<D> {
    const storage = knownStorage('dataSync', this) ?? compute('dataSync', this)
    return storage.readSync() as DataOf<D>
  }

  /** The values as nested arrays (a bare number for shape []). */
  async array(): Promise<ArrayOf<S, D>> {
    return nest(await this.data(), this.shape) as ArrayOf<S, D>
  }
  /** {@link array} at once; throws as {@link dataSync} does. */
  arraySync(): ArrayOf<S, D> {
    return nest(this.dataSync(), this.shape) as ArrayOf<S, D>
  }

  /** Prints the values, shortened, to the console. */
  print(verbose = false): void {
    console.log(this.toString(verbose))
  }
  /** The values, shortened; without a ready backend, shape and dtype alone. */
  override toString(verbose = false): string {
    if (this.isDisposed) return `Tensor (disposed) ${this.dtype} [${String(this.shape)}]`
    return formatTensor(this.dataSync(), this.shape, this.dtype, verbose)
  }
}
// What the class has beyond this file: the phantom that makes shapes comparable, and the chained methods of methods.ts.
export interface Tensor<S extends Shape = any, D extends DType = any>
  extends TensorMethods, ShapeMark<S, D> {}

/** A copy of a value, which is neither freed nor overwritten between the call and the reading. */
async function readStorage(storage: Storage): Promise<TypedArray> {
  let values: TypedArray
  storage.own()
  try {
    if (!storage.hostData && !hasReadyBackend()) await ready()
    values = await storage.read()
  } finally {
    if (storage.disown()) releaseWhenUnused(storage)
  }
  await yieldToCollector()
  return values
}

/** Waits for the first backend, holding the node through a handle of its own. */
async function readWhenReady(node: Node): Promise<TypedArray> {
  const held = keep(new Tensor(node))
  try {
    await ready()
    return await readStorage(knownStorage('data', held) ?? compute('data', held))
  } finally {
    held.dispose()
  }
}

/** Computes what needs values from a device that is only read asynchronously: fetches one after the other, and tries again. */
async function readWhenFetched(node: Node, missing: NotOnHostError): Promise<TypedArray> {
  const held = keep(new Tensor(node))
  try {
    for (let { storage } = missing; ;) {
      await storage.fetch()
      try {
        return await readStorage(knownStorage('data', held) ?? compute('data', held))
      } catch (error) {
        if (!(error instanceof NotOnHostError) || error.storage === storage) throw error
        storage = error.storage
      }
    }
  } finally {
    held.dispose()
  }
}

function assertUsable(op: string, name: string, x: Tensor): void {
  if (x.isDisposed)
    throw new DisposedError(
      `[${op}] ${name} is disposed (${x.dtype} [${String(x.shape)}]); keep() it, return it from tidy(), or do not dispose it before use`,
    )
}

/** Where the value of `x` lies, if it has been computed. */
export function knownStorage(op: string, x: Tensor): Storage | null {
  assertUsable(op, 'x', x)
  const current = (x as unknown as Partial<Current>).currentNode
  return current ? storageOf(current.call(x)) : storageOfHandle(x)
}

/** Computes `x` on the backend that is ready. */
function compute(op: string, x: Tensor): Storage {
  const node = currentNode(op, 'x', x)
  if (node.prim === 'buffer' && node.attrs.leaf.tracer) throw tracedValueError(node.attrs.leaf.tracer)
  flush([node], op, readyBackend(op))
  return storageOf(node)!
}

function currentNode(op: string, name: string, x: Tensor): Node {
  assertUsable(op, name, x)
  const current = (x as unknown as Partial<Current>).currentNode
  return current ? current.call(x) : nodeOfHandle(x)
}

/**
 * The graph node of an argument. Host values are copied.
 * @param op the operation, for errors
 * @param name the argument's name, for errors
 * @param dtype for host values: the dtype they take
 */
export function nodeOf(op: string, name: string, x: Tensor | TensorLike, dtype?: DType): Node {
  if (x instanceof Tensor) {
    const node = currentNode(op, name, x)
    const storage = storageOf(node)
    if (storage) markUsed(storage)
    return node
  }
  if (x === null || x === undefined)
    throw new Error(
      `[${op}] Argument '${name}' passed to '${op}' must be a Tensor or TensorLike, but got '${String(x)}'`,
    )
  return hostNode(op, x, undefined, dtype)
}

/** A leaf that holds a copy of `values`. */
export function hostNode(op: string, values: TensorLike, shape?: readonly number[], dtype?: DType): Node {
  const host = hostArray(op, values, shape, dtype)
  return buffer(Storage.fromHost(host.shape, host.dtype, host.data))
}

/** A new handle on a node, in the current scope. */
export function fromNode<T extends Tensor = Tensor>(node: Node): T {
  flushIfLong()
  return new Tensor(node) as T
}

/** A new handle on a computed value, in the current scope. Makes no node. */
export const fromStorage = (storage: Storage): Tensor => new Tensor(storage)

/** Lets finalizers run when much has been made since the last time: they, and targets of weak references, need a macrotask. */
export async function yieldToCollector(): Promise<void> {
  if (
    bytesAllocated() - bytesAtYield < YIELD_AFTER_BYTES &&
    handlesMade() - handlesAtYield < YIELD_AFTER_HANDLES
  )
    return
  bytesAtYield = bytesAllocated()
  handlesAtYield = handlesMade()
  await new Promise<void>((resolve) => {
    const channel = new MessageChannel()
    channel.port1.addEventListener('message', () => {
      channel.port1.close()
      resolve()
    })
    channel.port1.start()
    channel.port2.postMessage(null)
  })
}
