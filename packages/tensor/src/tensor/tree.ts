// Trees of values: an array is a tuple, a plain object a record, everything else (a tensor, a variable, a number) a leaf.
// Scopes, `jit` and gradient functions take and return trees, so that a model's parameters can be one object.

/** What {@link handlesIn} looks for: tensors and variables. */
export interface Disposable {
  readonly isDisposed: boolean
  dispose(): void
}

/** True for an array or a plain object, false for a leaf. */
export function isBranch(value: unknown): value is readonly unknown[] | Readonly<Record<string, unknown>> {
  if (Array.isArray(value)) return true
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const isHandle = (value: unknown): value is Disposable =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<Disposable>).isDisposed === 'boolean'

/** Leaves from left to right; keys of an object in the order in which they were added. */
export function leavesOf(tree: unknown, into: unknown[] = []): unknown[] {
  if (!isBranch(tree)) into.push(tree)
  else if (Array.isArray(tree)) for (let i = 0; i < tree.length; i++) leavesOf(tree[i], into)
  else for (const child of Object.values(tree)) leavesOf(child, into)
  return into
}

/** All tensors and variables in `tree`; branches that are met twice, or contain themselves, are visited once. */
export function handlesIn(tree: unknown): Disposable[] {
  const found: Disposable[] = []
  const seen = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (isHandle(value)) found.push(value)
    else if (isBranch(value) && !seen.has(value)) {
      seen.add(value)
      for (const child of Array.isArray(value) ? value : Object.values(value)) visit(child)
    }
  }
  visit(tree)
  return found
}

/** The same tree with other leaves. `path` reads `w1`, `[0]`, `blocks[1].kernel`; it is empty for a lone leaf. */
export function mapTree(tree: unknown, fn: (leaf: unknown, path: string) => unknown, path = ''): unknown {
  if (!isBranch(tree)) return fn(tree, path)
  if (Array.isArray(tree)) return tree.map((child: unknown, i) => mapTree(child, fn, `${path}[${i}]`))
  const result: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(tree))
    result[key] = mapTree(child, fn, path === '' ? key : `${path}.${key}`)
  return result
}

/** The tree of the form of `like` whose leaves, from left to right, are `leaves`. */
export function unflatten(like: unknown, leaves: readonly unknown[]): unknown {
  let next = 0
  return mapTree(like, () => leaves[next++])
}
