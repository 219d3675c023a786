// What a tensor inside of a model looks like: files describe inputs and outputs, and need not describe the rest.
import type { Variable } from '@dl/tensor/core'
import { traceGraph } from '@dl/tensor/backend'
import { buildGraph } from './build.ts'
import type { ModelGraph, ValueInfo } from './graph.ts'

/** Sizes of free dimensions in two trials: unlikely to be sizes of anything else. */
const TRIALS = [
  [17, 19, 23, 29],
  [31, 37, 41, 43],
] as const

/**
 * The only output of `graph`, by building it twice with other sizes for its free dimensions. Nothing is computed. A size that
 * follows one of the free dimensions has its name, one that changes otherwise is `'?'`; the shape is undefined when it
 * depends on values, or the inputs' shapes are not known.
 */
export function inferOutput(
  graph: ModelGraph,
  variables: ReadonlyMap<string, Variable>,
  name: string,
): ValueInfo {
  const unknown: ValueInfo = { name, dtype: 'float32', shape: undefined }
  const shapes = graph.inputs.map(({ shape }) => shape)
  const free = [...new Set(shapes.flatMap((shape) => shape?.filter((d) => typeof d === 'string') ?? []))]
  if (shapes.includes(undefined) || free.length > TRIALS[0].length) return unknown
  const trial = (sizes: readonly number[]): { shape: readonly number[]; dtype: ValueInfo['dtype'] } => {
    const specs = graph.inputs.map(({ shape, dtype }) => ({
      shape: shape!.map((d) => (typeof d === 'string' ? sizes[free.indexOf(d)]! : d)),
      dtype,
    }))
    const { outputs } = traceGraph((...inputs) => buildGraph(graph, variables, inputs, 'graph')[0]!, specs)
    return outputs[0]!
  }
  try {
    const [first, second] = [trial(TRIALS[0]), trial(TRIALS[1])]
    const sizeOf = (d: number, axis: number): number | string => {
      const other = second.shape[axis]
      if (d === other) return d
      return free.find((_, i) => TRIALS[0][i] === d && TRIALS[1][i] === other) ?? '?'
    }
    return { name, dtype: first.dtype, shape: first.shape.map(sizeOf) }
  } catch {
    return unknown // sizes that do not fit together, or shapes that depend on values: a run will tell
  }
}
