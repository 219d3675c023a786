// The pipeline: what each step yields, what it says of its size, that leaving early releases everything upstream, and that
// errors name the element.
import { describe, expect, expectTypeOf, test } from 'vitest'
import { Dataset, DatasetError, fromArrays, fromFile, fromGenerator, zip } from '../src/index.ts'

const numbers = (n: number): Dataset<number> =>
  fromGenerator(
    function* () {
      for (let i = 0; i < n; i++) yield i
    },
    { size: n },
  )
const rows = (n: number): Dataset<number, unknown> => fromArrays(Int32Array.from({ length: n }, (_, i) => i))
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const failure = async (run: () => Promise<unknown>): Promise<DatasetError> => {
  const error: unknown = await run().then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(DatasetError)
  return error as DatasetError
}

/** Numbers from 0 without end; `closed` counts how often the generator's finally ran. */
function endless(): { dataset: Dataset<number>; produced: () => number; closed: () => number } {
  let produced = 0
  let closed = 0
  const dataset = fromGenerator(
    async function* () {
      try {
        for (let i = 0; ; i++) {
          produced++
          yield i
        }
      } finally {
        closed++
      }
    },
    { size: Infinity },
  )
  return { dataset, produced: () => produced, closed: () => closed }
}

type Step = (dataset: Dataset<number, any>) => Dataset<any, any>
const STEPS: readonly [name: string, step: Step, n: number, expected: unknown[], size: number | undefined][] =
  [
    ['nothing', (d) => d, 4, [0, 1, 2, 3], 4],
    ['map', (d) => d.map((x) => x * 10), 3, [0, 10, 20], 3],
    [
      'map with the index',
      (d) => d.skip(1).map((x, i) => [x, i]),
      3,
      [
        [1, 0],
        [2, 1],
      ],
      2,
    ],
    ['map async', (d) => d.map(async (x) => x + 1), 3, [1, 2, 3], 3],
    ['filter', (d) => d.filter((x) => x % 2 === 1), 6, [1, 3, 5], undefined],
    ['filter async', (d) => d.filter(async (x) => x > 3), 6, [4, 5], undefined],
    ['take', (d) => d.take(2), 5, [0, 1], 2],
    ['take none', (d) => d.take(0), 5, [], 0],
    ['take more than there is', (d) => d.take(9), 3, [0, 1, 2], 3],
    ['skip', (d) => d.skip(3), 5, [3, 4], 2],
    ['skip more than there is', (d) => d.skip(9), 3, [], 0],
    ['repeat', (d) => d.repeat(3), 2, [0, 1, 0, 1, 0, 1], 6],
    ['repeat never', (d) => d.repeat(0), 2, [], 0],
    ['repeat without end', (d) => d.repeat().take(5), 2, [0, 1, 0, 1, 0], 5],
    ['repeat of nothing', (d) => d.repeat(4), 0, [], 0],
    ['concatenate', (d) => d.concatenate(d.take(1)), 2, [0, 1, 0], 3],
    [
      'zip',
      (d) => d.zip(d.skip(1)),
      3,
      [
        [0, 1],
        [1, 2],
      ],
      2,
    ],
    ['prefetch', (d) => d.prefetch(2), 5, [0, 1, 2, 3, 4], 5],
    ['take, skip, repeat', (d) => d.take(3).skip(1).repeat(2), 9, [1, 2, 1, 2], 4],
    ['shuffle of one', (d) => d.shuffle({ seed: 1 }), 1, [0], 1],
    ['shuffle of none', (d) => d.shuffle({ seed: 1 }), 0, [], 0],
  ]

describe.each([
  ['elements of a generator', numbers as (n: number) => Dataset<number, any>],
  ['rows of an array', rows as (n: number) => Dataset<number, any>],
])('%s', (_, make) => {
  test.each(STEPS)('%s', async (_name, step, n, expected, size) => {
    const dataset = step(make(n))
    expect(dataset.size).toBe(size)
    expect(await dataset.toArray()).toEqual(expected)
    expect(await dataset.toArray()).toEqual(expected) // a dataset can be walked through again
  })

  test('shuffle keeps all elements, changes with the epoch and comes back with it', async () => {
    const dataset = make(100).shuffle({ seed: 3 })
    const [first, second] = [await dataset.toArray(), await dataset.toArray()]
    expect(first).not.toEqual(second)
    expect(first.toSorted((a, b) => a - b)).toEqual(await make(100).toArray())
    const again = make(100).shuffle({ seed: 3 })
    const collect = async (epoch: number): Promise<number[]> => {
      const out: number[] = []
      for await (const x of again.iterate(epoch)) out.push(x)
      return out
    }
    expect(await collect(1)).toEqual(second)
    expect(await collect(0)).toEqual(first)
  })

  test('shuffle without reshuffling repeats the first order', async () => {
    const dataset = make(50).shuffle({ seed: 3, reshuffleEachIteration: false })
    expect(await dataset.toArray()).toEqual(await dataset.toArray())
  })

  test('repetitions after a shuffle have orders of their own, and epochs go on where the last one ended', async () => {
    const dataset = make(20).shuffle({ seed: 3 }).repeat(2)
    const twice = await dataset.toArray()
    expect(twice.slice(0, 20)).not.toEqual(twice.slice(20))
    const plain = make(20).shuffle({ seed: 3 })
    const passes = [
      await plain.toArray(),
      await plain.toArray(),
      await plain.toArray(),
      await plain.toArray(),
    ]
    expect([...twice, ...(await dataset.toArray())]).toEqual(passes.flat())
  })

  test('a small shuffle buffer moves no element forward by more than its size', async () => {
    const out = await make(200).shuffle({ buffer: 10, seed: 1 }).toArray()
    out.forEach((x, i) => expect(x - i).toBeLessThanOrEqual(10))
    expect(new Set(out).size).toBe(200)
  })
})

