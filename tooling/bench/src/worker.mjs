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
  const error = check(await prepared.result())
  return { first, error, right: error <= tolerance }
}

/** Times of single runs for about `milliseconds`. Runs shorter than the clock can tell are timed in groups. */
async function measure(milliseconds) {
  const began = performance.now()
  await prepared.run()
  const group = Math.max(1, Math.min(1000, Math.round(0.05 / (performance.now() - began))))
  const times = []
  while (performance.now() - began < milliseconds || times.length < 2) {
    const start = performance.now()
    for (let i = 0; i < group; i++) {
      const pending = prepared.run()
      if (pending instanceof Promise) await pending
    }
    times.push((performance.now() - start) / group)
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
