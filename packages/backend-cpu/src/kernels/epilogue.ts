// The epilogue of a contraction: elementwise expressions and stores over one finished tile, as a function of its own.
import type { ContractKernel } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP } from '../assembler/opcodes.ts'
import type { Environment } from './environment.ts'
import { dependencies, ExpressionEmitter } from './expressions.ts'
import type { Scope } from './expressions.ts'
import { NR } from './micro.ts'

const [BATCH, M, N] = [0, 1, 2]

/** The function epilogue(pointers…, tile, tileRowBytes, batch, m0, n0, height, width); width is NR or what is left of n. */
export function epilogueFunction(
  env: Environment,
  kernel: ContractKernel,
  buffers: readonly number[],
): FunctionWriter {
  const pointers = buffers.length
  const f = env.module.function(
    '',
    Array.from({ length: pointers + 7 }, () => I32),
  )
  const [tile, tileRowBytes, batch, m0, n0, height, width] = [0, 1, 2, 3, 4, 5, 6].map(
    (p) => pointers + p,
  ) as [number, number, number, number, number, number, number]
  const [m, n, mEnd] = [f.permanent(I32), f.permanent(I32), f.permanent(I32)]
  let column = 0 // of the running vectors inside the tile
  const plan = { exprs: kernel.exprs, deps: dependencies(kernel.exprs, 0, 7), lane: N }
  const x = new ExpressionEmitter(env, f, plan, [batch, m, n], new Map(buffers.map((b, i) => [b, i])), {
    accumulator: (scope) =>
      Array.from({ length: scope.unroll }, (_, u) => {
        const o = f.vector()
        f.get(tile)
          .load((column + 4 * u) * 4)
          .set(o)
        return o
      }),
  })
  const roots = kernel.stores.map((s) => s.expr)
  const empty = { lanes: 0, unroll: 1, along: N, phase: 0 }
  const tileScope: Scope = {
    ...empty,
    parent: null,
    loops: 1 << BATCH,
    running: -1,
    memo: new Map(),
    bases: new Map(),
  }
  x.hoist(roots, tileScope)
  f.get(m0).get(height).add().set(mEnd)
  f.get(m0)
  f.forUntil(m, mEnd, 1, () => {
    const loops = (1 << BATCH) | (1 << M)
    const rowScope: Scope = {
      ...empty,
      parent: tileScope,
      loops,
      running: -1,
      memo: new Map(),
      bases: new Map(),
    }
    x.hoist(roots, rowScope)
    const bases = new Map<string, number>()
    const inner: Scope = { ...empty, parent: rowScope, loops: 7, running: N, memo: new Map(), bases }
    x.prepareAddresses(roots, kernel.stores, inner, () => false)
    const body = (unroll: number, lanes: number, at: number): void => {
      column = at
      const mark = f.mark()
      f.get(n0).plus(at).set(n)
      const scope: Scope = { ...inner, unroll, lanes, memo: new Map(), bases: new Map(bases) }
      const values = roots.map((i) => x.value(i, scope))
      kernel.stores.forEach((s, i) => x.store(s, values[i]!, scope))
      f.release(mark)
    }
    const full = (): void => body(NR / 4, 4, 0)
    const rest = kernel.n % NR
    const edge = (): void => {
      if (rest >= 4) body(1, 4, 0)
      if (rest % 4 > 0) body(1, rest % 4, rest & 4)
    }
    if (rest === 0) full()
    else if (kernel.n < NR) edge()
    else f.get(width).i32(NR).op(OP.i32Eq).if(full, edge)
    f.increaseBy(tile, tileRowBytes)
  })
  return f
}
