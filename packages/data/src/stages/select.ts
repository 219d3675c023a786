// Stages that choose and order elements without changing them: shuffle, repeat, take, skip, filter, concatenate.
import { DatasetError, elementError } from '../dataset-error.ts'
import { shuffleRows, skipRows, takeRows } from '../sources/row-order.ts'
import { rowSource } from '../sources/source.ts'
import type { Source } from '../sources/source.ts'
import { ShuffleBuffer } from '../shuffle-buffer.ts'

export interface ShuffleStage {
  readonly buffer: number
  readonly seed: number
  readonly reshuffle: boolean
}

export function shuffled<T>(upstream: Source<T>, { buffer, seed, reshuffle }: ShuffleStage): Source<T> {
  const { rows, size, dtypes } = upstream
  const shuffleEpoch = (epoch: number): number => (reshuffle ? epoch : 0)
  if (rows !== undefined) {
    const order = (epoch: number): Iterable<Uint32Array> =>
      shuffleRows(rows.order(epoch), buffer, seed, shuffleEpoch(epoch))
    return rowSource({ order, load: () => rows.load() }, size!, dtypes)
  }
  return {
    size,
    dtypes,
    async *iterate(epoch) {
      const held = new ShuffleBuffer<T>(buffer, seed, shuffleEpoch(epoch))
      for await (const element of upstream.iterate(epoch)) {
        if (held.filling) held.fill(element)
        else yield held.exchange(element)
      }
      yield* held.drain()
    },
  }
}

export function taken<T>(upstream: Source<T>, count: number): Source<T> {
  const { rows, dtypes } = upstream
  const size = upstream.size === undefined ? undefined : Math.min(upstream.size, count)
  if (rows !== undefined)
    return rowSource(
      { order: (epoch) => takeRows(rows.order(epoch), count), load: () => rows.load() },
      size!,
      dtypes,
    )
  return {
    size,
    dtypes,
    async *iterate(epoch) {
      let left = count
      if (left === 0) return
      for await (const element of upstream.iterate(epoch)) {
        yield element
        if (--left === 0) return
      }
    },
  }
}

export function skipped<T>(upstream: Source<T>, count: number): Source<T> {
  const { rows, dtypes } = upstream
  const size = upstream.size === undefined ? undefined : Math.max(0, upstream.size - count)
  if (rows !== undefined)
    return rowSource(
      { order: (epoch) => skipRows(rows.order(epoch), count), load: () => rows.load() },
      size!,
      dtypes,
    )
  return {
    size,
    dtypes,
    async *iterate(epoch) {
      let left = count
      for await (const element of upstream.iterate(epoch)) {
        if (left > 0) left--
        else yield element
      }
    },
  }
}

/**
 * Passes follow each other as epochs of their own, so a shuffle before it reshuffles. Pass `i` of epoch `e` is the
 * upstream's epoch `e · times + i`; endless repetition leaves 2³² passes to each epoch.
 */
export function repeated<T>(upstream: Source<T>, times: number): Source<T> {
  const { rows, size, dtypes } = upstream
  const firstPass = (epoch: number): number => epoch * (times === Infinity ? 2 ** 32 : times)
  const total =
    times === 0 || size === 0
      ? 0
      : size === undefined
        ? times === Infinity
          ? Infinity
          : undefined
        : size * times
  if (rows !== undefined) {
    const order = function* (epoch: number): Generator<Uint32Array, void, undefined> {
      if (size === 0 && times === Infinity) throw endlessNothing()
      for (let pass = 0; pass < times; pass++) yield* rows.order(firstPass(epoch) + pass)
    }
    return rowSource({ order, load: () => rows.load() }, total!, dtypes)
  }
  return {
    size: total,
    dtypes,
    async *iterate(epoch) {
      for (let pass = 0; pass < times; pass++) {
        let any = false
        for await (const element of upstream.iterate(firstPass(epoch) + pass)) {
          any = true
          yield element
        }
        if (!any && times === Infinity) throw endlessNothing()
      }
    },
  }
}

const endlessNothing = (): DatasetError =>
  new DatasetError(
    'empty',
    '[dataset.repeat] an empty dataset cannot repeat without end; check what stands before it',
  )

export function filtered<T>(
  upstream: Source<T>,
  keep: (element: T, index: number) => boolean | Promise<boolean>,
): Source<T> {
  return {
    size: upstream.size === 0 ? 0 : undefined,
    dtypes: upstream.dtypes,
    async *iterate(epoch) {
      let index = 0
      for await (const element of upstream.iterate(epoch)) {
        let kept: boolean
        try {
          kept = await keep(element, index)
        } catch (error) {
          throw elementError('dataset.filter', index, error)
        }
        if (kept) yield element
        index++
      }
    },
  }
}

export function concatenated<T>(first: Source<T>, second: Source<T>): Source<T> {
  const [a, b] = [first.dtypes, second.dtypes]
  if (a !== undefined && b !== undefined && a.join() !== b.join())
    throw new DatasetError(
      'dtype',
      `[dataset.concatenate] elements are (${a.join(', ')}) and (${b.join(', ')}); convert one with map`,
    )
  return {
    size: first.size === undefined || second.size === undefined ? undefined : first.size + second.size,
    dtypes: a ?? b,
    async *iterate(epoch) {
      yield* first.iterate(epoch)
      yield* second.iterate(epoch)
    },
  }
}
