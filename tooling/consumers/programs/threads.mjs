// What a page does with threads: asks for two, multiplies until both have worked, and tells what it saw.
import { cpuBackend, setThreadCount } from '@dl/backend-cpu'
import { matMul, ones } from '@dl/tensor'

async function main() {
  const threads = await setThreadCount(2)
  const x = ones([256, 256])
  let right = true
  for (let i = 0; i < 200; i++) {
    const y = await matMul(x, x).data()
    right &&= y.length === 65_536 && y.every((v) => v === 256)
    if (i > 5 && (threads === 1 || cpuBackend.partsDone[1] > 0)) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const worked = cpuBackend.partsDone.filter((parts) => parts > 0).length
  return { isolated: crossOriginIsolated, threads, worked, right, description: cpuBackend.description }
}

main().then(
  (result) => (globalThis.result = result),
  (error) => (globalThis.result = { error: String(error) }),
)
