// Compiled shaders, by their text: two programs with an equal kernel share its pipeline.
import type { WgslKernel } from '../wgsl/module.ts'
import type { Counters } from './counters.ts'
import type { OpenDevice } from './device.ts'

interface Entry {
  readonly pipeline: GPUComputePipeline
  users: number
}

export class Pipelines {
  readonly #device: OpenDevice
  readonly #counters: Counters
  readonly #byCode = new Map<string, Entry>()

  constructor(device: OpenDevice, counters: Counters) {
    this.#device = device
    this.#counters = counters
  }

  get count(): number {
    return this.#byCode.size
  }

  /** The pipeline of a kernel; errors of the compiler arrive as uncaptured ones and name it. */
  acquire({ code, name }: WgslKernel): GPUComputePipeline {
    let entry = this.#byCode.get(code)
    if (!entry) {
      const { gpu } = this.#device
      const module = gpu.createShaderModule({ code, label: name })
      const pipeline = gpu.createComputePipeline({
        label: name,
        layout: 'auto',
        compute: { module, entryPoint: 'main' },
      })
      this.#counters.pipelines++
      this.#byCode.set(code, (entry = { pipeline, users: 0 }))
    }
    entry.users++
    return entry.pipeline
  }

  release({ code }: WgslKernel): void {
    const entry = this.#byCode.get(code)
    if (entry && --entry.users === 0) this.#byCode.delete(code)
  }
}
