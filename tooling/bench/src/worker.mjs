// One peer in a process of its own: prepares a workload when told to, times it in slices, answers over IPC.
import { WORKLOADS } from './workloads.mjs'

const peer = await import(`./peers/${process.argv[2]}.mjs`)
await peer.start()

/** @type {{ run(): unknown } | undefined} */
let prepared

async function prepare(number) {
  const { kind, inputs, options, check, tolerance } = WORKLOADS[number]
  const began = performance.now()
  prepared = await peer.prepare(kind, inputs, options)
  await prepared.run()
  const first = performance.now() - began
  const error = await check(await prepared.result())
  return { first, error, right: error <= tolerance }
}

/** Runs that short are timed in groups of about this many milliseconds, which the clock can tell. */
const GROUP = 0.1

async function timeGroup(size) {
  const start = performance.now()
  for (let i = 0; i < size; i++) {
    const pending = prepared.run()
    if (pending instanceof Promise) await pending
  }
  return (performance.now() - start) / size
}

/** Times of single runs for about `milliseconds`. */
async function measure(milliseconds) {
  const began = performance.now()
  let once = Infinity
  for (let i = 0; i < 20 && once > GROUP / 1000 && performance.now() - began < milliseconds / 4; i++)
    once = Math.min(once, await timeGroup(1))
  const group = Math.max(1, Math.min(1000, Math.round(GROUP / once)))
  const times = []
  while (performance.now() - began < milliseconds || times.length < 2) {
    times.push(await timeGroup(group))
    // lets finalizers run
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { times }
}

process.on('message', async ({ command, argument }) => {
  try {
    process.send(await (command === 'prepare' ? prepare(argument) : measure(argument)))
  } catch (error) {
    process.send({ failed: String(error?.message ?? error).slice(0, 200) })
  }
})
process.send({ started: true })
