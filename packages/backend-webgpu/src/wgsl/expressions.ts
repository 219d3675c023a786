// Kernel expressions as WGSL `let` statements: one statement an expression, each written once in the scope that needs it.
import { type Expr, SCALARS } from '@dl/tensor/backend'
import { requireDType } from '../errors.ts'
import { affineText } from './affine.ts'
import type { Bindings } from './bindings.ts'
import { functionCode } from './functions.ts'
import type { Library } from './library.ts'
import { convert, literal, type ShaderDType, VALUE_TYPE } from './values.ts'

/** Statements of one block, and the names that expressions have there (a child sees its parent's). */
export class Scope {
  readonly lines: string[] = []
  readonly #names = new Map<number, string>()
  readonly #parent: Scope | null

  constructor(parent: Scope | null = null) {
    this.#parent = parent
  }
  name(expr: number): string | undefined {
    return this.#names.get(expr) ?? this.#parent?.name(expr)
  }
  bind(expr: number, name: string): void {
    this.#names.set(expr, name)
  }
}

/** What expressions of one kernel are written with. */
export interface ExpressionContext {
  readonly kernel: string
  readonly exprs: readonly Expr[]
  readonly loops: readonly string[]
  readonly bindings: Bindings
  readonly library: Library
}

/** Sources of an expression: arguments and run-time indices. */
export function sourcesOf(e: Expr): readonly number[] {
  if (e.op === 'map' || e.op === 'reduce') return e.args
  if (e.op === 'load' && e.dynamic) return e.dynamic.map((d) => d.value)
  return []
}

/** Refuses dtypes that WGSL doesn't have, naming the operation. */
export function requireDTypes(kernel: string, exprs: readonly Expr[]): void {
  for (const e of exprs) {
    requireDType(e.op === 'map' ? e.fn : e.op === 'reduce' ? e.kind : e.op, e.dtype, kernel)
  }
}

/** Name or literal of expression `id`, after writing what it needs into `scope`. Reductions must be bound already. */
export function writeExpression(cx: ExpressionContext, id: number, scope: Scope): string {
  const known = scope.name(id)
  if (known !== undefined) return known
  const e = cx.exprs[id]!
  if (e.op === 'const') return literal(e.value, e.dtype as ShaderDType, cx.library)
  if (e.op === 'reduce' || e.op === 'acc')
    throw new Error(`[webgpu] kernel "${cx.kernel}" uses ${e.op} ${id} before it is finished`)
  const code = expressionCode(cx, e, scope)
  const name = `v${id}`
  scope.lines.push(`let ${name} = ${code};`)
  scope.bind(id, name)
  return name
}

function expressionCode(
  cx: ExpressionContext,
  e: Exclude<Expr, { op: 'const' | 'reduce' | 'acc' }>,
  scope: Scope,
): string {
  const dtype = e.dtype as ShaderDType
  switch (e.op) {
    case 'load': {
      let index = affineText(e.addr, cx.loops)
      for (const d of e.dynamic ?? []) {
        const value = writeExpression(cx, d.value, scope)
        index += ` + clamp(${value}, 0, ${d.limit - 1})${d.stride === 1 ? '' : ` * ${d.stride}`}`
      }
      return cx.bindings.load(e.buffer, index)
    }
    case 'scalar':
      return cx.bindings.scalar(e.slot, dtype)
    case 'index':
      return convert(`i32(${affineText(e.addr, cx.loops)})`, 'int32', dtype, cx.library)
    case 'map':
      return mapCode(cx, e, scope)
  }
}

function mapCode(cx: ExpressionContext, e: Extract<Expr, { op: 'map' }>, scope: Scope): string {
  const from = cx.exprs[e.args.at(-1)!]!.dtype as ShaderDType
  let args = e.args.map((a) => {
    const text = writeExpression(cx, a, scope)
    return cancels(cx.exprs, e, a) ? `${cx.library.use('exact')}(${text})` : text
  })
  // an operation on literals alone would be folded by the compiler, which refuses overflow: hide one behind a `let`
  if (e.args.every((a) => cx.exprs[a]!.op === 'const')) {
    const name = `k${scope.lines.length}`
    scope.lines.push(`let ${name} = ${args[0]!};`)
    args = [name, ...args.slice(1)]
  }
  if (e.fn === 'cast') return convert(args[0]!, from, e.dtype as ShaderDType, cx.library)
  if (e.fn === 'bitcast') return `bitcast<${VALUE_TYPE[e.dtype as ShaderDType]}>(${args[0]!})`
  const code = functionCode(e.fn, from, args, cx.library)
  if (code !== null) return code
  throw new Error(
    `[${e.fn}] has no WGSL code for ${from} in kernel "${cx.kernel}"` +
      (SCALARS[e.fn].formula
        ? '; functions with a formula must be expanded before kernels are generated'
        : ''),
  )
}

/**
 * A float sum of a sum with a common argument, or with two constants: (x + 1) - 1, (a + b) - a. Error-compensated formulas
 * (log1p, Kahan sums) live on the rounding of the inner one, so it must not be simplified away.
 */
function cancels(exprs: readonly Expr[], outer: Extract<Expr, { op: 'map' }>, arg: number): boolean {
  const inner = exprs[arg]!
  const isSum = (e: Expr): boolean =>
    e.op === 'map' && (e.fn === 'add' || e.fn === 'sub') && e.dtype === 'float32'
  if (!isSum(outer) || !isSum(inner) || inner.op !== 'map') return false
  const constant = (i: number): boolean => exprs[i]!.op === 'const'
  const others = outer.args.filter((a) => a !== arg)
  return others.some((o) => inner.args.includes(o) || (constant(o) && inner.args.some(constant)))
}
