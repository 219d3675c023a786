import { describe, it } from 'vitest'
import '../src/index.ts'
import { runtimePromises } from '../../tensor/src/testing/runtime-promises.ts'
import { interleavingProperty } from '../../tensor/src/testing/interleaving.ts'
runtimePromises({ describe, it })
interleavingProperty({ describe, it }, 50)
