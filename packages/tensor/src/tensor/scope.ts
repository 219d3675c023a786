// Scopes of handles: tidy, keep. A scope is a list of what was made in it; leaving it disposes what is not returned or kept.
import { handlesIn } from './tree.ts'

/** What a scope needs to know of a handle. */
export interface Scoped {
  readonly isDisposed: boolean
  kept: boolean
  dispose(): void
}

let current: Scoped[] | null = null

/** Called for every new handle. */
export function track(handle: Scoped): void {
  current?.push(handle)
}

/** Runs `fn` in a scope of its own and hands the result's handles to the scope outside. */
export function scoped<T>(fn: () => T): T {
  const outer = current
  const own: Scoped[] = []
  current = own
  let result: T
  try {
    result = fn()
  } catch (error) {
    current = outer
    disposeAll(own, new Set())
    throw error
  }
  current = outer
  const returned = new Set<Scoped>(handlesIn(result) as Iterable<Scoped>)
  disposeAll(own, returned)
  if (outer) for (const handle of own) if (!handle.isDisposed) outer.push(handle)
  return result
}

function disposeAll(handles: readonly Scoped[], except: ReadonlySet<Scoped>): void {
  for (const handle of handles)
    if (!handle.kept && !handle.isDisposed && !except.has(handle)) handle.dispose()
}

/**
 * Runs `fn` and disposes every tensor made inside, except those it returns (alone, or in arrays and plain objects) and
 * those given to {@link keep}. Nobody has to call it: it gives exact lifetimes to those who want them.
 * @param nameOrFn a name for debugging (ignored, as in tfjs without profiling), or the function
 * @throws when `fn` returns a promise: tensors made after an await would escape
 * @example
 * ```ts
 * import { tidy, tensor, square } from '@dl/tensor'
 * import '@dl/backend-cpu'
 * const y = tidy(() => square(tensor([1, 2, 3])))
 * console.log(await y.data()) // 1, 4, 9
 * ```
 */
export function tidy<T>(nameOrFn: string | (() => T), fn?: () => T): T {
  const body = typeof nameOrFn === 'function' ? nameOrFn : fn
  if (typeof body !== 'function')
    throw new Error('[tidy] expects a function: tidy(() => …) or tidy("name", () => …)')
  return scoped(() => {
    const result = body()
    if (result instanceof Promise)
      throw new Error(
        '[tidy] Cannot return a Promise inside of tidy: make the function synchronous, await outside',
      )
    return result
  })
}

/** Takes a tensor out of the scopes it was made in: it lives until it is disposed, or until nobody can reach it. */
export function keep<T extends { dispose(): void }>(x: T): T {
  ;(x as unknown as Scoped).kept = true
  return x
}

/** Disposes every tensor in `container`: one tensor, or any tree of arrays and plain objects. */
export function dispose(container: unknown): void {
  for (const handle of handlesIn(container)) (handle as Scoped).dispose()
}
