// The conformance suite: what every backend, ours or a stranger's, must pass. The tables of cases run on the backend and are
// compared with the reference interpreter.
import type { Backend } from '../backend/contract.ts'
import { registerBackend, setBackend } from '../backend/registry.ts'
import { type DType, DTYPE_NAMES } from '../graph/dtype.ts'
import { strictBackend } from '../tensor/evaluate.ts'
import { type CaseGroup, runCase } from './case.ts'
import { controlFlowCases } from './control-flow-cases.ts'
import { attentionCases } from './attention-cases.ts'
import { derivativeCases } from './derivative-cases.ts'
import { dotCases } from './dot-cases.ts'
import { indexedCases } from './indexed-cases.ts'
import { lineCases } from './line-cases.ts'
import { movementCases } from './movement-cases.ts'
import { programCases } from './program-cases.ts'
import { randomGraphCases } from './random-graph-cases.ts'
import { reductionCases } from './reduction-cases.ts'
import { interleavingProperty } from './interleaving.ts'
import { runtimePromises } from './runtime-promises.ts'
import { scalarCases } from './scalar-cases.ts'
import type { TestApi } from './test-api.ts'
import { randomUpdate, runUpdate, UPDATES } from './update-cases.ts'

/** The tables by name, to run some of them alone. */
const TABLES: Readonly<Record<string, () => CaseGroup[]>> = {
  scalar: scalarCases,
  movement: movementCases,
  reduction: reductionCases,
  dot: dotCases,
  indexed: indexedCases,
  line: lineCases,
  attention: attentionCases,
  program: programCases,
  derivative: derivativeCases,
  'control-flow': controlFlowCases,
  random: randomGraphCases,
}

/** Tests that are no tables of graphs; `api.it` makes the backend active first. */
const PARTS: Readonly<Record<string, (api: TestApi) => void>> = {
  update: ({ it }) => {
    for (const update of UPDATES) it(update.name, () => runUpdate(update))
    it('random updates', async () => {
      for (let seed = 1; seed <= 60; seed++) await runUpdate(randomUpdate(seed))
    })
  },
  runtime: (api) => {
    runtimePromises(api)
    interleavingProperty(api)
  },
}
const ALL: readonly string[] = [...Object.keys(TABLES), ...Object.keys(PARTS)]

export interface ConformanceOptions {
  /** Names of tables to run; default all. */
  readonly only?: readonly string[]
  /** Names of groups to leave out (`'exp float64'`), with the reason: a backend's documented limits. */
  readonly skip?: Readonly<Record<string, string>>
}

/**
 * Registers the conformance tests of a backend with a test runner.
 * @param backend the backend under test; it is registered and made active
 * @param api `describe` and `it` of the runner
 * @example
 * ```ts no-run
 * import type { Backend } from '@dl/tensor/backend'
 * import { conformanceSuite } from '@dl/tensor/testing'
 * import { describe, it } from 'vitest'
 * declare const myBackend: Backend
 * conformanceSuite(myBackend, { describe, it })
 * ```
 */
export function conformanceSuite(backend: Backend, api: TestApi, options: ConformanceOptions = {}): void {
  const { only = ALL, skip = {} } = options
  api.describe(`conformance of ${backend.name}`, () => {
    for (const name of only) {
      const table = TABLES[name]
      const part = PARTS[name]
      if (!table && !part)
        throw new Error(`[conformanceSuite] there is no table "${name}"; tables: ${ALL.join(', ')}`)
      api.describe(name, () => {
        part?.(onBackend(backend, api))
        for (const group of table?.() ?? [])
          if (!(group.name in skip) && !foreign(backend, group))
            api.it(group.name, () => runGroup(backend, group))
      })
    }
  })
}

/** Test functions whose bodies run with `backend` active. */
function onBackend(backend: Backend, { describe, it }: TestApi): TestApi {
  return {
    describe,
    it: (name, body, timeout) =>
      it(
        name,
        async () => {
          await activate(backend)
          await body()
        },
        timeout,
      ),
  }
}

/** A backend is asked only for dtypes that its capabilities name. */
const accepts = (backend: Backend, dtype: DType): boolean =>
  backend.level === 'graph' || backend.capabilities.dtypes.has(dtype)

/** Whether a group is about a dtype that the backend does not have (`'exp float64'`), or about loops that it does not run. */
const foreign = (backend: Backend, group: CaseGroup): boolean =>
  (group.name === 'while loops' && backend.level === 'kernel' && !backend.capabilities.loops) ||
  DTYPE_NAMES.some((dtype) => !accepts(backend, dtype) && group.name.split(' ').includes(dtype))

/** All cases of a group on `backend`; reports every case that fails. */
async function runGroup(backend: Backend, group: CaseGroup): Promise<void> {
  await activate(backend)
  const failures: string[] = []
  for (const testCase of group.cases) {
    try {
      await runCase(testCase, (dtype) => accepts(backend, dtype))
    } catch (error) {
      failures.push(`${testCase.name}: ${(error as Error).message}`)
    }
  }
  if (failures.length)
    throw new Error(
      `${failures.length} of ${group.cases.length} cases fail\n${failures.slice(0, 8).join('\n')}`,
    )
}

/** Makes `backend` the one that computes; falling back to the reference is an error. */
export async function activate(backend: Backend): Promise<void> {
  registerBackend(backend)
  await setBackend(backend.name)
  strictBackend(true)
}
