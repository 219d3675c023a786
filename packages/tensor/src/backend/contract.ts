// What a backend promises. Two levels: a kernel backend gets scheduled programs, a graph backend gets the graph itself.
import type { CompositeKind } from '../graph/composite.ts'
import type { DType, TypedArray } from '../graph/dtype.ts'
import type { Leaf, Node, ScalarLeaf } from '../graph/node.ts'
import type { Program } from './ir.ts'

/** Version of this contract; two copies of `@dl/tensor` share one registry only when it is equal. */
export const CONTRACT_VERSION = 1

/** A buffer as its backend names it: a byte offset in a heap, or the number of a table entry. */
export type Pointer = number

/** From the allocator: what the memory really costs. All in bytes, or counts. */
export interface PhysicalMemory {
  /** Bytes in buffers and arenas that are in use. */
  readonly liveBytes: number
  readonly peakBytes: number
  /** Bytes that the backend holds from the system. */
  readonly reservedBytes: number
  readonly buffers: number
  /** Compiled modules that are alive. */
  readonly modules: number
}

/** What the scheduler may count on. */
export interface Capabilities {
  readonly dtypes: ReadonlySet<DType>
  /** Dtypes that Contract kernels take; products of other dtypes become Row kernels. */
  readonly contractDtypes: ReadonlySet<DType>
  /** Buffers that one kernel may bind, the scalar table counted as one; 0 = no limit. */
  readonly maxBuffers: number
  /** Expressions in one kernel. */
  readonly maxExprs: number
  /** Elements along a line that Sort kernels take; default no limit. Programs that sort more run on the reference. */
  readonly longestSort?: number | undefined
  /** Kinds of kernels for whole composites, float32; default none: composites are computed by what they stand for. */
  readonly composites?: ReadonlySet<CompositeKind>
  /**
   * Whether programs may hold Loop and Branch kernels; default false. Without them scans are written out, branches computed
   * on both sides, and programs with while loops run on the reference.
   */
  readonly loops?: boolean | undefined
}

export interface KernelTime {
  readonly name: string
  readonly kind: string
  readonly shape: string
  readonly milliseconds: number
}

/** A compiled program. `pointers` by slot; `scalars` by slot. Enqueues; reading a buffer waits. */
export interface Executable {
  run(pointers: ArrayLike<Pointer>, scalars: ArrayLike<number>): void
  /** Times each kernel alone, least of `repeats`. */
  profile?(pointers: ArrayLike<Pointer>, scalars: ArrayLike<number>, repeats?: number): readonly KernelTime[]
  /** Generated code of each kernel, for `explain`. */
  source?(): readonly string[]
  /** Gives module, arena and tables back. */
  dispose(): void
}

interface Device {
  readonly name: string
  /** The best backend that is ready wins by this: webgpu 3, cpu 2, reference 0. */
  readonly priority: number
  /** For people: "WebAssembly SIMD, 1 thread". */
  readonly description: string
  /** Resolves when the backend can be used, rejects with the reason why it can't. Called once. */
  start(): Promise<void>
  /** True when it can be used at once (a synchronous start is tried first where that is possible). */
  readonly ready: boolean
  allocate(bytes: number): Pointer
  free(pointer: Pointer, bytes: number): void
  /** Copies; `data` may be changed afterwards. */
  write(pointer: Pointer, data: TypedArray): void
  /** A fresh copy of `length` elements of dtype `dtype`. */
  read(pointer: Pointer, dtype: DType, length: number): Promise<TypedArray>
  readSync?(pointer: Pointer, dtype: DType, length: number): TypedArray
  /** Copies between two buffers of this backend. */
  copy(from: Pointer, to: Pointer, bytes: number): void
  memory(): PhysicalMemory
  /** Ends workers and devices; the backend may be started again. */
  dispose(): void
}

/** Runs scheduled kernels: CPU, WebGPU. */
export interface KernelBackend extends Device {
  readonly level: 'kernel'
  readonly capabilities: Capabilities
  compile(program: Program): Executable
}

/** The graph of one flush. Slots: leaves first (in order), then outputs. */
export interface GraphProgram {
  /** Sources before users. */
  readonly nodes: readonly Node[]
  readonly leaves: readonly Leaf[]
  readonly scalars: readonly ScalarLeaf[]
  /** `outputs[i]` is written to slot `leaves.length + i`. */
  readonly outputs: readonly Node[]
}

/** Runs graphs: the reference interpreter, later ONNX Runtime or WebNN. */
export interface GraphBackend extends Device {
  readonly level: 'graph'
  compileGraph(graph: GraphProgram): Executable
}

export type Backend = KernelBackend | GraphBackend
