// Door `@dl/tensor/testing`: the conformance kit. It needs no test runner of its own: `describe` and `it` are passed in.
export { conformanceSuite, type ConformanceOptions } from './suite.ts'
export type { TestApi } from './test-api.ts'
