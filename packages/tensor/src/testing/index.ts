// Door `@dl/tensor/testing`: the conformance kit. It needs no test runner of its own: `describe` and `it` are passed in.
export { conformanceSuite, type ConformanceOptions } from './suite.ts'
export { type WorkCounters, workCounters } from './counters.ts'
export { interleavingProperty } from './interleaving.ts'
export { runtimePromises } from './runtime-promises.ts'
export type { TestApi } from './test-api.ts'
export {
  INTERPRETER_CAPABILITIES,
  interpretingBackend,
  type InterpretingBackend,
  runProgram,
} from './ir-interpreter.ts'
