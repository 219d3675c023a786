// The `random` namespace: keys, draws from keys, and the default generator.
export { generatorState, seed } from './generator.ts'
export {
  bernoulli,
  fans,
  glorotUniform,
  heNormal,
  integers,
  normal,
  type NormalOptions,
  truncatedNormal,
  uniform,
  type UniformOptions,
} from './sample.ts'
export { key, Key } from './stream.ts'
