// A kernel over other buffers: how the program of a loop's body becomes part of the program around it.
import type { AttentionGradKernel, AttentionKernel, Expr, Kernel, Operand, Store } from '../backend/ir.ts'

/** `kernel` with every buffer number `b` replaced by `of(b)`. */
export function renumbered(kernel: Kernel, of: (buffer: number) => number): Kernel {
  const all = (kernels: readonly Kernel[]): Kernel[] => kernels.map((k) => renumbered(k, of))
  const operand = (x: Operand): Operand => ({ ...x, buffer: of(x.buffer) })
  switch (kernel.kind) {
    case 'row':
      return { ...kernel, ...body(kernel, of) }
    case 'contract':
      return { ...kernel, ...body(kernel, of), a: operand(kernel.a), b: operand(kernel.b) }
    case 'scatter': {
      const { out, indices, updates, operand: start } = kernel
      return {
        ...kernel,
        out: of(out),
        indices: of(indices),
        updates: of(updates),
        operand: start === null ? null : of(start),
      }
    }
    case 'cumulate':
    case 'sort':
      return { ...kernel, source: of(kernel.source), out: of(kernel.out) }
    case 'attention':
    case 'attentionGrad':
      return renumberedAttention(kernel, of)
    case 'branch':
      return { ...kernel, predicate: of(kernel.predicate), yes: all(kernel.yes), no: all(kernel.no) }
    case 'loop': {
      const { condition } = kernel
      return {
        ...kernel,
        condition: condition && { kernels: all(condition.kernels), buffer: of(condition.buffer) },
        kernels: all(kernel.kernels),
        windows: kernel.windows.map((w) => ({ ...w, buffer: of(w.buffer), of: of(w.of) })),
        carries: kernel.carries.map((c) => ({
          buffer: of(c.buffer),
          next: of(c.next),
          initial: of(c.initial),
          last: of(c.last),
          spare: of(c.spare),
        })),
      }
    }
  }
}

function renumberedAttention(
  kernel: AttentionKernel | AttentionGradKernel,
  of: (buffer: number) => number,
): Kernel {
  const operand = (x: Operand): Operand => ({ ...x, buffer: of(x.buffer) })
  const result = (buffer: number | null): number | null => (buffer === null ? null : of(buffer))
  const { mask, dropout } = kernel
  const problem = {
    q: operand(kernel.q),
    k: operand(kernel.k),
    v: operand(kernel.v),
    mask: mask && operand(mask),
    dropout: dropout && { ...dropout, stream: of(dropout.stream) },
  }
  if (kernel.kind === 'attention')
    return { ...kernel, ...problem, out: result(kernel.out), logSum: result(kernel.logSum) }
  return {
    ...kernel,
    ...problem,
    logSum: of(kernel.logSum),
    delta: of(kernel.delta),
    ct: operand(kernel.ct),
    dq: result(kernel.dq),
    dk: result(kernel.dk),
    dv: result(kernel.dv),
  }
}

function body(
  { exprs, stores }: { readonly exprs: readonly Expr[]; readonly stores: readonly Store[] },
  of: (buffer: number) => number,
): { exprs: Expr[]; stores: Store[] } {
  return {
    exprs: exprs.map((e) => (e.op === 'load' ? { ...e, buffer: of(e.buffer) } : e)),
    stores: stores.map((s) => ({ ...s, buffer: of(s.buffer) })),
  }
}
