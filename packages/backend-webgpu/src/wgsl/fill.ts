// The dispatch that sets a whole buffer to one value before a kernel stores into parts of it (pad, dilation, scatter into
// zeros): a shader has no barrier across workgroups, so this must be a dispatch of its own.
import { bytesOf, type Element, type Program } from '@dl/tensor/backend'
import { requireDType } from '../errors.ts'
import { Bindings } from './bindings.ts'
import { Library } from './library.ts'
import { blockIndex, grid, moduleText, type WgslKernel } from './module.ts'
import { float32Bits, type ShaderDType } from './values.ts'

const THREADS = 64

/**
 * Sets every word of `buffer`. The last word of a byte buffer may reach up to three bytes past its end, into its padding.
 * @param name of the kernel that the buffer is prepared for
 */
export function fillKernel(
  program: Program,
  name: string,
  buffer: number,
  value: Element,
  number: number,
): WgslKernel | null {
  const { dtype, size } = program.buffers[buffer]!
  requireDType('fill', dtype, name)
  const words = Math.ceil((size * bytesOf(dtype)) / 4)
  if (words === 0) return null
  const blocks = Math.ceil(words / THREADS)
  const bindings = new FillBindings(program, name, buffer)
  const body = [
    ...blockIndex(blocks),
    `let i = block * ${THREADS}u + thread;`,
    ...(words % THREADS ? [`if (i >= ${words}u) { return; }`] : []),
    `b0[i] = 0x${wordOf(value, dtype as ShaderDType)
      .toString(16)
      .padStart(8, '0')}u;`,
  ]
  const title = `${name}: fill ${size} × ${dtype} with ${value}`
  const code = moduleText({ title, bindings, library: new Library(), workgroupSize: THREADS, body })
  return { name: `${name}.fill`, kernel: number, code, bindings: bindings.list(), workgroups: grid(blocks) }
}

/** The one buffer as plain words, whatever its dtype. */
class FillBindings extends Bindings {
  constructor(program: Program, kernel: string, buffer: number) {
    super(program, kernel, [], [buffer], false)
  }
  override declarations(): string[] {
    return ['@group(0) @binding(0) var<storage, read_write> b0: array<u32>;']
  }
}

/** 32 bits that hold `value` once (float32, int32) or four times (uint8, bool). */
function wordOf(value: Element, dtype: ShaderDType): number {
  switch (dtype) {
    case 'float32':
      return float32Bits(Number(value))
    case 'int32':
      return Number(value) >>> 0
    case 'uint8':
      return (Number(value) * 0x01010101) >>> 0
    case 'bool':
      return value ? 0x01010101 : 0
  }
}
