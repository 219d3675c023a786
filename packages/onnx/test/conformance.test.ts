// ONNX's own backend tests, for the operators of the table: opsets 7 to 26, in the element types that tensors have.
import '@dl/backend-cpu'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import { ready, strictBackend, tensor, type Tensor } from '@dl/tensor/core'
import { judge } from '@dl/test-kit'
import { OPERATORS } from '../src/import/operators/index.ts'
import { importOnnx, OnnxError } from '../src/index.ts'
import { decodeTensorProto } from '../src/schema/codec.ts'
import { type HostTensor, hostTensor } from '../src/schema/tensor-values.ts'
import { readTarGz } from './support/archive.ts'
import { operatorsPage, type Tally } from './support/operators-page.ts'

interface Case {
  readonly name: string
  readonly op: string
  readonly ops: Readonly<Record<string, number>>
  readonly opset: Readonly<Record<string, number>>
}

/** Random by definition, or (spec of the test suite) not comparable by value. */
const NOT_COMPARABLE = /^test_(training_dropout|bernoulli)/
/** What an import says about element types that @dl/tensor does not have yet. */
const OTHER_DTYPE = /element type|casts to|makes elements of type|not declared as a tensor/

const inRange = ({ opset }: Case): boolean => (opset['ai.onnx'] ?? 0) >= 7 && (opset['ai.onnx'] ?? 0) <= 26
/** All operators of its graph are in the table. */
const inTable = ({ ops }: Case): boolean =>
  Object.keys(ops).every((op) => {
    const [domain, type = ''] = op.split('::')
    return domain === 'ai.onnx' && (type === 'Constant' || OPERATORS.has(type))
  })

/** The first element that differs, as text. */
function difference(got: ArrayLike<number | bigint>, want: HostTensor): string | undefined {
  const exact = !want.dtype.startsWith('float')
  for (let i = 0; i < want.data.length; i++) {
    const [a, b] = [Number(got[i]), Number(want.data[i])]
    if (Object.is(a, b) || a === b || (!exact && Math.abs(a - b) <= 1e-5 + 1e-3 * Math.abs(b))) continue
    return `element ${i} is ${a}, not ${b}`
  }
  return undefined
}

judge('ONNX backend tests', { needs: 'onnx-conformance' }, (folder) => {
  const suite = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Case[]
  const cases = suite.filter(inRange)
  const operators = [...new Set(cases.filter(inTable).map(({ op }) => op))]
  const tallies = new Map<string, Tally>()
  for (const own of cases) {
    const tally = tallies.get(own.op) ?? { given: 0, beyond: 0, random: 0, passed: 0 }
    tallies.set(own.op, tally)
    tally.given++
    if (NOT_COMPARABLE.test(own.name)) tally.random++
    else if (!inTable(own)) tally.beyond++
  }
  let files: ReadonlyMap<string, Uint8Array> = new Map()

  beforeAll(async () => {
    await ready()
    strictBackend(true)
    files = readTarGz(join(folder, 'public.tar.gz'))
    return () => strictBackend(false)
  })
  const value = (name: string, file: string): HostTensor =>
    hostTensor(decodeTensorProto(files.get(`conformance/${name}/test_data_set_0/${file}`)!), file)

  /** What is wrong, or undefined; null when the case is about an element type that we do not have. */
  async function failure(name: string): Promise<string | undefined | null> {
    try {
      const model = await importOnnx(files.get(`conformance/${name}/model.onnx`)!)
      const feeds: Record<string, Tensor> = {}
      for (const [i, input] of model.inputs.entries()) {
        const { data, shape, dtype } = value(name, `input_${i}.pb`)
        feeds[input.name] = tensor(data, [...shape], dtype)
      }
      const results = await model.run(feeds)
      for (const [i, { name: output }] of model.outputs.entries()) {
        const want = value(name, `output_${i}.pb`)
        const got = results[output]!
        const [type, expected] = [`${got.dtype}[${got.shape}]`, `${want.dtype}[${want.shape}]`]
        if (type !== expected) return `${name}: ${output} is ${type}, not ${expected}`
        const wrong = difference((await got.data()) as ArrayLike<number>, want)
        if (wrong !== undefined) return `${name}: ${output}: ${wrong}`
      }
      return undefined
    } catch (error) {
      if (error instanceof OnnxError && OTHER_DTYPE.test(error.message)) return null
      return `${name}: ${String(error)}`
    }
  }

  it.each(operators)(
    '%s',
    async (operator) => {
      const failures: string[] = []
      const tally = tallies.get(operator)!
      const own = cases.filter((row) => row.op === operator && inTable(row) && !NOT_COMPARABLE.test(row.name))
      for (const { name } of own) {
        const wrong = await failure(name)
        if (wrong === undefined) tally.passed++
        else if (wrong === null) tally.beyond++
        else failures.push(wrong)
      }
      expect(failures).toEqual([])
    },
    60_000,
  )

  it('computes as many cases as it did', () => {
    expect([...tallies.values()].reduce((sum, { passed }) => sum + passed, 0)).toBeGreaterThanOrEqual(762)
  })

  it('is what docs/onnx-operators.md says', () => {
    const path = fileURLToPath(new URL('../../../docs/onnx-operators.md', import.meta.url))
    const page = operatorsPage(tallies)
    if (process.env['DL_WRITE_DOCS']) writeFileSync(path, page)
    // the formatter fills tables with blanks and dashes
    const words = (text: string): string => text.replaceAll(/[ -]+/g, ' ')
    expect(words(readFileSync(path, 'utf8'))).toBe(words(page))
  })
})
