// Kernels along lines: a running reduction is one thread a line; sorting is one thread an element, which counts the elements
// that come before its own. Counting is quadratic in the line and needs neither scratch memory nor a second dispatch;
// `longestSort` of the capabilities keeps lines short enough for it.
import type { CumulateKernel, Program, SortKernel } from '@dl/tensor/backend'
import { requireDType } from '../errors.ts'
import { Bindings } from './bindings.ts'
import { Library } from './library.ts'
import { blockIndex, grid, moduleText, type WgslKernel } from './module.ts'
import { reduceStart, reduceStep } from './reduction.ts'
import { type ShaderDType, VALUE_TYPE } from './values.ts'

const THREADS = 64

interface Parts {
  readonly title: string
  readonly threads: number
  readonly functions?: readonly string[]
  readonly body: readonly string[]
}

/** One dispatch of `threads` threads; the body finds its number in `line`. */
function lineKernel(
  kernel: CumulateKernel | SortKernel,
  number: number,
  bindings: Bindings,
  library: Library,
  { title, threads, functions = [], body }: Parts,
): WgslKernel {
  const blocks = Math.ceil(threads / THREADS)
  const code = moduleText({
    title: `${kernel.name}: ${title}`,
    bindings,
    library,
    functions,
    workgroupSize: THREADS,
    body: [
      ...blockIndex(blocks),
      `let line = i32(block * ${THREADS}u + thread);`,
      ...(threads % THREADS ? [`if (line >= ${threads}) { return; }`] : []),
      ...body,
    ],
  })
  return { name: kernel.name, kernel: number, code, bindings: bindings.list(), workgroups: grid(blocks) }
}

export function cumulateKernel(program: Program, kernel: CumulateKernel, number: number): WgslKernel | null {
  requireDType('cumulate', kernel.dtype, kernel.name)
  const { outer, length, inner, source, out, reduction, exclusive, reverse } = kernel
  const threads = outer * inner
  if (threads === 0 || length === 0) return null
  const dtype = kernel.dtype as ShaderDType
  const library = new Library()
  const bindings = new Bindings(program, kernel.name, [source], [out], false)
  const store = bindings.store(out, 'at', 'sum')
  const step = `sum = ${reduceStep(reduction, dtype, 'sum', bindings.load(source, 'at'), library)};`
  const body = [
    `let first = (line / ${inner}) * ${length * inner} + line % ${inner};`,
    `var sum = ${reduceStart(reduction, dtype, library)};`,
    `for (var j = 0; j < ${length}; j++) {`,
    `let at = first + ${reverse ? `(${length - 1} - j)` : 'j'} * ${inner};`,
    ...(exclusive ? [store, step] : [step, store]),
    '}',
  ]
  const title = `running ${reduction} of ${outer} × ${length} × ${inner}`
  return lineKernel(kernel, number, bindings, library, { title, threads, body })
}

export function sortKernel(program: Program, kernel: SortKernel, number: number): WgslKernel | null {
  requireDType('sort', kernel.dtype, kernel.name)
  const { outer, length, inner, source, out, count, descending } = kernel
  const threads = outer * length * inner
  if (threads === 0 || count === 0) return null
  const dtype = kernel.dtype as ShaderDType
  const bindings = new Bindings(program, kernel.name, [source], [out], false)
  const key = (at: string): string => `key(${bindings.load(source, at)})`
  const body = [
    `let i = line % ${inner};`,
    `let j = (line / ${inner}) % ${length};`,
    `let o = line / ${length * inner};`,
    `let first = o * ${length * inner} + i;`,
    `let mine = ${key(`first + j * ${inner}`)};`,
    'var before = 0;',
    `for (var l = 0; l < ${length}; l++) {`,
    `let other = ${key(`first + l * ${inner}`)};`,
    'if (other < mine || (other == mine && l < j)) { before++; }',
    '}',
    ...(count < length ? [`if (before >= ${count}) { return; }`] : []),
    bindings.store(out, `(o * ${count} + before) * ${inner} + i`, 'j'),
  ]
  const title = `${count} of ${outer} × ${length} × ${inner} in order`
  const functions = keyFunction(dtype, descending)
  return lineKernel(kernel, number, bindings, new Library(), { title, threads, functions, body })
}

/** An unsigned integer in the order of the elements: NaN above all, −0 as 0. */
function keyFunction(dtype: ShaderDType, descending: boolean): string[] {
  const ordered = {
    float32: [
      'let bits = bitcast<u32>(x);',
      'let magnitude = bits & 0x7fffffffu;',
      'let finite = select(bits ^ 0xffffffffu, magnitude | 0x80000000u, bits == magnitude || magnitude == 0u);',
      'let ordered = select(finite, 0xffffffffu, magnitude > 0x7f800000u);',
    ],
    int32: ['let ordered = bitcast<u32>(x) ^ 0x80000000u;'],
    uint8: ['let ordered = x;'],
    bool: ['let ordered = select(0u, 1u, x);'],
  } satisfies Record<ShaderDType, string[]>
  return [
    `fn key(x: ${VALUE_TYPE[dtype]}) -> u32 {`,
    ...ordered[dtype],
    `return ${descending ? '~ordered' : 'ordered'};`,
    '}',
  ]
}
