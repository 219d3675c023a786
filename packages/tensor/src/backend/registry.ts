// The backend registry: one for each JavaScript realm, shared by every copy of this package that speaks the same contract.
import { type Backend, CONTRACT_VERSION } from './contract.ts'

interface Registry {
  readonly contract: number
  /** Module that made the registry, named when a second, incompatible copy turns up. */
  readonly from: string
  readonly backends: Map<string, Backend>
  active: Backend | null
  /** Failures of `start`, for the message when nothing is left. */
  readonly failed: Map<string, string>
}

/** Raised when no backend can compute, or two copies of this package cannot share theirs. */
export class BackendError extends Error {
  override readonly name: string = 'BackendError'
}

const KEY = Symbol.for('@dl/tensor')

/**
 * The shared registry. Throws when another copy of `@dl/tensor` with a different contract has been loaded.
 * @param from module that asks, for the error
 * @param contract its contract version
 */
export function sharedRegistry(
  from: string = import.meta.url,
  contract: number = CONTRACT_VERSION,
): Registry {
  const realm = globalThis as { [KEY]?: Registry }
  const found = realm[KEY]
  if (!found) return (realm[KEY] = { contract, from, backends: new Map(), active: null, failed: new Map() })
  if (found.contract !== contract)
    throw new BackendError(
      `[registry] two incompatible copies of @dl/tensor are loaded: ${found.from} (contract ${found.contract}) and ` +
        `${from} (contract ${contract}). Install one version: check "npm ls @dl/tensor" and update the packages together.`,
    )
  return found
}

const registry: Registry = sharedRegistry()

/** Makes a backend available under its name. Importing a backend package does this. A second registration replaces the first. */
export function registerBackend(backend: Backend): void {
  const old = registry.backends.get(backend.name)
  registry.backends.set(backend.name, backend)
  registry.failed.delete(backend.name)
  if (registry.active === old) registry.active = null
}

const byPriority = (): Backend[] =>
  [...registry.backends.values()].toSorted((a, b) => b.priority - a.priority)

const NOTHING = "no backend is registered. Import one before computing, for example: import '@dl/backend-cpu'"

/**
 * Starts the best registered backend and makes it active; the next one by priority if that fails, with a warning.
 * Does nothing when a backend is active.
 * @throws BackendError when none is registered or none starts
 */
export async function ready(): Promise<void> {
  if (registry.active) return
  if (!registry.backends.size) throw new BackendError(`[ready] ${NOTHING}`)
  for (const backend of byPriority()) {
    if (registry.failed.has(backend.name)) continue
    try {
      await backend.start()
    } catch (error) {
      registry.failed.set(backend.name, (error as Error).message)
      continue
    }
    registry.active ??= backend
    return
  }
  throw new BackendError(`[ready] no backend could start: ${failures()}`)
}
const failures = (): string => [...registry.failed].map(([name, why]) => `${name}: ${why}`).join('; ')

/** Whether a backend computes at once. */
export const hasReadyBackend = (): boolean =>
  registry.active !== null || byPriority().some((b) => b.ready && !registry.failed.has(b.name))

/** The backend that computes now, without waiting: the active one, else the best that is ready. */
export function readyBackend(op: string): Backend {
  if (registry.active) return registry.active
  const backend = byPriority().find((b) => b.ready && !registry.failed.has(b.name))
  if (backend) return (registry.active = backend)
  if (!registry.backends.size) throw new BackendError(`[${op}] ${NOTHING}`)
  throw new BackendError(
    `[${op}] no backend has started yet (registered: ${[...registry.backends.keys()].join(', ')}); ` +
      `call "await ready()" once, or use the asynchronous data()`,
  )
}

/**
 * Makes the backend of this name active; tensors move when they are next used.
 * @returns true, as tfjs does
 * @throws BackendError when the name is not registered or the backend does not start
 */
export async function setBackend(name: string): Promise<boolean> {
  const backend = registry.backends.get(name)
  if (!backend)
    throw new BackendError(
      `[setBackend] there is no backend "${name}"; registered: ${[...registry.backends.keys()].join(', ') || 'none'}`,
    )
  await backend.start()
  registry.active = backend
  return true
}

/** Name of the active backend; throws when none has started. */
export const getBackend = (): string => readyBackend('getBackend').name

/** Registered backends, best first, and the active one. */
export const backends: {
  readonly active: { readonly name: string; readonly description: string }
  readonly registered: readonly string[]
} = {
  get active() {
    return readyBackend('backends.active')
  },
  get registered() {
    return byPriority().map((b) => b.name)
  },
}
