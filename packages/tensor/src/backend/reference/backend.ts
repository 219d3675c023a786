// The reference backend: runs graphs node by node through the executable specification. It needs nothing from its host, is
// always ready, and is the judge of all other backends; nobody should choose it for speed.
import type { DType, TypedArray } from '../../graph/dtype.ts'
import { bytesOf } from '../../graph/dtype.ts'
import type { Node } from '../../graph/node.ts'
import { sizeOf } from '../../graph/shape.ts'
import type { Executable, GraphBackend, GraphProgram, PhysicalMemory, Pointer } from '../contract.ts'
import { evaluateNode } from './evaluate.ts'

/** A typed array over the first `length` elements of `bytes`. */
function viewOf(bytes: ArrayBuffer, dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case 'float32':
      return new Float32Array(bytes, 0, length)
    case 'float64':
      return new Float64Array(bytes, 0, length)
    case 'int32':
      return new Int32Array(bytes, 0, length)
    case 'int64':
      return new BigInt64Array(bytes, 0, length)
    case 'uint8':
    case 'bool':
      return new Uint8Array(bytes, 0, length)
  }
}

/** An independent reference backend with its own buffers; tests make their own, everybody else uses {@link referenceBackend}. */
export function createReferenceBackend(name = 'reference'): GraphBackend {
  const buffers = new Map<Pointer, ArrayBuffer>()
  let nextPointer = 1
  let liveBytes = 0
  let peakBytes = 0
  let modules = 0

  const bytesAt = (pointer: Pointer): ArrayBuffer => {
    const bytes = buffers.get(pointer)
    if (!bytes)
      throw new Error(`[${name}] there is no buffer ${pointer}: it was freed, or belongs to another backend`)
    return bytes
  }
  const readSync = (pointer: Pointer, dtype: DType, length: number): TypedArray =>
    viewOf(bytesAt(pointer), dtype, length).slice()

  return {
    level: 'graph',
    name,
    priority: 0,
    description: 'plain TypeScript loops, 1 thread',
    ready: true,
    start: () => Promise.resolve(),
    allocate(bytes) {
      const buffer = new ArrayBuffer(Math.ceil(bytes / 8) * 8)
      buffers.set(nextPointer, buffer)
      liveBytes += buffer.byteLength
      peakBytes = Math.max(peakBytes, liveBytes)
      return nextPointer++
    },
    free(pointer) {
      liveBytes -= bytesAt(pointer).byteLength
      buffers.delete(pointer)
    },
    write(pointer, data) {
      new Uint8Array(bytesAt(pointer)).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    },
    read: async (pointer, dtype, length) => readSync(pointer, dtype, length),
    readSync,
    copy(from, to, bytes) {
      new Uint8Array(bytesAt(to)).set(new Uint8Array(bytesAt(from), 0, bytes))
    },
    memory: (): PhysicalMemory => ({
      liveBytes,
      peakBytes,
      reservedBytes: liveBytes,
      buffers: buffers.size,
      modules,
    }),
    compileGraph(graph) {
      modules++
      let alive = true
      return {
        ...executable(graph, bytesAt),
        dispose() {
          if (alive) modules--
          alive = false
        },
      }
    },
    dispose() {
      buffers.clear()
      liveBytes = 0
    },
  }
}

function executable(
  graph: GraphProgram,
  bytesAt: (pointer: Pointer) => ArrayBuffer,
): Omit<Executable, 'dispose'> {
  const leafSlots = new Map(graph.leaves.map((leaf, slot) => [leaf.id, slot]))
  const scalarSlots = new Map(graph.scalars.map((leaf, slot) => [leaf.id, slot]))
  // Nodes forget their sources once somebody else has computed them; this program keeps what it was compiled from.
  const steps = graph.nodes.map((node) => ({
    node,
    leaf: node.value ?? (node.prim === 'buffer' ? node.attrs.leaf : null),
    src: node.src,
  }))

  return {
    run(pointers, scalars) {
      const values = new Map<Node, TypedArray>()
      for (const { node, leaf, src } of steps) {
        if (leaf) {
          const slot = leafSlots.get(leaf.id)
          const bytes = slot === undefined ? undefined : bytesAt(pointers[slot]!)
          values.set(node, bytes ? viewOf(bytes, leaf.dtype, sizeOf(leaf.shape)) : evaluateNode(node, []))
        } else if (node.prim === 'scalar') {
          const value = scalars[scalarSlots.get(node.attrs.leaf.id)!]!
          values.set(node, evaluateNode({ ...node, attrs: { leaf: { ...node.attrs.leaf, value } } }, []))
        } else
          values.set(
            node,
            evaluateNode(
              node,
              src.map((x) => values.get(x)!),
            ),
          )
      }
      // all results are copied before the first is written: an output may lie where a leaf was
      const results = graph.outputs.map((node) => values.get(node)!.slice())
      for (const [i, result] of results.entries())
        viewOf(bytesAt(pointers[graph.leaves.length + i]!), graph.outputs[i]!.dtype, result.length).set(
          result as never,
        )
    },
    source: () =>
      graph.nodes.map(
        (n) => `${n.prim} ${n.dtype}[${n.shape.join(', ')}] ${sizeOf(n.shape) * bytesOf(n.dtype)} bytes`,
      ),
  }
}

/** The reference backend that `@dl/tensor` falls back to; always ready, priority 0. */
export const referenceBackend: GraphBackend = createReferenceBackend()