test.each([1, 2, 10, 64, 1000])('rows and streams are shuffled alike with a buffer of %d', async (buffer) => {
  const step = (d: Dataset<number, any>): Promise<number[]> =>
    d.skip(3).shuffle({ buffer, seed: 8 }).take(150).toArray()
  expect(await step(rows(200))).toEqual(await step(numbers(200)))
})

describe('map', () => {
  test('runs up to `parallel` calls at a time and keeps the order', async () => {
    let running = 0
    let most = 0
    const out = await numbers(12)
      .map(
        async (x) => {
          most = Math.max(most, ++running)
          await later((12 - x) % 4)
          running--
          return x
        },
        { parallel: 4 },
      )
      .toArray()
    expect(out).toEqual(Array.from({ length: 12 }, (_, i) => i))
    expect(most).toBe(4)
  })

  test.each([1, 3])(
    'with parallel %d an error names the element, after the elements before it',
    async (parallel) => {
      const seen: number[] = []
      const dataset = numbers(10).map(
        async (x) => {
          if (x === 4) throw new RangeError('too far')
          return x
        },
        { parallel },
      )
      const error = await failure(() => dataset.forEach((x) => seen.push(x)))
      expect(error).toMatchObject({ code: 'element', index: 4, message: '[dataset.map] element 4: too far' })
      expect(error.cause).toBeInstanceOf(RangeError)
      expect(seen).toEqual([0, 1, 2, 3])
    },
  )

  test('an error upstream comes after the results of the elements before it', async () => {
    const seen: number[] = []
    const broken = fromGenerator(function* () {
      yield 1
      yield 2
      throw new Error('disk gone')
    })
    const error = await failure(() =>
      broken.map(async (x) => x * 2, { parallel: 8 }).forEach((x) => seen.push(x)),
    )
    expect(error.message).toBe('[fromGenerator] element 2: disk gone')
    expect(seen).toEqual([2, 4])
  })
})

describe('leaving early', () => {
  const through: readonly [string, Step][] = [
    ['map', (d) => d.map((x) => x)],
    ['map in parallel', (d) => d.map(async (x) => x, { parallel: 3 })],
    ['filter', (d) => d.filter(() => true)],
    ['shuffle', (d) => d.shuffle({ buffer: 4, seed: 1 })],
    ['repeat', (d) => d.repeat()],
    ['skip', (d) => d.skip(2)],
    ['prefetch', (d) => d.prefetch(3)],
    ['zip', (d) => d.zip(numbers(100))],
    ['concatenate', (d) => d.concatenate(d)],
    [
      'all together',
      (d) =>
        d
          .filter(() => true)
          .map(async (x) => x, { parallel: 2 })
          .shuffle({ buffer: 2 })
          .prefetch(2),
    ],
  ]
  test.each(through)('a loop over %s closes the generator', async (_, step) => {
    const { dataset, closed } = endless()
    let count = 0
    for await (const element of step(dataset)) if (element !== undefined && ++count === 3) break
    expect(closed()).toBe(1)
  })

  test.each(through)('take after %s closes the generator', async (_, step) => {
    const { dataset, closed } = endless()
    expect(await step(dataset).take(3).toArray()).toHaveLength(3)
    expect(closed()).toBe(1)
  })

  test('zip closes the longer one', async () => {
    const { dataset, closed } = endless()
    expect(await numbers(2).zip(dataset).toArray()).toEqual([
      [0, 0],
      [1, 1],
    ])
    expect(closed()).toBe(1)
  })

  test('an error in the loop body closes the generator', async () => {
    const { dataset, closed } = endless()
    await expect(
      dataset.prefetch(2).forEach(() => {
        throw new Error('stop')
      }),
    ).rejects.toThrow('stop')
    expect(closed()).toBe(1)
  })
})

test('prefetch works ahead while the consumer is busy, by no more than it is told', async () => {
  const { dataset, produced } = endless()
  const iterator = dataset.prefetch(3).iterate(0)
  await iterator.next()
  await later(5)
  expect(produced()).toBe(3) // the one that was taken and two that wait; the third request follows with the next call
  await iterator.next()
  await later(5)
  expect(produced()).toBe(4)
  await iterator.return()
})

