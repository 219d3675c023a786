// What a config gives, by name or as the thing itself, turned into the thing.
import type { ActivationLike } from './activations.ts'
import type { Initializer, InitializerLike } from './initializers.ts'
import { type Activation, activationNames, initializerNames, regularizerNames } from './registry.ts'
import type { Regularizer, RegularizerLike } from './regularizers.ts'

/** The activation that `like` names or is; nothing is the identity. */
export function activationOf(like: ActivationLike | undefined): Activation {
  if (like === undefined) return (x) => x
  return typeof like === 'string' ? activationNames.get(like) : like
}

/** The initializer that `like` names or is. */
export const initializerOf = (like: InitializerLike): Initializer =>
  typeof like === 'string' ? initializerNames.get(like)() : like

/** The regularizer that `like` names or is. */
export const regularizerOf = (like: RegularizerLike): Regularizer =>
  typeof like === 'string' ? regularizerNames.get(like)() : like
