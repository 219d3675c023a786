// One WGSL module: header, bindings, workgroup memory, library functions, entry point; and the grid that runs it.
import type { Bindings, WgslBinding } from './bindings.ts'
import type { Library } from './library.ts'

/** One dispatch: a module whose entry point is `main`, what to bind, how many workgroups. */
export interface WgslKernel {
  /** Name of the program's kernel, with a suffix for the dispatches that prepare its buffers. */
  readonly name: string
  /** Number of the program's kernel that this dispatch belongs to; dispatches run in the order of the list. */
  readonly kernel: number
  readonly code: string
  readonly bindings: readonly WgslBinding[]
  /** Arguments of `dispatchWorkgroups`; no dimension exceeds 65,535. */
  readonly workgroups: readonly [number, number, number]
}

/** Workgroups that WebGPU takes in one dimension. */
const MAX_DIMENSION = 65535

/** `blocks` workgroups as a two-dimensional grid; {@link blockIndex} numbers them again. */
export function grid(blocks: number): readonly [number, number, number] {
  const y = Math.max(1, Math.ceil(blocks / MAX_DIMENSION))
  return [Math.ceil(blocks / y), y, 1]
}

/** Statements that name the running number of a workgroup `block` and leave when the grid is larger than needed. */
export function blockIndex(blocks: number): string[] {
  const [x, y] = grid(blocks)
  if (y === 1) return ['let block = group.x;']
  return [
    `let block = group.x + group.y * ${x}u;`,
    ...(x * y > blocks ? [`if (block >= ${blocks}u) { return; }`] : []),
  ]
}

export interface ModuleParts {
  readonly title: string
  readonly bindings: Bindings
  readonly library: Library
  readonly globals?: readonly string[]
  readonly functions?: readonly string[]
  readonly workgroupSize: number
  readonly body: readonly string[]
}

/** Text of a module. Indentation follows the braces. */
export function moduleText(parts: ModuleParts): string {
  const lines = [
    `// ${parts.title.replaceAll(/\s+/g, ' ')}`,
    ...parts.bindings.declarations(),
    ...(parts.globals ?? []),
    ...(parts.library.needsZero ? ['var<private> zero_bits: u32;'] : []),
    ...parts.library.definitions(),
    ...parts.bindings.helpers(),
    ...indent(parts.functions ?? []),
    `@compute @workgroup_size(${parts.workgroupSize})`,
    'fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {',
    // no grid here has a third dimension, which compilers do not know
    ...(parts.library.needsZero ? ['  zero_bits = group.z;'] : []),
    ...indent(parts.body, 1),
    '}',
  ]
  return `${lines.join('\n')}\n`
}

function indent(lines: readonly string[], depth = 0): string[] {
  return lines.map((line) => {
    if (line.startsWith('}')) depth--
    const text = `${'  '.repeat(depth)}${line}`
    if (line.endsWith('{')) depth++
    return text
  })
}