test('a generator is called with the epoch', async () => {
  const dataset = fromGenerator(function* (epoch) {
    yield epoch
  })
  expect([await dataset.toArray(), await dataset.toArray(), await dataset.toArray()]).toEqual([[0], [1], [2]])
  expect(await dataset.repeat(2).toArray()).toEqual([0, 1])
})

test('zip of a tree gives elements of that tree', async () => {
  const pairs = zip({ x: numbers(3), y: [numbers(5), fromArrays(Float32Array.of(5, 6, 7))] })
  expect(pairs.size).toBe(3)
  expect(await pairs.take(1).toArray()).toEqual([{ x: 0, y: [0, 5] }])
})

describe('fromFile', () => {
  const cases: [string, string, string[]][] = [
    ['lines', 'a\nb\n', ['a', 'b']],
    ['a last line without its end', 'a\nb', ['a', 'b']],
    ['CRLF', 'a\r\nb\r\n', ['a', 'b']],
    ['blank lines', 'a\n\nb\n', ['a', '', 'b']],
    ['a byte order mark', '\uFEFFa\nb', ['a', 'b']],
    ['nothing', '', []],
    ['letters of several bytes', 'ä\n語\n', ['ä', '語']],
  ]
  test.each(cases)('reads %s', async (_, text, lines) => {
    expect(await fromFile(new Blob([text])).toArray()).toEqual(lines)
    const bytes = [...new TextEncoder().encode(text)].map((byte) => Uint8Array.of(byte))
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of bytes) controller.enqueue(piece)
        controller.close()
      },
    })
    expect(await fromFile(stream).toArray()).toEqual(lines)
  })

  test('reads a file of Node twice, and by URL', async () => {
    const dataset = fromFile(new URL(import.meta.url)).take(1)
    const [first] = await dataset.toArray()
    expect(first).toMatch(/^\/\/ The pipeline/)
    expect(await dataset.toArray()).toEqual([first])
  })

  test('a missing file, and a stream read twice, are source errors', async () => {
    expect(await failure(() => fromFile('/no/such/file').toArray())).toMatchObject({ code: 'source' })
    const stream = fromFile(new Response('a\nb').body!)
    await stream.toArray()
    expect(await failure(() => stream.toArray())).toMatchObject({ code: 'source' })
  })
})

describe('errors', () => {
  const bad: [string, () => unknown, RegExp][] = [
    [
      'batch size 0',
      () => numbers(3).batch(0),
      /\[dataset\.batch\] size must be a whole number of 1 or more, got 0/,
    ],
    ['a broken take', () => numbers(3).take(1.5), /\[dataset\.take\] count .* got 1\.5/],
    ['a negative skip', () => numbers(3).skip(-1), /\[dataset\.skip\] count .* got -1/],
    ['parallel 0', () => numbers(3).map((x) => x, { parallel: 0 }), /\[dataset\.map\] parallel/],
    ['buffer 0', () => numbers(3).shuffle({ buffer: 0 }), /\[dataset\.shuffle\] buffer/],
    ['a broken seed', () => numbers(3).shuffle({ seed: 0.5 }), /\[dataset\.shuffle\] seed .* got 0\.5/],
    ['prefetch 0', () => numbers(3).prefetch(0), /\[dataset\.prefetch\] count/],
    ['a generator object', () => fromGenerator([1, 2] as never), /\[fromGenerator\] expected a function/],
    [
      'zip of something else',
      () => zip({ a: numbers(1), b: 3 as never }),
      /\[zip\] expected a Dataset at 'b'/,
    ],
  ]
  test.each(bad)('%s', (_, run, message) => {
    expect(run).toThrow(DatasetError)
    expect(run).toThrow(message)
  })

  test('an endless dataset has no array, and nothing cannot repeat for ever', async () => {
    expect(await failure(() => numbers(2).repeat().toArray())).toMatchObject({ code: 'argument' })
    expect(await failure(() => numbers(0).repeat().take(1).toArray())).toMatchObject({ code: 'empty' })
    expect(await failure(() => rows(0).repeat().take(1).toArray())).toMatchObject({ code: 'empty' })
  })

  test('a generator that returns nothing iterable', async () => {
    expect(await failure(() => fromGenerator((() => 3) as never).toArray())).toMatchObject({
      code: 'argument',
    })
  })

  test('a predicate that throws names the element', async () => {
    const error = await failure(() =>
      numbers(3)
        .filter((x) => {
          if (x === 2) throw new Error('odd')
          return true
        })
        .toArray(),
    )
    expect(error).toMatchObject({ index: 2, message: '[dataset.filter] element 2: odd' })
  })
})

test('types of elements', () => {
  expectTypeOf(numbers(1).map(async (x) => ({ x }))).toEqualTypeOf<Dataset<{ x: number }>>()
  expectTypeOf(zip([numbers(1), fromFile('x')]).iterate(0)).toEqualTypeOf<
    AsyncGenerator<[number, string], void, undefined>
  >()
})
