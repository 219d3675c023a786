// What `run` is given: tensors, typed arrays or plain numbers for each input by name, checked against what the file declares.
import { reshape, Tensor, tensor, type TensorLike } from '@dl/tensor/core'
import { OnnxError } from '../errors.ts'
import type { ValueInfo } from './graph.ts'

/** Values of inputs by name. A flat array takes the declared shape when at most one dimension is free. */
export type Feeds = Readonly<Record<string, Tensor | TensorLike>>

/** @throws OnnxError when an input is missing, has a name that the model does not, or does not fit */
export function tensorsOf(inputs: readonly ValueInfo[], feeds: Feeds): Tensor[] {
  const names = inputs.map(({ name }) => name)
  const unknown = Object.keys(feeds).filter((name) => !names.includes(name))
  const missing = names.filter((name) => !Object.hasOwn(feeds, name))
  if (unknown.length > 0 || missing.length > 0)
    throw new OnnxError(
      'feeds',
      `[run] the model's inputs are ${names.join(', ') || 'none'}; ` +
        [
          missing.length > 0 ? `missing: ${missing.join(', ')}` : '',
          unknown.length > 0 ? `unknown: ${unknown.join(', ')}` : '',
        ]
          .filter(Boolean)
          .join('; '),
    )
  return inputs.map((input) => checked(input, tensorOf(input, feeds[input.name]!)))
}

function tensorOf(input: ValueInfo, value: Tensor | TensorLike): Tensor {
  if (value instanceof Tensor) return value
  const nested = Array.isArray(value) && value.some((x) => typeof x === 'object')
  const made: Tensor = tensor(value, undefined, input.dtype)
  if (nested || !input.shape) return made
  return reshape(made, shapeFor(input, made.size))
}

/** The declared shape for `size` values: one free dimension is worked out, others are 1. */
function shapeFor({ name, shape = [] }: ValueInfo, size: number): number[] {
  const free = shape.filter((d) => typeof d === 'string').length
  const known = shape.reduce<number>((n, d) => (typeof d === 'string' ? n : n * d), 1)
  if (free > 1)
    throw new OnnxError(
      'feeds',
      `[run] input '${name}' of shape [${shape.join(', ')}] has ${free} free dimensions; give a tensor, so that its shape is known`,
    )
  if (free === 1 ? size % known !== 0 : size !== known)
    throw new OnnxError(
      'feeds',
      `[run] input '${name}' has shape [${shape.join(', ')}], which ${size} values do not fill`,
    )
  return shape.map((d) => (typeof d === 'string' ? size / known : d))
}

function checked({ name, dtype, shape }: ValueInfo, value: Tensor): Tensor {
  const given = value.shape
  const fits =
    !shape ||
    (shape.length === given.length && shape.every((d, a) => typeof d === 'string' || d === given[a]))
  if (value.dtype !== dtype || !fits)
    throw new OnnxError(
      'feeds',
      `[run] input '${name}' must be ${dtype} [${shape?.join(', ') ?? '…'}], got ${String(value.dtype)} [${given.join(', ')}]`,
    )
  return value
}
