// A small executor for tests: one GPU buffer for each place of a program, one pass, values back.
import { bytesOf, type DType, type Program, type TypedArray } from '@dl/tensor/backend'
import { generateWgsl } from '../../src/index.ts'

const keyOf = (program: Program, buffer: number): string => {
  const { place } = program.buffers[buffer]!
  if (place.kind === 'loop') throw new Error('programs of this backend hold no loops')
  return place.kind === 'param' ? `p${place.slot}` : `a${place.offset}`
}

/** Contents of every buffer of `program` after one run, given the contents of some before. */
export async function runOnDevice(
  device: GPUDevice,
  program: Program,
  inputs: ReadonlyMap<number, TypedArray>,
  scalars: readonly number[] = [],
): Promise<TypedArray[]> {
  const memory = new Map<string, GPUBuffer>()
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
  const sizes = new Map<string, number>()
  program.buffers.forEach((b, i) => {
    const key = keyOf(program, i)
    sizes.set(key, Math.max(sizes.get(key) ?? 4, Math.ceil((b.size * bytesOf(b.dtype)) / 4) * 4))
  })
  for (const [key, size] of sizes) memory.set(key, device.createBuffer({ size, usage }))
  for (const [buffer, data] of inputs) upload(device, memory.get(keyOf(program, buffer))!, data)
  const table = device.createBuffer({ size: Math.max(4, 4 * scalars.length), usage })
  upload(device, table, scalarWords(program.scalars, scalars))
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  device.pushErrorScope('validation')
  for (const k of generateWgsl(program).kernels) {
    const module = device.createShaderModule({ code: k.code })
    const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } })
    const entries = k.bindings.map(({ binding, kind, buffers }) => ({
      binding,
      resource: { buffer: kind === 'scalars' ? table : memory.get(keyOf(program, buffers[0]!))! },
    }))
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
    pass.dispatchWorkgroups(...k.workgroups)
  }
  pass.end()
  device.queue.submit([encoder.finish()])
  const error = await device.popErrorScope()
  if (error) throw new Error(error.message)
  const results: TypedArray[] = []
  for (let i = 0; i < program.buffers.length; i++)
    results.push(
      await download(
        device,
        memory.get(keyOf(program, i))!,
        program.buffers[i]!.dtype,
        program.buffers[i]!.size,
      ),
    )
  for (const b of [...memory.values(), table]) b.destroy()
  return results
}

function upload(device: GPUDevice, to: GPUBuffer, data: TypedArray): void {
  const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4)
  padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  device.queue.writeBuffer(to, 0, padded)
}

function scalarWords(dtypes: readonly DType[], values: readonly number[]): Int32Array {
  const words = new Int32Array(Math.max(1, values.length))
  const floats = new Float32Array(words.buffer)
  values.forEach((v, i) => {
    if (dtypes[i] === 'float32') floats[i] = v
    else words[i] = v
  })
  return words
}

async function download(device: GPUDevice, from: GPUBuffer, dtype: DType, size: number): Promise<TypedArray> {
  const staging = device.createBuffer({
    size: from.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(from, 0, staging, 0, from.size)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(GPUMapMode.READ)
  const bytes = staging.getMappedRange().slice(0)
  staging.destroy()
  if (dtype === 'float32') return new Float32Array(bytes, 0, size)
  return dtype === 'int32' ? new Int32Array(bytes, 0, size) : new Uint8Array(bytes, 0, size)
}
