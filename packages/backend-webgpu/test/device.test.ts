// The backend on a real adapter: values, counts of what the device was asked to do, memory, errors and losses. Any adapter will
// do; on a machine without a GPU that is a software driver.
import '@dl/backend-cpu'
import { judge } from '@dl/test-kit'
import { registerBackend } from '@dl/tensor/backend'
import {
  add,
  cast,
  jit,
  matMul,
  memory,
  mul,
  relu,
  setBackend,
  softmax,
  square,
  sub,
  sum,
  tensor,
  type Tensor,
  variable,
  type Variable,
  variableGrads,
} from '@dl/tensor/core'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { DeviceLostError, OutOfDeviceMemoryError, WebGpuError, type WebGpuBackend } from '../src/index.ts'
import { type LosableBackend, openBackend } from './support/dawn.ts'
import { vulkanDriver } from './support/driver.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const numbers = (n: number, phase = 0): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => 2 * Math.sin(i * 12.9898 + phase))
const values = async (x: Tensor): Promise<number[]> => [...((await x.data()) as Float32Array)]

// CI has a driver: there a skipped judge fails the run
const needs = process.env['CI'] ? 'webgpu/node' : 'a Vulkan driver'
judge('WebGPU adapter', { needs, fixture: vulkanDriver() ?? 'none' }, () => {
  let backend: WebGpuBackend
  let loseDevice: LosableBackend['lose']
  beforeAll(async () => {
    ;({ backend, lose: loseDevice } = await openBackend())
    registerBackend(backend)
    await setBackend('webgpu')
  })

  describe('values', () => {
    it('come back as they went', async () => {
      for (const n of [0, 1, 3, 4, 5, 1000]) {
        const x = numbers(n)
        expect(await values(tensor(x, [n]) as Tensor)).toEqual([...x])
        const bytes = Uint8Array.from({ length: n }, (_, i) => i)
        expect([...((await add(tensor(bytes, [n], 'uint8'), 0).data()) as Uint8Array)]).toEqual([...bytes])
      }
    })
    it('are the same when they are moved to another backend', async () => {
      const x = square(tensor(numbers(10), [10]))
      const before = await values(x as Tensor)
      await setBackend('cpu')
      try {
        expect(await values(add(x, 1) as Tensor)).toEqual(before.map((v) => Math.fround(v + 1)))
      } finally {
        await setBackend('webgpu')
      }
    })
    it('of float64 are computed by the reference, with a warning, and no error', async () => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
      const x = square(tensor([1, 2, 3]))
      await x.data()
      expect([...(await mul(cast(x, 'float64'), 0.1).data())]).toEqual([0.1, 0.4, 0.9])
      expect(warn).toHaveBeenCalledWith(expect.stringMatching(/webgpu.*float64.*reference interpreter/))
      warn.mockRestore()
    })
    it('are not to be had at once', () => {
      const x = add(tensor([1]), 1)
      expect(() => x.dataSync()).toThrow(/"webgpu" can only be read asynchronously; use "await x\.data\(\)"/)
    })
  })

  describe('a training step', () => {
    const [n, k] = [32, 16]
    const make = (): { step: (x: Tensor, y: Tensor) => Tensor } => {
      const w1: Variable = variable(mul(tensor(numbers(k * 24), [k, 24]), 0.2))
      const w2: Variable = variable(mul(tensor(numbers(24 * 4, 1), [24, 4]), 0.2))
      const step = jit((x: Tensor, y: Tensor) => {
        const { value, grads } = variableGrads(
          () => sum(square(sub(softmax(matMul(relu(matMul(x, w1)), w2)), y))),
          [w1, w2],
        )
        for (const w of [w1, w2]) w.assign(sub(w, mul(0.05, grads[w.name]!)))
        return value
      })
      return { step }
    }
    const examples = (): [Tensor, Tensor] => [
      tensor(numbers(n * k, 3), [n, k]) as Tensor,
      tensor(
        numbers(n * 4, 5).map((_, i) => (i % 4 === (i >> 2) % 4 ? 1 : 0)),
        [n, 4],
      ) as Tensor,
    ]

    it('learns as on the CPU, in one submission, without new bind groups or buffers', async () => {
      const losses = async (): Promise<number[]> => {
        const { step } = make()
        const [x, y] = examples()
        const all: number[] = []
        for (let i = 0; i < 30; i++) {
          const loss = step(x, y)
          all.push((await values(loss))[0]!)
          loss.dispose()
        }
        return all
      }
      const gpu = await losses()
      await setBackend('cpu')
      const cpu = await losses()
      await setBackend('webgpu')
      expect(gpu[29]!).toBeLessThan(gpu[0]! - 0.1)
      gpu.forEach((v, i) => expect(Math.abs(v - cpu[i]!)).toBeLessThan(1e-3 * Math.abs(cpu[i]!) + 1e-4))

      const { step } = make()
      const [x, y] = examples()
      for (let i = 0; i < 5; i++) await values(step(x, y))
      const before = { ...backend.counters(), physical: memory().physical }
      for (let i = 0; i < 1000; i++) step(x, y).dispose()
      await values(step(x, y))
      const after = { ...backend.counters(), physical: memory().physical }
      const steps = 1001
      expect((after.dispatches - before.dispatches) / steps).toBeLessThanOrEqual(8)
      expect((after.dispatches - before.dispatches) % steps).toBe(0)
      expect(after.submits - before.submits).toBeLessThanOrEqual(steps + 2)
      expect(after.pipelines).toBe(before.pipelines)
      expect(after.bindGroups - before.bindGroups).toBeLessThanOrEqual(16)
      expect(after.physical.liveBytes).toBeLessThanOrEqual(before.physical.liveBytes * 1.05)
      expect(after.physical.buffers).toBeLessThanOrEqual(before.physical.buffers + 1)
    })
  })

  describe('what goes wrong', () => {
    it('too large a buffer names the limit, and the next computation works', async () => {
      expect(() => backend.allocate(2 ** 40)).toThrow(OutOfDeviceMemoryError)
      expect(() => backend.allocate(2 ** 40)).toThrow(/this device binds at most .* MiB; use a smaller batch/)
      expect(await values(add(tensor([1]), 1) as Tensor)).toEqual([2])
    })
    it('what the device reports is thrown by the next operation, once', async () => {
      const from = backend.allocate(16)
      const to = backend.allocate(16)
      backend.copy(from, to, 1 << 20) // beyond both
      await expect(backend.read(to, 'float32', 4)).rejects.toThrow(WebGpuError)
      backend.free(from)
      backend.free(to)
      expect(await values(add(tensor([1]), 1) as Tensor)).toEqual([2])
    })
    it('a lost device is an error at whatever point of a training, never zeros; setBackend opens a new one', async () => {
      for (let point = 0; point < 20; point++) {
        const x = tensor(numbers(8), [8])
        const w = variable(tensor(numbers(8, point)))
        const step = jit((input: Tensor) => {
          const loss = sum(square(sub(mul(w, input), 1)))
          w.assign(sub(w, mul(0.01, w)))
          return loss
        })
        let last = Infinity
        const train = async (): Promise<void> => {
          for (let i = 0; i < 20; i++) {
            if (i === point) loseDevice()
            const loss = step(x as Tensor)
            if (i % 4 === 3) [last] = (await values(loss)) as [number]
            loss.dispose()
            expect(last).toBeGreaterThan(0)
          }
          await w.data()
        }
        await expect(train()).rejects.toThrow(DeviceLostError)
        expect(backend.ready).toBe(false)
        await expect((async () => w.data())()).rejects.toThrow(DeviceLostError)
        await setBackend('webgpu')
        await expect((async () => add(w, 1).data())()).rejects.toThrow(DeviceLostError)
        w.dispose()
      }
      // host data is unharmed, and programs are loaded on the new device
      expect(await values(square(tensor([1, 2, 3])) as Tensor)).toEqual([1, 4, 9])
    })
  })
})
