// Measures @dl beside its peers in one run. Each peer lives in a process of its own; for each workload they take turns in short
// slices, so that whatever else the machine does meets them all. Prints times, ratios and medians as a table.
//
//   node src/main.mjs [part of a workload's name] [--rounds=5] [--slice=400] [--json=file]
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { WORKLOADS } from './workloads.mjs'

const PEERS = ['dl', 'prototype', 'tfjs', 'jax-js', 'ort-web']
/** Who takes part where a workload does not say. */
const USUAL = ['dl', 'prototype', 'tfjs', 'jax-js']
const option = (name, fallback) =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback
const only = process.argv.slice(2).find((a) => !a.startsWith('--')) ?? ''
const rounds = Number(option('rounds', 5))
const slice = Number(option('slice', 400))

/** Starts a peer; null with one visible line when it can't be had. */
function start(name) {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL('worker.mjs', import.meta.url)), [name], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, DL_THREADS: '1' },
    })
    let said = ''
    child.stderr.on('data', (text) => (said += text))
    child.once('exit', () => {
      console.log(`${name}: left out (${said.match(/Error: (.*)/)?.[1] ?? said.trim().slice(0, 200)})`)
      resolve(null)
    })
    child.once('message', () => {
      child.removeAllListeners('exit')
      resolve({ name, child })
    })
  })
}
const ask = ({ child }, command, argument) =>
  new Promise((resolve) => {
    const gone = () => resolve({ failed: 'the process ended' })
    child.once('exit', gone)
    child.once('message', (answer) => {
      child.off('exit', gone)
      resolve(answer)
    })
    child.send({ command, argument })
  })

async function compare(number, peers) {
  const rows = []
  for (const peer of peers) rows.push({ peer, times: [], ...(await ask(peer, 'prepare', number)) })
  const timed = rows.filter((r) => r.right)
  for (let round = 0; round < rounds; round++)
    for (const row of round % 2 ? timed.toReversed() : timed)
      row.times = row.times.concat((await ask(row.peer, 'measure', slice)).times ?? [])
  return rows.map(({ peer, times, first, error, right, failed }) => {
    const sorted = times.toSorted((a, b) => a - b)
    return {
      peer: peer.name,
      best: sorted[0],
      median: sorted[sorted.length >> 1],
      runs: times.length,
      first,
      error,
      right,
      failed,
    }
  })
}

const digits = (x) => (x >= 100 ? x.toFixed(0) : x.toPrecision(3))
const milliseconds = (x) => (x < 0.1 ? `${digits(x * 1000)} µs` : `${digits(x)} ms`)

function print(workload, results) {
  console.log(`\n${workload.name}`)
  const ours = results.find((r) => r.peer === 'dl')
  for (const r of results) {
    if (r.failed || !r.right) {
      console.log(
        `  ${r.peer.padEnd(10)} ${r.failed ? `failed: ${r.failed}` : `wrong by ${r.error?.toExponential(1)}: not timed`}`,
      )
      continue
    }
    const rate = workload.flops
      ? `${digits(workload.flops / r.best / 1e6)} GFLOP/s`
      : workload.bytes
        ? `${digits(workload.bytes / r.best / 1e6)} GB/s`
        : ''
    const ratio =
      ours?.right && r !== ours
        ? `${digits(r.best / ours.best)}× (median ${digits(r.median / ours.median)}×)`
        : ''
    console.log(
      `  ${r.peer.padEnd(10)} best ${milliseconds(r.best).padStart(9)}  median ${milliseconds(r.median).padStart(9)}  ${rate.padStart(13)}  ` +
        `first ${milliseconds(r.first).padStart(8)}  error ${r.error.toExponential(0)}  ${ratio}`,
    )
  }
}

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, one thread each; ratios: a peer's time over ours`,
)
const chosen = WORKLOADS.filter(({ name }) => name.includes(only))
const needed = PEERS.filter((name) => chosen.some(({ peers = USUAL }) => peers.includes(name)))
const peers = (await Promise.all(needed.map(start))).filter((p) => p !== null)
const all = []
for (const [number, workload] of WORKLOADS.entries()) {
  if (!chosen.includes(workload)) continue
  const taking = workload.peers ?? USUAL
  const results = await compare(
    number,
    peers.filter(({ name }) => taking.includes(name)),
  )
  print(workload, results)
  all.push({ workload: workload.name, results })
}
const file = option('json')
if (file) writeFileSync(file, JSON.stringify(all, null, 2))
for (const { child } of peers) child.kill()
process.exit(all.some(({ results }) => results.some((r) => r.peer === 'dl' && !r.right)) ? 1 : 0)
