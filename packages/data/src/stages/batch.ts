// batch: groups consecutive elements. Rows of arrays are copied in bulk, everything else is collated sample by sample.
import { reblock } from '../sources/row-order.ts'
import type { Rows, Source } from '../sources/source.ts'
import { Collator } from './collate.ts'

export function batched<B>(upstream: Source<unknown>, size: number, dropRemainder: boolean): Source<B> {
  const { rows, size: count } = upstream
  return {
    size:
      count === undefined ? undefined : dropRemainder ? Math.floor(count / size) : Math.ceil(count / size),
    iterate: (epoch) =>
      (rows === undefined
        ? collated(upstream, size, dropRemainder, epoch)
        : gathered(rows, size, dropRemainder, epoch)) as AsyncGenerator<B, void, undefined>,
  }
}

async function* gathered(
  rows: Rows,
  size: number,
  dropRemainder: boolean,
  epoch: number,
): AsyncGenerator<unknown, void, undefined> {
  const table = await rows.load()
  for (const indices of reblock(rows.order(epoch), size, dropRemainder)) yield table.gather(indices)
}

async function* collated(
  upstream: Source<unknown>,
  size: number,
  dropRemainder: boolean,
  epoch: number,
): AsyncGenerator<unknown, void, undefined> {
  const collator = new Collator(upstream.dtypes)
  let batch = 0
  let samples: unknown[] = []
  for await (const sample of upstream.iterate(epoch)) {
    samples.push(sample)
    if (samples.length < size) continue
    const full = samples
    samples = []
    yield await collator.collate(full, batch, batch * size)
    batch++
  }
  if (samples.length > 0 && !dropRemainder) yield await collator.collate(samples, batch, batch * size)
}
