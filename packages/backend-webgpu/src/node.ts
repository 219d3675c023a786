// Door '@dl/backend-webgpu/node': WebGPU in Node through Dawn, which the optional package `webgpu` brings.
import { backend } from './index.ts'

const PACKAGE = 'webgpu'

backend.useSource(async () => {
  let dawn: { create(options: string[]): GPU }
  try {
    dawn = (await import(PACKAGE)) as typeof dawn
  } catch (cause) {
    throw new Error(
      "[webgpu] Node has no WebGPU of its own: install the package 'webgpu' (npm install webgpu), which brings Dawn",
      { cause },
    )
  }
  return dawn.create([])
})

export * from './index.ts'
