// The conformance kit on the reference backend: the tables themselves are sound, and the runtime computes what they expect.
import { describe, it } from 'vitest'
import { createReferenceBackend } from '../../src/backend/reference/index.ts'
import { conformanceSuite } from '../../src/testing/suite.ts'

conformanceSuite(createReferenceBackend(), { describe, it })
