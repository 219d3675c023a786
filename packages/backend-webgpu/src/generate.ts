// From a scheduled program to WGSL: the dispatches of each kernel in order, with the fills that stores ask for in front.
import type { Element, Kernel, Program, Store } from '@dl/tensor/backend'
import { capabilities } from './capabilities.ts'
import { contractKernel } from './wgsl/contract.ts'
import { fillKernel } from './wgsl/fill.ts'
import { cumulateKernel, sortKernel } from './wgsl/lines.ts'
import type { WgslKernel } from './wgsl/module.ts'
import { rowKernel } from './wgsl/row.ts'
import { scatterKernels } from './wgsl/scatter.ts'

/** The dispatches that run a program, in order. */
export interface WgslProgram {
  readonly kernels: readonly WgslKernel[]
}

/** Indices are i32 in the generated code. */
const MOST_ELEMENTS = 2 ** 31 - 1

/**
 * WGSL for every kernel of a program. Nothing is compiled or run; each module has one entry point `main` and needs no
 * feature beyond WebGPU's defaults.
 *
 * Buffers keep the layout of the host: float32 and int32 elements, bytes for uint8 and bool (bindings are rounded up to whole
 * words). A kernel of the program may take several dispatches (a fill, a copy) and none when it has no elements.
 *
 * @param program as the scheduler makes it for {@link capabilities}
 * @throws UnsupportedDTypeError when a kernel holds float64 or int64 values; the message names operation and dtype
 * @throws Error when a kernel binds more than 8 buffers
 * @example
 * ```ts
 * import { generateWgsl } from '@dl/backend-webgpu'
 * import type { Program } from '@dl/tensor/backend'
 *
 * const double: Program = {
 *   buffers: [
 *     { dtype: 'float32', size: 1000, place: { kind: 'param', slot: 0 } },
 *     { dtype: 'float32', size: 1000, place: { kind: 'param', slot: 1 } },
 *   ],
 *   kernels: [
 *     {
 *       kind: 'row', name: 'double', sizes: [1000], outer: 1,
 *       exprs: [
 *         { op: 'load', buffer: 0, addr: [0, 1], dtype: 'float32', inner: false, phase: 0 },
 *         { op: 'map', fn: 'add', args: [0, 0], dtype: 'float32', inner: false, phase: 0 },
 *       ],
 *       stores: [{ buffer: 1, expr: 1, addr: [0, 1] }],
 *     },
 *   ],
 *   scalars: [], params: 2, arenaBytes: 0,
 * }
 * const { kernels } = generateWgsl(double)
 * console.log(kernels[0]?.workgroups) // [16, 1, 1]
 * ```
 */
export function generateWgsl(program: Program): WgslProgram {
  for (const { size, dtype } of program.buffers)
    if (size > MOST_ELEMENTS)
      throw new Error(
        `[webgpu] a buffer of ${size} ${dtype} elements is beyond the ${MOST_ELEMENTS} that 32-bit indices reach; split the tensor`,
      )
  const kernels = program.kernels.flatMap((kernel, number) => dispatches(program, kernel, number))
  for (const { name, bindings } of kernels)
    if (bindings.length > capabilities.maxBuffers)
      throw new Error(
        `[webgpu] kernel "${name}" binds ${bindings.length} buffers, WebGPU guarantees ${capabilities.maxBuffers}; ` +
          'schedule the program with the capabilities of this package',
      )
  return { kernels }
}

function dispatches(program: Program, kernel: Kernel, number: number): WgslKernel[] {
  if (kernel.kind === 'scatter') return scatterKernels(program, kernel, number)
  if (kernel.kind === 'cumulate') return some(cumulateKernel(program, kernel, number))
  if (kernel.kind === 'loop' || kernel.kind === 'branch')
    throw new Error(
      `[webgpu] kernel "${kernel.name}" is a ${kernel.kind}, which WGSL programs do not hold; schedule the program with the ` +
        'capabilities of this package, which write loops out',
    )
  if (kernel.kind === 'sort') return some(sortKernel(program, kernel, number))
  if (kernel.kind !== 'row' && kernel.kind !== 'contract')
    throw new Error(
      `[webgpu] there is no ${kernel.kind} kernel; schedule the program with the capabilities of this package`,
    )
  const fills = [...fillsOf(kernel.stores)].map(([buffer, value]) =>
    fillKernel(program, kernel.name, buffer, value, number),
  )
  const main =
    kernel.kind === 'row' ? rowKernel(program, kernel, number) : contractKernel(program, kernel, number)
  return [...fills, main].filter((k) => k !== null)
}

const some = (kernel: WgslKernel | null): WgslKernel[] => (kernel ? [kernel] : [])

/** Buffers that are set to a value first; several stores into one buffer (concat, pad) fill it once. */
function fillsOf(stores: readonly Store[]): Map<number, Element> {
  const fills = new Map<number, Element>()
  for (const s of stores) if (s.fill !== undefined) fills.set(s.buffer, s.fill)
  return fills
}
