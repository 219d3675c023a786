// The form of a kernel: everything about it but which buffers it works on. Kernels get their buffers as arguments, so those of
// one form share their code: the layers of a deep network are emitted, compiled and warmed up once.
import type { ContractKernel, Kernel, RowKernel } from '@dl/tensor/backend'
import type { Environment } from './environment.ts'

export interface KernelForm {
  /** Equal for kernels that can share their code. */
  readonly key: string
  /** Buffers in the order in which the kernel names them. */
  readonly buffers: readonly number[]
}

const hasForm = (kernel: Kernel): kernel is RowKernel | ContractKernel =>
  kernel.kind === 'row' || kernel.kind === 'contract'

/** The form of a kernel, null for kinds whose code is its own. */
export function formOf(kernel: Kernel, env: Environment): KernelForm | null {
  if (!hasForm(kernel)) return null
  const places = new Map<number, number>()
  const text = JSON.stringify({ ...kernel, name: '' }, (name, value: unknown) => {
    if (name === 'buffer') return placeIn(places, value as number)
    return typeof value === 'number' || typeof value === 'bigint' ? exact(value) : value
  })
  const buffers = [...places.keys()]
  const facts = buffers.map((b) => {
    const { dtype, size } = env.buffers[b]!
    return `${dtype}${size}@${buffers.findIndex((other) => env.sameMemory(b, other))}`
  })
  return { key: `${text} ${facts.join()}`, buffers }
}

function placeIn(places: Map<number, number>, buffer: number): number {
  let place = places.get(buffer)
  if (place === undefined) places.set(buffer, (place = places.size))
  return place
}

/** JSON has no NaN, infinities, −0 and bigints. */
function exact(value: number | bigint): number | string {
  if (typeof value === 'bigint') return `${value}n`
  return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value)
}
