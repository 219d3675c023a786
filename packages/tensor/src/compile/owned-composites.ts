// Which composites a backend computes with a kernel of its own. The others are computed by the graphs that they stand for.
import type { Backend, Capabilities } from '../backend/contract.ts'
import type { Node, NodeOf } from '../graph/node.ts'

/** Whether a composite stays one node. */
export type Owns = (n: NodeOf<'composite'>) => boolean

export const ownsNothing: Owns = () => false

const owned = new WeakMap<Backend, Owns>()

/** The composites for which `backend` has a kernel. */
export function ownedBy(backend: Backend): Owns {
  let owns = owned.get(backend)
  if (!owns) owned.set(backend, (owns = makeOwns(backend)))
  return owns
}

const makeOwns = (backend: Backend): Owns =>
  backend.level === 'kernel' ? ownedWith(backend.capabilities) : ownsNothing

/** The composites for which a backend with these capabilities has a kernel. */
export function ownedWith({ composites: kinds }: Capabilities): Owns {
  if (!kinds?.size) return ownsNothing
  return ({ attrs, dtype, src }) => {
    const { kernel } = attrs.definition
    return kernel !== undefined && kinds.has(kernel.kind) && dtype === 'float32' && !src.some(isEmpty)
  }
}

const isEmpty = ({ shape }: Node): boolean => shape.includes(0)
