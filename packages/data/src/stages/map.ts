// map: one function over all elements, several at a time when it is asynchronous, always in order.
import { elementError } from '../dataset-error.ts'
import type { Source } from '../sources/source.ts'

type Transform<T, U> = (element: T, index: number) => U | Promise<U>

export function mapped<T, U>(upstream: Source<T>, transform: Transform<T, U>, parallel: number): Source<U> {
  return {
    size: upstream.size,
    iterate: (epoch) =>
      parallel === 1
        ? oneByOne(upstream, transform, epoch)
        : overlapping(upstream, transform, parallel, epoch),
  }
}

async function* oneByOne<T, U>(
  upstream: Source<T>,
  transform: Transform<T, U>,
  epoch: number,
): AsyncGenerator<U, void, undefined> {
  let index = 0
  for await (const element of upstream.iterate(epoch)) yield await apply(transform, element, index++)
}

/** Keeps up to `parallel` calls running. A failure appears after the results of all elements before it. */
async function* overlapping<T, U>(
  upstream: Source<T>,
  transform: Transform<T, U>,
  parallel: number,
  epoch: number,
): AsyncGenerator<U, void, undefined> {
  const running: Promise<U>[] = []
  const elements = upstream.iterate(epoch)
  let upstreamFailure: { error: unknown } | undefined
  let index = 0
  let open = true
  try {
    for (;;) {
      while (open && running.length < parallel) {
        const step = await elements.next().catch((error: unknown) => {
          upstreamFailure = { error }
        })
        if (step === undefined || step.done === true) {
          open = false
          break
        }
        const result = apply(transform, step.value, index++)
        result.catch(ignore) // it is reported when its turn comes
        running.push(result)
      }
      const oldest = running.shift()
      if (oldest === undefined) break
      yield await oldest
    }
    if (upstreamFailure !== undefined) throw upstreamFailure.error
  } finally {
    await Promise.allSettled(running)
    await elements.return()
  }
}

async function apply<T, U>(transform: Transform<T, U>, element: T, index: number): Promise<U> {
  try {
    return await transform(element, index)
  } catch (error) {
    throw elementError('dataset.map', index, error)
  }
}

const ignore = (): void => {}
