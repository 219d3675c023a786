// Datasets of whatever a user's generator yields.
import { Dataset } from '../dataset.ts'
import { DatasetError, elementError } from '../dataset-error.ts'

/**
 * A dataset of the elements that `generator` yields. It is called once for every pass with the number of the epoch, and
 * must return a fresh iterable each time (a generator function does). Leaving a pass early runs the generator's
 * `finally`. `size`: number of elements, where it is known.
 *
 * @throws DatasetError (`element`) from a pass when the generator throws; the original error is the `cause`
 * @example
 * ```ts
 * import { fromGenerator } from '@dl/data'
 *
 * const squares = fromGenerator(function* () {
 *   for (let i = 0; i < 5; i++) yield { x: i, y: i * i }
 * })
 * console.log(await squares.skip(3).toArray()) // [{ x: 3, y: 9 }, { x: 4, y: 16 }]
 * ```
 */
export function fromGenerator<T>(
  generator: (epoch: number) => Iterable<T> | AsyncIterable<T>,
  options: { size?: number } = {},
): Dataset<T> {
  if (typeof generator !== 'function')
    throw new DatasetError(
      'argument',
      '[fromGenerator] expected a function that returns a fresh iterable for every pass, got an object; write () => …',
    )
  return new Dataset<T>({
    size: options.size,
    async *iterate(epoch) {
      let index = 0
      const iterator = start(generator, epoch)
      let done = false
      try {
        for (;;) {
          const step = await next(iterator, index)
          done = step.done === true
          if (step.done === true) return
          yield step.value
          index++
        }
      } catch (error) {
        done = true
        throw error
      } finally {
        if (!done) await iterator.return?.()
      }
    },
  })
}

type AnyIterator<T> = Iterator<T> | AsyncIterator<T>

function start<T>(
  generator: (epoch: number) => Iterable<T> | AsyncIterable<T>,
  epoch: number,
): AnyIterator<T> {
  let iterable: Iterable<T> | AsyncIterable<T>
  try {
    iterable = generator(epoch)
  } catch (error) {
    throw elementError('fromGenerator', 0, error)
  }
  const found = Object(iterable) as object // null and undefined have neither symbol
  if (Symbol.asyncIterator in found) return (iterable as AsyncIterable<T>)[Symbol.asyncIterator]()
  if (Symbol.iterator in found) return (iterable as Iterable<T>)[Symbol.iterator]()
  throw new DatasetError(
    'argument',
    '[fromGenerator] the function must return something iterable (use function* or async function*)',
  )
}

async function next<T>(iterator: AnyIterator<T>, index: number): Promise<IteratorResult<T, unknown>> {
  try {
    return await iterator.next()
  } catch (error) {
    throw elementError('fromGenerator', index, error)
  }
}
