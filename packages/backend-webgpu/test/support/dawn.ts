// Dawn in Node (npm `webgpu`). The null backend validates every module through Tint without any driver; where a Vulkan
// driver is installed, kernels can also be run.
import { createRequire } from 'node:module'
import { judge } from '@dl/test-kit'
import { create, globals } from 'webgpu'
import { WebGpuBackend } from '../../src/index.ts'

Object.assign(globalThis, globals)
// Dawn devices must not be collected while in use
const keep: object[] = []

async function request(options: string[]): Promise<GPUDevice | null> {
  const gpu = create(options)
  const adapter = await gpu.requestAdapter()
  if (!adapter) return null
  const device = await adapter.requestDevice()
  keep.push(gpu, adapter, device)
  return device
}

let validator: Promise<GPUDevice | null> | undefined

/** Tests whose expectations are Tint's; it comes with npm's `webgpu`, so it is always there. */
export function tintJudge(body: () => void): void {
  judge('Tint', { needs: 'webgpu/node', fixture: createRequire(import.meta.url).resolve('webgpu') }, body)
}

/** What Tint and pipeline creation say against a module; empty when it is valid. */
export async function complaints(code: string): Promise<string[]> {
  const device = await (validator ??= request(['backend=null']))
  if (!device) throw new Error("Dawn's null backend gives no adapter")
  device.pushErrorScope('validation')
  const module = device.createShaderModule({ code })
  device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } })
  const { messages } = await module.getCompilationInfo()
  const error = await device.popErrorScope()
  const errors = messages
    .filter((m) => m.type === 'error')
    .map((m) => `${m.lineNum}:${m.linePos} ${m.message}`)
  return error && !errors.length ? [error.message] : errors
}

const asked = process.env['DL_WEBGPU_RUN'] === '1'

/**
 * A device that computes (lavapipe, SwiftShader, a GPU) when `DL_WEBGPU_RUN=1` asks for it, else null. Software drivers need
 * minutes for all tests: they compile each of thousands of shaders.
 * @throws when it is asked for and no driver is installed
 */
export async function computingDevice(): Promise<GPUDevice | null> {
  if (!asked) return null
  const device = await request(['backend=vulkan'])
  if (!device) throw new Error('DL_WEBGPU_RUN=1 needs a WebGPU adapter: install a Vulkan driver (Mesa ≥ 25)')
  return device
}

/** The same as a backend. */
export const computingBackend = async (): Promise<WebGpuBackend | null> =>
  asked ? (await openBackend()).backend : null

export interface LosableBackend {
  readonly backend: WebGpuBackend
  /** Ends the device behind the backend's back, as a driver's reset does. */
  lose(): void
}

/** A backend of its own on whatever adapter Dawn finds. Rejects without one. */
export async function openBackend(): Promise<LosableBackend> {
  let device: GPUDevice | undefined
  const gpu = create([])
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await gpu.requestAdapter(options)
    if (!adapter) return null
    const { features, limits, info } = adapter
    const requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> =>
      (device = await adapter.requestDevice(descriptor))
    return { features, limits, info, requestDevice } as GPUAdapter
  }
  const backend = new WebGpuBackend(() => Promise.resolve({ requestAdapter } as GPU))
  await backend.start()
  return { backend, lose: () => device?.destroy() }
}
