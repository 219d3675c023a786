// The conformance kit on the interpreted kernel language: compiler and IR are judged by the same tables as every backend.
import { describe, it } from 'vitest'
import { interpretingBackend } from '../../src/testing/ir-interpreter.ts'
import { conformanceSuite } from '../../src/testing/suite.ts'

// what @dl/backend-cpu promises, so that integer and float64 products become rows
const backend = interpretingBackend({ maxExprs: 256, contractDtypes: new Set(['float32'] as const) })
conformanceSuite(backend, { describe, it: (name, body) => it(name, body, 30_000) })
