// zip: walks through several datasets in step.
import type { Source } from '../sources/source.ts'
import { unflatten } from '../tree.ts'

/** Elements have the structure of `structure`, each leaf from the source in its place; ends with the shortest. */
export function zipped<T>(structure: unknown, sources: readonly Source<unknown>[]): Source<T> {
  const sizes = sources.map(({ size }) => size)
  const dtypes = sources.map((source) => source.dtypes)
  return {
    size: sizes.includes(0) ? 0 : sizes.includes(undefined) ? undefined : Math.min(...(sizes as number[])),
    dtypes: dtypes.includes(undefined) ? undefined : dtypes.flatMap((d) => d!),
    async *iterate(epoch) {
      const iterators = sources.map((source) => source.iterate(epoch))
      try {
        for (;;) {
          const steps = await Promise.all(iterators.map((iterator) => iterator.next()))
          if (steps.some(({ done }) => done === true)) return
          yield unflatten(
            structure,
            steps.map(({ value }) => value),
          ) as T
        }
      } finally {
        await Promise.all(iterators.map((iterator) => iterator.return()))
      }
    },
  }
}
