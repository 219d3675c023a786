// One case of the fuzzer: a mutated file is imported, run on random feeds and exported again. Only errors that say what is
// wrong may come out; a TypeError or a stack overflow is a fault of this library, also where it was wrapped.
import { OutOfMemoryError } from '@dl/backend-cpu'
import { BackendError, DTypeError, ShapeError, tensor, type Tensor, type TypedArray } from '@dl/tensor/core'
import { allocate } from '@dl/tensor/backend'
import { exportOnnx, importOnnx, OnnxError, type OnnxModel } from '../../src/index.ts'
import { mutateBytes, mutateStructure } from './mutation.ts'
import { Choices } from './random.ts'

/** What a stranger's file may allocate here. */
const MAX_TENSOR_BYTES = 2 ** 24

/** How a case ended; `fault` is what must not happen. */
export interface Outcome {
  readonly kind: 'refused' | 'ran' | 'failed to run'
  readonly code?: string
  readonly fault?: string
}

export function mutated(seed: number, files: readonly Uint8Array[], opTypes: readonly string[]): Uint8Array {
  const choose = new Choices(seed)
  const base = choose.of(files)
  const kind = choose.real()
  if (kind < 0.25) return mutateBytes(base, choose)
  const changed = mutateStructure(base, opTypes, choose)
  return kind < 0.9 ? changed : mutateBytes(changed, choose)
}

export async function trial(seed: number, bytes: Uint8Array): Promise<Outcome> {
  let model: OnnxModel
  try {
    model = await importOnnx(bytes, { maxTensorBytes: MAX_TENSOR_BYTES })
  } catch (error) {
    return outcome('refused', error)
  }
  const choose = new Choices(~seed)
  try {
    const feeds = model.inputs.map((input) => [input.name, feed(input, choose)] as const)
    const results = await model.run(Object.fromEntries(feeds))
    for (const result of Object.values(results)) await result.data()
    if (choose.chance(0.3)) exportOnnx(model)
    return { kind: 'ran' }
  } catch (error) {
    return outcome('failed to run', error)
  } finally {
    for (const v of model.variables) v.dispose()
  }
}

function feed({ dtype, shape }: OnnxModel['inputs'][number], choose: Choices): Tensor {
  const sizes = (shape ?? [1 + choose.below(3), 1 + choose.below(4)]).map((d) =>
    typeof d === 'number' ? Math.min(d, 64) : 1 + choose.below(3),
  )
  const size = sizes.reduce((n, d) => n * d, 1)
  if (size > 2 ** 20) throw new OnnxError('feeds', 'too much to feed')
  const data = allocate(dtype, size) as { [i: number]: number | bigint }
  for (let i = 0; i < size; i++) {
    const value = choose.real() * 6 - 2
    data[i] = dtype === 'int64' ? BigInt(Math.round(value)) : dtype === 'bool' ? Number(value > 0) : value
  }
  return tensor(data as unknown as TypedArray, sizes, dtype)
}

function outcome(kind: Outcome['kind'], error: unknown): Outcome {
  const fault = faultOf(error)
  const code = error instanceof OnnxError ? error.code : (error as Error).name
  return fault === undefined ? { kind, code } : { kind, code, fault }
}

const OURS = [OnnxError, ShapeError, DTypeError, BackendError, OutOfMemoryError]
/** The parser's own complaints, which our message explains. */
const PARSER = new Set(['damaged', 'notOnnx', 'invalid'])

function faultOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return `threw ${String(error)}`
  const stack = error.stack ?? String(error)
  if (!OURS.some((kind) => error instanceof kind)) return stack
  if (error instanceof OnnxError && PARSER.has(error.code)) return undefined
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause)
    if (!OURS.some((kind) => cause instanceof kind) && !/^\[\w/.test(cause.message))
      return `${stack}\ncaused by ${cause.stack ?? String(cause)}`
  return undefined
}
