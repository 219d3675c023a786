// Compiled plans of one backend by canonical form, least recently used first out. A plan that somebody retains (a jitted
// function that replays it) outlives its place in the cache.
import type { Canonical, CanonicalKey } from './canonical.ts'
import { keyOf, matches } from './canonical.ts'
import type { Plan } from './plan.ts'

export interface PlanCacheStats {
  hits: number
  misses: number
  /** Programs that a backend compiled. */
  compiled: number
  evicted: number
}

interface Entry {
  readonly key: CanonicalKey
  readonly plan: Plan
  cached: boolean
  retained: number
}

const entries = new WeakMap<Plan, Entry>()

export class PlanCache {
  readonly stats: PlanCacheStats = { hits: 0, misses: 0, compiled: 0, evicted: 0 }
  /** Insertion order is age. */
  readonly #byAge = new Set<Entry>()
  readonly #byHash = new Map<number, Entry[]>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#byAge.size
  }

  find(c: Canonical): Plan | undefined {
    const bucket = this.#byHash.get(c.hash)
    if (bucket)
      for (const entry of bucket)
        if (matches(entry.key, c)) {
          this.stats.hits++
          this.#byAge.delete(entry)
          this.#byAge.add(entry)
          return entry.plan
        }
    this.stats.misses++
    return undefined
  }

  insert(c: Canonical, plan: Plan): void {
    const entry: Entry = { key: keyOf(c), plan, cached: true, retained: 0 }
    entries.set(plan, entry)
    this.#byAge.add(entry)
    const bucket = this.#byHash.get(c.hash)
    if (bucket) bucket.push(entry)
    else this.#byHash.set(c.hash, [entry])
    while (this.#byAge.size > this.#limit) this.#evict(this.#byAge.values().next().value!)
  }

  /** Forgets all plans; those that nobody retains give their modules back. */
  clear(): void {
    for (const entry of this.#byAge) this.#evict(entry)
  }

  #evict(entry: Entry): void {
    this.#byAge.delete(entry)
    const { hash } = entry.key
    const rest = this.#byHash.get(hash)!.filter((e) => e !== entry)
    if (rest.length) this.#byHash.set(hash, rest)
    else this.#byHash.delete(hash)
    entry.cached = false
    this.stats.evicted++
    if (entry.retained === 0) entry.plan.executable.dispose()
  }
}

/** Keeps the executable of `plan` alive when the cache drops it. Pair with {@link releasePlan}. */
export function retainPlan(plan: Plan): void {
  const entry = entries.get(plan)
  if (entry) entry.retained++
}

/** Gives a retained plan up; its executable ends when the cache has dropped it too. */
export function releasePlan(plan: Plan): void {
  const entry = entries.get(plan)
  if (!entry || entry.retained === 0) return
  if (--entry.retained === 0 && !entry.cached) plan.executable.dispose()
}
