// Remembers which Variables came from files with fields that this version of the format does not know: exporting them refuses.
import type { Variable } from '@dl/tensor/core'
import type { UnknownFields } from '../schema/codec.ts'

const fieldsOf = new WeakMap<Variable, UnknownFields>()

export function rememberUnknownFields(v: Variable, unknown: UnknownFields): void {
  if (unknown.length > 0) fieldsOf.set(v, unknown)
}
/** Paths of the messages with such fields in the file of `v`; empty for all other Variables. */
export const unknownFieldsOf = (v: Variable): UnknownFields => fieldsOf.get(v) ?? []
