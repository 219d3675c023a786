// jit: a function is traced once for each signature and then replayed as one program, without building a graph. What it
// promises stands in docs/design/ARCHITECTURE.md §5; each sentence there has a test.
import type { Backend } from '../backend/contract.ts'
import { readyBackend } from '../backend/registry.ts'
import type { Storage } from '../backend/storage.ts'
import { flush, inGradientScope } from '../tensor/evaluate.ts'
import { isTracing } from '../tensor/handle.ts'
import { knownStorage, nodeOf, Tensor } from '../tensor/tensor.ts'
import { leavesOf } from '../tensor/tree.ts'
import { Variable } from '../tensor/variable.ts'
import { hasPendingUpdates } from '../tensor/variable-state.ts'
import { Replay } from './replay.ts'
import { signatureOf, warnAboutSignatures } from './signature.ts'
import { traceFunction } from './trace.ts'

/** Traces that one function keeps; the least recently used one goes first. */
const KEPT_TRACES = 32

export interface JitOptions {
  /**
   * Numbers of arguments whose memory is handed over: results of equal shape and dtype are written into it, and the
   * tensors passed are disposed by the call.
   */
  readonly donate?: readonly number[] | undefined
}

let enabled = true
/** `debugJit(false)` makes every jitted function run its JavaScript body at each call, for stepping with a debugger. */
export function debugJit(on: boolean): void {
  enabled = on
}

let traces = 0
/** How many times any jitted function has been traced since the start. */
export const traceCount = (): number => traces

const isInput = (leaf: unknown): leaf is Tensor => leaf instanceof Tensor && !(leaf instanceof Variable)

/**
 * Compiles `fn`. The first call with a signature (the tree of arguments, shapes and dtypes of tensors, values of everything
 * else, backend) runs the function once to record its graph; later calls replay the compiled program. Variables that `fn`
 * reads and assigns are state; tensors that it closes over are inputs; JavaScript side effects happen only while tracing.
 * Inside another `jit` or a gradient function it is simply called.
 *
 * @param fn a synchronous function on trees of tensors and other values; returns a tree of tensors
 * @throws when `fn` is async, or reads the value of a traced tensor
 * @example
 * ```ts
 * import { jit, matMul, relu, ones } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const layer = jit((x, w) => relu(matMul(x, w)))
 * console.log((await layer(ones([2, 3]), ones([3, 4])).data())[0]) // 3
 * ```
 */
export function jit<A extends readonly any[], R>(
  fn: (...args: A) => R,
  options: JitOptions = {},
): (...args: A) => R {
  if (fn.constructor.name === 'AsyncFunction')
    throw new Error('[jit] an async function cannot be compiled; make it synchronous')
  const name = fn.name || 'the function'
  const replays = new Map<string, Replay>()
  let previous: readonly string[] = []
  let signatures = 0

  let lastBackend: Backend | null = null
  let last: Replay | null = null

  const replayFor = (args: readonly unknown[], inputs: readonly Storage[], backend: Backend): Replay => {
    let next = 0
    const takeInput = (): Storage => inputs[next++]!
    const keys = args.length ? args.map((arg) => signatureOf(arg, isInput, takeInput)) : NOTHING
    if (last && backend === lastBackend && sameKeys(keys, previous)) return last
    const key = `${backend.name}(${keys.join()})`
    let replay = replays.get(key)
    if (replay) {
      replays.delete(key) // moves it to the recent end
    } else {
      traces++
      const trace = traceFunction(fn as (...args: readonly unknown[]) => unknown, args, isInput, 'jit')
      flush(trace.captured, 'jit', backend)
      replay = new Replay(trace, donatedInputs(args, options.donate ?? []), backend)
      warnAboutSignatures(name, ++signatures, previous, keys)
      if (replays.size >= KEPT_TRACES) {
        const [oldest, dropped] = replays.entries().next().value!
        replays.delete(oldest)
        dropped.release()
      }
    }
    replays.set(key, replay)
    previous = keys
    lastBackend = backend
    return (last = replay)
  }

  const replayed = (...args: A): R => {
    if (!enabled || isTracing() || inGradientScope()) return fn(...args)
    const backend = readyBackend('jit')
    const inputs = inputStorages(args.length ? leavesOf(args).filter(isInput) : NO_TENSORS, backend)
    const result = replayFor(args, inputs, backend).run(inputs, backend) as R
    if (options.donate)
      for (const number of options.donate)
        for (const leaf of leavesOf(args[number])) if (isInput(leaf)) leaf.dispose()
    return result
  }
  // gradients tell arguments from a cotangent by the number of parameters
  return Object.defineProperty(replayed, 'length', { value: fn.length })
}

const NOTHING: readonly string[] = []
const NO_TENSORS: readonly Tensor[] = []

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Storages of the tensor arguments; what has not been computed, variables included, is computed now, in one flush. */
function inputStorages(tensors: readonly Tensor[], backend: Backend): Storage[] {
  const storages: Storage[] = []
  const missing: number[] = []
  for (let i = 0; i < tensors.length; i++) {
    const storage = knownStorage('jit', tensors[i]!)
    if (storage) storages[i] = storage
    else missing.push(i)
  }
  if (missing.length || hasPendingUpdates()) {
    const nodes = missing.map((i) => nodeOf('jit', 'an argument', tensors[i]!))
    flush(nodes, 'jit', backend)
    for (const i of missing) storages[i] = knownStorage('jit', tensors[i]!)!
  }
  return storages
}

/** Which tensor inputs are donated, by their number among all tensor inputs. */
function donatedInputs(args: readonly unknown[], donate: readonly number[]): Set<number> {
  const donated = new Set<number>()
  let next = 0
  args.forEach((arg, number) => {
    for (const leaf of leavesOf(arg))
      if (isInput(leaf))
        if (donate.includes(number)) donated.add(next++)
        else next++
  })
  return donated
}
