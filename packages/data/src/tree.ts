// Trees of leaves: what a dataset's elements, its arrays and its batches look like. An array is a tuple, a plain object
// a record, everything else (a number, a typed array, a tensor) is a leaf.

export type Structure = unknown

/** True for a tuple or a record, false for a leaf. */
export function isBranch(value: unknown): value is readonly unknown[] | Record<string, unknown> {
  if (Array.isArray(value)) return true
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The same tree with every leaf replaced. `path` reads `images`, `[0]`, `[1].mask`; it is empty for a lone leaf. */
export function mapLeaves(tree: Structure, fn: (leaf: unknown, path: string) => unknown, path = ''): unknown {
  if (!isBranch(tree)) return fn(tree, path)
  if (Array.isArray(tree)) return tree.map((child: unknown, i) => mapLeaves(child, fn, `${path}[${i}]`))
  return Object.fromEntries(
    Object.entries(tree).map(([key, child]) => [
      key,
      mapLeaves(child, fn, path === '' ? key : `${path}.${key}`),
    ]),
  )
}

export interface Flat {
  readonly leaves: readonly unknown[]
  readonly paths: readonly string[]
}

/** Leaves from left to right, each with its path. */
export function flatten(tree: Structure): Flat {
  const leaves: unknown[] = []
  const paths: string[] = []
  mapLeaves(tree, (leaf, path) => {
    leaves.push(leaf)
    paths.push(path)
  })
  return { leaves, paths }
}

/** The tree of `structure` with new leaves, given from left to right. */
export function unflatten(structure: Structure, leaves: readonly unknown[]): unknown {
  let next = 0
  return mapLeaves(structure, () => leaves[next++])
}

/**
 * The leaves of `tree` in the order of `structure`, whatever order its keys have; undefined when the two differ.
 */
export function leavesLike(structure: Structure, tree: Structure): unknown[] | undefined {
  const leaves: unknown[] = []
  return collect(structure, tree, leaves) ? leaves : undefined
}

function collect(structure: Structure, tree: Structure, into: unknown[]): boolean {
  if (!isBranch(structure)) {
    into.push(tree)
    return !isBranch(tree)
  }
  if (!isBranch(tree) || Array.isArray(structure) !== Array.isArray(tree)) return false
  const keys = Object.keys(structure)
  if (Object.keys(tree).length !== keys.length) return false
  return keys.every(
    (key) =>
      Object.hasOwn(tree, key) &&
      collect((structure as Record<string, unknown>)[key], (tree as Record<string, unknown>)[key], into),
  )
}

/** How a tree looks, for messages: `{images, labels}`, `[·, ·]`, `·`. */
export function showStructure(tree: Structure): string {
  if (!isBranch(tree)) return '·'
  if (Array.isArray(tree)) return `[${tree.map(showStructure).join(', ')}]`
  const fields = Object.entries(tree).map(([k, v]) => (isBranch(v) ? `${k}: ${showStructure(v)}` : k))
  return `{${fields.join(', ')}}`
}
