import { beforeAll, describe, it } from 'vitest'
import { registerBackend } from '../../src/backend/registry.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { interleavingProperty } from '../../src/testing/interleaving.ts'
import { runtimePromises } from '../../src/testing/runtime-promises.ts'

beforeAll(() => registerBackend(referenceBackend))
runtimePromises({ describe, it })
interleavingProperty({ describe, it })
