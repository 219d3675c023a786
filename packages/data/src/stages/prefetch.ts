// prefetch: lets the stages before it work ahead while the consumer is busy, by at most a given number of elements.
import type { Source } from '../sources/source.ts'

/**
 * Requests to an async generator queue up and are answered in order, one at a time, so `depth` unanswered requests are a
 * buffer of `depth` elements: order, errors and the end come through by themselves.
 */
export function prefetched<T>(upstream: Source<T>, depth: number): Source<T> {
  return {
    size: upstream.size,
    dtypes: upstream.dtypes,
    async *iterate(epoch) {
      const elements = upstream.iterate(epoch)
      const requests: Promise<IteratorResult<T, void>>[] = []
      try {
        for (;;) {
          while (requests.length < depth) {
            const request = elements.next()
            request.catch(ignore) // it is reported when its turn comes
            requests.push(request)
          }
          const step = await requests.shift()!
          if (step.done === true) return
          yield step.value
        }
      } finally {
        await elements.return()
      }
    },
  }
}

const ignore = (): void => {}
