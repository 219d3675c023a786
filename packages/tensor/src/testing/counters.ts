// Counts of work done in JavaScript since the start: tests and benchmarks assert that a compiled step does none.
import { readyBackend } from '../backend/registry.ts'
import { traceCount } from '../compile/jit.ts'
import { planCacheStats } from '../compile/plan-graph.ts'
import { nodesCreated } from '../graph/node.ts'

export interface WorkCounters {
  /** Graph nodes made. */
  readonly nodes: number
  /** Functions traced by `jit`. */
  readonly traces: number
  /** Programs compiled for the active backend. */
  readonly compiled: number
}

/** The counters now. Throws when no backend is ready. */
export function workCounters(): WorkCounters {
  return {
    nodes: nodesCreated(),
    traces: traceCount(),
    compiled: planCacheStats(readyBackend('workCounters')).compiled,
  }
}
