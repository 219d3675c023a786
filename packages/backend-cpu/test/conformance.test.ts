// The conformance kit of @dl/tensor on this backend: every scalar row and primitive, every dtype, against the reference.
import { conformanceSuite } from '@dl/tensor/testing'
import { describe, it } from 'vitest'
import { CpuBackend } from '../src/backend.ts'

conformanceSuite(new CpuBackend(), { describe, it })
