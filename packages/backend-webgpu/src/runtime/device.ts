// Opening a WebGPU device: the adapter's own limits and the features that help, its losses and errors kept where the next
// operation finds them.
import { DeviceLostError, WebGpuError } from '../errors.ts'

/** Where WebGPU comes from: the page's `navigator.gpu`, or Dawn in Node. */
export type GpuSource = () => Promise<GPU | undefined>

const fromNavigator: GpuSource = () =>
  Promise.resolve((globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu)

const FEATURES: readonly GPUFeatureName[] = ['timestamp-query', 'shader-f16', 'subgroups']
/** What is asked beyond the guaranteed limits, as much as the adapter has. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const

/** Milliseconds to wait for the news of a loss. */
const PATIENCE = 200

/** A device with its state. Errors that WebGPU reports later, outside of any call, are thrown by the next one. */
export class OpenDevice {
  readonly gpu: GPUDevice
  readonly description: string
  /** Dawn keeps no reference from a device to these. */
  readonly #parents: readonly object[]
  #lost: DeviceLostError | null = null
  #error: WebGpuError | null = null

  private constructor(gpu: GPUDevice, description: string, parents: readonly object[]) {
    this.gpu = gpu
    this.description = description
    this.#parents = parents
    void gpu.lost.then((info) => {
      this.#lost = new DeviceLostError(info.reason, info.message)
    })
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault()
      this.#error ??= new WebGpuError(event.error.message)
    })
  }

  /** @throws Error when there is no WebGPU here, or no adapter */
  static async open(source: GpuSource | null): Promise<OpenDevice> {
    const gpu = await (source ?? fromNavigator)()
    if (!gpu)
      throw new Error(
        "[webgpu] this engine has no WebGPU (navigator.gpu); in Node import '@dl/backend-webgpu/node' and install the package 'webgpu'",
      )
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
    if (!adapter)
      throw new Error(
        '[webgpu] WebGPU is there but gives no adapter: the graphics driver is missing or blocked for this page',
      )
    const device = await adapter.requestDevice({
      requiredFeatures: FEATURES.filter((name) => adapter.features.has(name)),
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
    })
    const { vendor, architecture, description } = adapter.info
    const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'unknown adapter'
    return new OpenDevice(device, name, [gpu, adapter])
  }

  get isLost(): boolean {
    return this.#lost !== null
  }

  /** Throws what went wrong since the last call. A lost device stays lost. */
  check(): void {
    if (this.#lost) throw this.#lost
    const error = this.#error
    this.#error = null
    if (error) throw error
  }

  /** Throws the reason why `failure` happened; a loss is told a little later than the failures that it causes. */
  async explain(failure: Error): Promise<never> {
    const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE))
    await Promise.race([this.gpu.lost, patience])
    this.check()
    throw new WebGpuError(failure.message)
  }

  /** The largest binding of a storage buffer, in bytes. */
  get mostBytes(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.gpu.limits
    return Math.min(maxBufferSize, maxStorageBufferBindingSize)
  }

  close(): void {
    this.gpu.destroy()
    void this.#parents
  }
}
