// Code of loops and branches: a function that calls the kernels of a body in order. Addresses that change from iteration to
// iteration are locals, so a loop of a thousand steps leaves WebAssembly once.
import { bytesOf } from '@dl/tensor/backend'
import type { BranchKernel, Kernel, LoopKernel } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP } from '../assembler/opcodes.ts'
import type { Environment } from './environment.ts'
import type { EmittedKernel } from './row.ts'

/** How often a while loop turns, for the estimate of work that threads share. */
const GUESSED_TURNS = 10

/** Emits a kernel of a body, whose function needs no name. */
export type EmitInner = (kernel: Kernel, isFixed?: (buffer: number) => boolean) => EmittedKernel

export function emitBranch(
  env: Environment,
  name: string,
  { predicate, yes, no }: BranchKernel,
  emit: EmitInner,
): EmittedKernel {
  const sides = [yes.map((k) => emit(k)), no.map((k) => emit(k))] as const
  const { f, buffers, locals } = functionOver(env, name, [
    predicate,
    ...sides.flat().flatMap((k) => k.buffers),
  ])
  f.get(locals.get(predicate)!).memory(OP.i32Load8U)
  f.if(
    () => call(f, sides[0], locals),
    () => call(f, sides[1], locals),
  )
  return { fn: f, buffers }
}

export function emitLoop(env: Environment, name: string, kernel: LoopKernel, emit: EmitInner): EmittedKernel {
  const { count, condition, windows, carries } = kernel
  const moving = new Set([...windows.map((w) => w.buffer), ...carries.flatMap((c) => [c.buffer, c.next])])
  const changing = new Set([...moving, ...kernel.kernels.flatMap(writtenBy)])
  const { tests, body } = env.repeated(condition ? GUESSED_TURNS : count, () => ({
    tests: condition ? condition.kernels.map((k) => emit(k)) : [],
    body: kernel.kernels.map((k) => emit(k, (b) => !changing.has(b))),
  }))
  const outer = [
    ...[...tests, ...body].flatMap((k) => k.buffers),
    ...windows.map((w) => w.of),
    ...carries.flatMap((c) => [c.initial, c.last, c.spare]),
    ...(condition ? [condition.buffer] : []),
  ].filter((b) => !moving.has(b))
  const { f, buffers, locals } = functionOver(env, name, outer)
  for (const b of moving) locals.set(b, f.permanent(I32))
  const others = carries.map(() => f.permanent(I32))
  const local = (b: number): number => locals.get(b)!
  const bytes = (b: number): number => bytesOf(env.buffers[b]!.dtype)

  for (const w of windows)
    f.get(local(w.of))
      .plus(w.start * bytes(w.buffer))
      .set(local(w.buffer))
  // a counted loop ends in `last`
  const startsInLast = condition !== null || count % 2 === 1
  carries.forEach((c, i) => {
    f.get(local(c.initial)).set(local(c.buffer))
    f.get(local(startsInLast ? c.last : c.spare)).set(local(c.next))
    f.get(local(startsInLast ? c.spare : c.last)).set(others[i]!)
  })
  for (const { prepare, buffers: arguments_ } of body)
    if (prepare) {
      for (const b of arguments_) f.get(local(b))
      f.call(prepare)
    }
  const advance = (): void => {
    for (const w of windows) f.increase(local(w.buffer), w.step * bytes(w.buffer))
    carries.forEach((c, i) => {
      f.get(local(c.next)).set(local(c.buffer))
      f.get(others[i]!).set(local(c.next))
      f.get(local(c.buffer)).set(others[i]!)
    })
  }
  if (!condition) {
    const turn = f.permanent(I32)
    f.i32(0).set(turn)
    f.forConstant(turn, count, 1, () => {
      call(f, body, locals)
      advance()
    })
    return { fn: f, buffers }
  }
  f.block(() => {
    f.loop(() => {
      call(f, tests, locals)
      f.get(local(condition.buffer)).memory(OP.i32Load8U).op(OP.i32Eqz).branchIf(1)
      call(f, body, locals)
      advance()
      f.branch(0)
    })
  })
  for (const c of carries) {
    f.get(local(c.buffer)).get(local(c.last)).sub()
    f.if(() => {
      const size = env.buffers[c.last]!.size * bytes(c.last)
      f.get(local(c.last)).get(local(c.buffer)).i32(size).memoryCopy()
    })
  }
  return { fn: f, buffers }
}

/** Buffers that a kernel may write. */
function writtenBy(k: Kernel): readonly number[] {
  switch (k.kind) {
    case 'row':
    case 'contract':
      return k.stores.map((s) => s.buffer)
    case 'scatter':
    case 'cumulate':
    case 'sort':
      return [k.out]
    case 'attention':
      return [k.out, k.logSum].filter((b) => b !== null)
    case 'attentionGrad':
      return [k.dq, k.dk, k.dv].filter((b) => b !== null)
    case 'branch':
      return [...k.yes, ...k.no].flatMap(writtenBy)
    case 'loop':
      return [
        ...[...(k.condition?.kernels ?? []), ...k.kernels].flatMap(writtenBy),
        ...k.windows.map((w) => w.of),
        ...k.carries.flatMap((c) => [c.last, c.spare]),
      ]
  }
}

/** A function whose parameters are the addresses of these buffers, each once. */
function functionOver(
  env: Environment,
  name: string,
  uses: readonly number[],
): { readonly f: FunctionWriter; readonly buffers: readonly number[]; readonly locals: Map<number, number> } {
  const buffers = [...new Set(uses)]
  const f = env.module.function(
    name,
    buffers.map(() => I32),
  )
  return { f, buffers, locals: new Map(buffers.map((b, i) => [b, i])) }
}

function call(
  f: FunctionWriter,
  kernels: readonly EmittedKernel[],
  locals: ReadonlyMap<number, number>,
): void {
  for (const k of kernels) {
    for (const b of k.buffers) f.get(locals.get(b)!)
    f.call(k.fn)
  }
}
