// Random pipelines: rows of an array take a short cut through row numbers, elements of a generator do not; both must
// yield the same elements in every epoch, and agree on their size.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromArrays, fromGenerator } from '../src/index.ts'
import type { Dataset } from '../src/index.ts'

type Step = readonly [name: 'shuffle' | 'take' | 'skip' | 'repeat' | 'filter' | 'map' | 'prefetch', n: number]
const steps = fc.array(
  fc.tuple(
    fc.constantFrom('shuffle', 'take', 'skip', 'repeat', 'filter', 'map', 'prefetch'),
    fc.integer({ min: 1, max: 12 }),
  ),
  { maxLength: 5 },
) as fc.Arbitrary<Step[]>

function apply(dataset: Dataset<number, any>, [name, n]: Step): Dataset<number, any> {
  switch (name) {
    case 'shuffle':
      return dataset.shuffle({ buffer: n, seed: n })
    case 'take':
      return dataset.take(n)
    case 'skip':
      return dataset.skip(n)
    case 'repeat':
      return dataset.repeat(n % 4)
    case 'filter':
      return dataset.filter((x) => x % n !== 1)
    case 'map':
      return dataset.map(async (x) => x + 1, { parallel: n })
    case 'prefetch':
      return dataset.prefetch(n)
    default:
      return name satisfies never
  }
}

/** The same steps over a plain array, for the ones whose order is no matter of chance. */
function plainly(values: readonly number[], [name, n]: Step): readonly number[] {
  switch (name) {
    case 'take':
      return values.slice(0, n)
    case 'skip':
      return values.slice(n)
    case 'repeat':
      return Array.from({ length: n % 4 }, () => values).flat()
    case 'filter':
      return values.filter((x) => x % n !== 1)
    case 'map':
      return values.map((x) => x + 1)
    default:
      return values
  }
}

const ascending = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

test('rows and streams yield the same, epoch by epoch', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 20 }), steps, async (n, list) => {
      const rows = list.reduce(apply, fromArrays(Float32Array.from(ascending(n))) as Dataset<number, any>)
      const stream = list.reduce(
        apply,
        fromGenerator(() => ascending(n), { size: n }) as Dataset<number, any>,
      )
      for (let epoch = 0; epoch < 2; epoch++) {
        const elements = await rows.toArray()
        expect(await stream.toArray()).toEqual(elements)
        expect(elements).toHaveLength(rows.size ?? elements.length)
      }
      expect(stream.size).toBe(rows.size)
    }),
    { numRuns: 300 },
  )
})

test('steps other than shuffle do what they do to an array', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 20 }), steps, async (n, list) => {
      const known = list.filter(([name]) => name !== 'shuffle')
      const dataset = known.reduce(apply, fromArrays(Float32Array.from(ascending(n))) as Dataset<number, any>)
      expect(await dataset.toArray()).toEqual(known.reduce(plainly, ascending(n)))
    }),
    { numRuns: 300 },
  )
})
