// The fuzzer as a program: `node fuzz.js <first seed> <count> [shared folder]`. Runs apart from the tests, so that a hang or
// an exhausted heap is seen from outside. One line of JSON for each seed before it starts and after it ends.
import '@dl/backend-cpu'
import { ready } from '@dl/tensor/core'
import { OPERATORS } from '../../src/import/operators/index.ts'
import { corpus } from './corpus.ts'
import { mutated, trial } from './trial.ts'

const [first = '0', count = '1', shared] = process.argv.slice(2)
const say = (line: object): unknown => process.stdout.write(`${JSON.stringify(line)}\n`)
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

await ready()
const files = await corpus(shared)
const opTypes = [...OPERATORS.keys(), 'Constant']
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  say({ start: seed })
  const began = cpuSeconds()
  const outcome = await trial(seed, mutated(seed, files, opTypes))
  say({
    seed,
    ...outcome,
    seconds: cpuSeconds() - began,
    megabytes: Math.round(process.memoryUsage.rss() / 2 ** 20),
  })
  await new Promise((resolve) => setImmediate(resolve)) // collected handles give their memory back
}
