// The default generator behind dropout and unseeded draws. Its state is a Variable, so that `jit` replays draw new numbers
// and a checkpoint can hold it.
import { constant, iota, s } from '../graph/primitives.ts'
import { fromNode, hostNode } from '../tensor/tensor.ts'
import { Variable, variableState } from '../tensor/variable.ts'
import { key, type Key, type Stream, word } from './stream.ts'

let state: Variable<[3], 'int32'> | null = null

const initial = (seed: number): Int32Array => Int32Array.of(seed | 0, Math.floor(seed / 2 ** 32) | 0, 0)
const entropy = (): number => Math.floor(Math.random() * 2 ** 48)

/**
 * State of the default generator, int32 [3]: two key words and the number of draws so far. Save it and assign it back to
 * go on with the same numbers.
 */
export function generatorState(): Variable<[3], 'int32'> {
  state ??= new Variable(fromNode(hostNode('random', initial(entropy()))), false, 'random/state') as Variable<
    [3],
    'int32'
  >
  return state
}

/** Seeds the default generator: from here on unseeded draws and dropout repeat. Without a call, it starts differently each time. */
export function seed(value: number): void {
  if (!Number.isSafeInteger(value)) throw new Error(`[random.seed] the seed must be an integer, got ${value}`)
  generatorState().assign(initial(value))
}

/** The next stream of the default generator; advances it. */
export function nextStream(): Stream {
  const variable = variableState(generatorState())
  const now = variable.read()
  // two lanes may be drawn: the counter advances by 2, words 0 and 1 stay
  const advance = s.mul(s.div(iota([3], 0), constant(2, 'int32')), 2)
  variable.assign(s.add(now, advance))
  return { key0: word(now, 0), key1: word(now, 1), counter: word(now, 2) }
}

/** The stream of a seed or key, or the default generator's next one. */
export function streamFor(source: Key | number | undefined): Stream {
  if (source === undefined) return nextStream()
  return typeof source === 'number' ? key(source).stream : source.stream
}
