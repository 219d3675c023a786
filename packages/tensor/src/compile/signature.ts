// What makes two calls of a jitted function the same: the tree of arguments, shapes and dtypes of tensors, and the values of
// everything else (objects by identity).
import type { Storage } from '../backend/storage.ts'
import { isBranch } from '../tensor/tree.ts'

const identities = new WeakMap<object, number>()
let nextIdentity = 1
function identityOf(value: object): number {
  let id = identities.get(value)
  if (id === undefined) identities.set(value, (id = nextIdentity++))
  return id
}

/** Key of one argument: `isInput` tells tensor inputs, `takeInput` gives the storage of the next one. */
export function signatureOf(
  value: unknown,
  isInput: (leaf: unknown) => boolean,
  takeInput: () => Storage,
): string {
  switch (typeof value) {
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'string':
      return JSON.stringify(value)
    case 'bigint':
      return `${value}n`
    case 'boolean':
    case 'undefined':
    case 'symbol':
      return String(value)
    case 'function':
      return `#${identityOf(value)}`
  }
  if (value === null) return 'null'
  if (isInput(value)) return takeInput().signature
  if (ArrayBuffer.isView(value))
    throw new Error(
      `[jit] a ${value.constructor.name} cannot be an argument: its contents may change between calls; pass tensor(array)`,
    )
  if (Array.isArray(value)) return `[${value.map((v) => signatureOf(v, isInput, takeInput)).join()}]`
  if (!isBranch(value)) return `#${identityOf(value as object)}`
  const fields = Object.entries(value).map(([name, v]) => `${name}:${signatureOf(v, isInput, takeInput)}`)
  return `{${fields.join()}}`
}

const MANY_SIGNATURES = 16

/** Warns once when a function has been traced for more than 16 signatures, naming the argument that keeps changing. */
export function warnAboutSignatures(
  name: string,
  count: number,
  before: readonly string[],
  now: readonly string[],
): void {
  if (count !== MANY_SIGNATURES + 1) return
  const changed = now.findIndex((key, i) => key !== before[i])
  console.warn(
    `[jit] ${name} has been traced for ${count} different signatures; argument ${changed} changes: ` +
      `${before[changed] ?? '(absent)'} became ${now[changed] ?? '(absent)'}. Pass numbers that change as tensors or ` +
      `run-time scalars, and pad batches to one size`,
  )
}
