// Attention backward for one batch element at a time: for each block of keys and block of queries the probabilities are computed
// again from scores and logSum (Dao et al. 2022, §3.1), and five products go through the packed micro-kernel. Sums of the key
// and value gradients stay in the workspace for a block of keys, those of the query gradient for the whole element.
import type { AttentionGradKernel } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP, SIMD, V128 } from '../assembler/opcodes.ts'
import { expOfNonPositive } from '../vector/elementary.ts'
import type { Value } from '../vector/emitter.ts'
import { transpose4 } from './access.ts'
import { AttentionParts, ROW, roundUp, unitCost, VECTORS, WorkspacePlan } from './attention-parts.ts'
import type { Environment } from './environment.ts'
import { NR } from './micro.ts'
import type { EmittedKernel } from './row.ts'

export function emitAttentionGrad(
  env: Environment,
  name: string,
  kernel: AttentionGradKernel,
): EmittedKernel {
  const { q, k, v, ct, mask, dropout, logSum, delta, dq, dk, dv } = kernel
  const operands = [q, k, v, ct, mask].flatMap((o) => (o ? [o.buffer] : []))
  const plain = [dropout?.stream ?? null, logSum, delta, dq, dk, dv].filter((b) => b !== null)
  const buffers = [...new Set([...operands, ...plain])]
  const body = new BackwardWriter(env, kernel, buffers).write()
  const f = env.module.function(
    name,
    buffers.map(() => I32),
  )
  const cost = unitCost(kernel, kernel.queries, { products: 2.5, exponentials: 1 })
  env.parallel(f, { body, args: buffers.map((_, i) => i), units: kernel.batch, cost })
  return { fn: f, buffers }
}

class BackwardWriter extends AttentionParts {
  declare readonly kernel: AttentionGradKernel
  readonly f: FunctionWriter
  readonly #l: { readonly [K in LocalName]: number }
  /** Rows of panels over depth and value depth, as tiles write them. */
  readonly #depthRows: number
  readonly #valueRows: number
  /** Keys in a block, and queries too: so a block of keys is never seen by queries in the middle of a block first. */
  readonly #block: number

  constructor(env: Environment, kernel: AttentionGradKernel, buffers: readonly number[]) {
    super(env, kernel, buffers)
    const f = (this.f = this.function(buffers.length + 2))
    this.#l = Object.fromEntries(LOCALS.map((n) => [n, f.permanent(I32)])) as { [K in LocalName]: number }
    this.#depthRows = roundUp(kernel.depth, this.mr)
    this.#valueRows = roundUp(kernel.valueDepth, this.mr)
    this.#block = this.keyBlock
  }

  /** The function range(buffers…, from, to): units are batch elements. */
  write(): FunctionWriter {
    const { f } = this
    const l = this.#l
    const { keys, depth, valueDepth, k, v, dq, dk, dv } = this.kernel
    const [from, to] = [this.buffers.length, this.buffers.length + 1]
    this.#places()
    const packK = this.packRows(k, this.mr)
    const packV = this.packRows(v, this.mr)
    const packTurnedK = dq === null ? null : this.packColumns(k, this.mr)
    f.get(from)
    f.forUntil(l.batch, to, 1, () => {
      if (dq !== null) this.#zero(l.sumQ, this.#panelsOfQueries * this.#depthRows * NR)
      f.i32(keys).set(l.keyEnd).i32(0)
      f.forUntil(l.key, l.keyEnd, this.#block, () => {
        f.get(l.keyEnd).get(l.key).sub().set(l.keys)
        f.atMost(l.keys, this.#block)
        const block = (operand: typeof k, place: number): FunctionWriter =>
          this.start(f, operand, l.batch).get(place).get(l.key).i32(0).get(l.keys)
        block(k, l.packedK).i32(depth).call(packK)
        block(v, l.packedV).i32(valueDepth).call(packV)
        if (packTurnedK)
          this.start(f, k, l.batch).get(l.turnedK).i32(0).get(l.key).i32(depth).get(l.keys).call(packTurnedK)
        if (dk !== null) this.#zero(l.sumK, this.#block * this.#depthRows)
        if (dv !== null) this.#zero(l.sumV, this.#block * this.#valueRows)
        this.#eachQueryBlock()
        if (dk !== null) this.#writeKeys(l.sumK, dk, depth, this.#depthRows, true)
        if (dv !== null) this.#writeKeys(l.sumV, dv, valueDepth, this.#valueRows, false)
      })
      if (dq !== null) this.#writeQueries(dq)
    })
    return f
  }

  get #panelsOfQueries(): number {
    return Math.ceil(this.kernel.queries / NR)
  }

  #places(): void {
    const { f } = this
    const l = this.#l
    const { depth, valueDepth } = this.kernel
    const plan = new WorkspacePlan()
    const places = {
      packedK: this.#block * depth,
      packedV: this.#block * valueDepth,
      turnedK: this.#block * this.#depthRows,
      packedQ: this.#block * depth,
      packedCt: this.#block * valueDepth,
      turnedQ: this.#block * this.#depthRows,
      turnedCt: this.#block * this.#valueRows,
      scores: (this.#block + NR) * NR,
      slopes: (this.#block + NR) * NR,
      byKeyP: this.#block * this.#block,
      byKeyS: this.#block * this.#block,
      sumK: this.#block * this.#depthRows,
      sumV: this.#block * this.#valueRows,
      sumQ: this.kernel.dq === null ? 0 : this.#panelsOfQueries * this.#depthRows * NR,
      rows: 2 * NR,
    }
    const offsets = Object.entries(places).map(([name, floats]) => [name, plan.take(floats)] as const)
    this.env.workspace(plan.bytes)
    this.env.pushWorkspace(f)
    f.set(l.base)
    for (const [name, offset] of offsets)
      f.get(l.base)
        .plus(offset)
        .set(l[name as keyof typeof places])
  }

  #zero(place: number, floats: number): void {
    this.f
      .get(place)
      .i32(0)
      .i32(floats * 4)
      .memoryFill()
  }

  /** All queries against the block of keys. */
  #eachQueryBlock(): void {
    const { f } = this
    const l = this.#l
    const { queries, depth, valueDepth, causal, scale, q, ct, dk, dv } = this.kernel
    const packQ = this.packRows(q, NR)
    const packCt = this.packRows(ct, NR)
    const packTurnedQ = dk === null ? null : this.packColumns(q, this.mr)
    const packTurnedCt = dv === null ? null : this.packColumns(ct, this.mr)
    f.i32(queries).set(l.queryEnd)
    // queries before the first key of the block see none of it
    if (causal) f.get(l.key)
    else f.i32(0)
    f.forUntil(l.query, l.queryEnd, this.#block, () => {
      f.get(l.queryEnd).get(l.query).sub().set(l.count)
      f.atMost(l.count, this.#block)
      const rows = (operand: typeof q, place: number): FunctionWriter =>
        this.start(f, operand, l.batch).get(place).get(l.query).i32(0).get(l.count)
      const turned = (operand: typeof q, place: number, length: number): FunctionWriter =>
        this.start(f, operand, l.batch).get(place).i32(0).get(l.query).i32(length).get(l.count)
      rows(q, l.packedQ).i32(depth).call(packQ)
      rows(ct, l.packedCt).i32(valueDepth).call(packCt)
      if (packTurnedQ) turned(q, l.turnedQ, depth).call(packTurnedQ)
      if (packTurnedCt) turned(ct, l.turnedCt, valueDepth).call(packTurnedCt)
      if (scale !== 1) {
        f.get(l.packedQ)
          .get(l.count)
          .plus(NR - 1)
          .i32(NR)
          .op(OP.i32DivS)
          .i32(depth)
          .mul()
        f.call(this.scale(scale))
      }
      this.#eachPanel()
      if (dv !== null) this.#overQueries(l.turnedCt, l.byKeyP, l.sumV, valueDepth, this.#valueRows)
      if (dk !== null) this.#overQueries(l.turnedQ, l.byKeyS, l.sumK, depth, this.#depthRows)
    })
  }

  /** Panels of queries of the block: probabilities and slopes, the query gradient, and both turned round for the key side. */
  #eachPanel(): void {
    const { f } = this
    const l = this.#l
    const { depth, valueDepth, causal, mask, dq, dk, dv } = this.kernel
    const tiles = this.tiles()
    const turn = dk === null && dv === null ? null : this.#turn()
    const maskFn = mask && this.mask(mask)
    const slopes = this.#slopes()
    const panel = (place: number, bytes: number): FunctionWriter =>
      f.get(place).get(l.local).i32(NR).op(OP.i32DivS).i32(bytes).mul().add()
    f.i32(0)
    f.forUntil(l.local, l.count, NR, () => {
      f.get(l.query).get(l.local).add().set(l.first)
      f.get(l.keys).set(l.limit)
      if (causal) {
        f.get(l.first).get(l.key).sub().set(l.diagonal)
        f.get(l.diagonal).plus(NR).set(l.at)
        f.min(l.limit, l.at).set(l.limit)
      }
      f.get(l.packedK)
      panel(l.packedQ, depth * ROW)
        .get(l.scores)
        .get(l.limit)
        .i32(depth)
      f.i32(depth * this.mr * 4)
        .i32(0)
        .call(tiles)
      f.get(l.packedV)
      panel(l.packedCt, valueDepth * ROW)
        .get(l.slopes)
        .get(l.limit)
        .i32(valueDepth)
      f.i32(valueDepth * this.mr * 4)
        .i32(0)
        .call(tiles)
      if (maskFn) {
        const bytes = this.env.buffers[mask.buffer]!.dtype === 'bool' ? 1 : 4
        this.start(f, mask, l.batch, bytes).get(l.scores).get(l.first).get(l.key).get(l.limit).call(maskFn)
      }
      if (causal) f.get(l.scores).get(l.diagonal).get(l.limit).call(this.hide())
      this.#callSlopes(slopes)
      if (dq !== null) {
        f.get(l.turnedK).get(l.slopes).get(l.sumQ)
        f.get(l.first)
          .i32(NR)
          .op(OP.i32DivS)
          .i32(this.#depthRows * ROW)
          .mul()
          .add()
        f.i32(depth).get(l.limit).get(l.keys)
        f.i32(this.mr * 4)
          .mul()
          .i32(1)
          .call(this.tiles(depth))
      }
      if (turn) {
        f.get(l.keys)
          .plus(NR - 1)
          .i32(-NR)
          .op(OP.i32And)
          .set(l.at)
        const call = (from: number, to: number): void => {
          f.get(from).get(l.limit).get(l.at).get(to).get(l.local).scale(ROW).add().call(turn)
        }
        if (dv !== null) call(l.scores, l.byKeyP)
        if (dk !== null) call(l.slopes, l.byKeyS)
      }
    })
  }

  #callSlopes(slopes: FunctionWriter): void {
    const { f } = this
    const l = this.#l
    const { queries, keys, dropout, logSum, delta } = this.kernel
    f.get(l.queryEnd).get(l.first).sub().set(l.lanes)
    f.get(l.batch).i32(queries).mul().get(l.first).add().set(l.number)
    f.get(l.scores).get(l.slopes).get(l.limit)
    for (const b of [logSum, delta]) f.get(this.buffers.indexOf(b)).get(l.number).scale(4).add()
    f.get(l.lanes).get(l.rows)
    if (dropout) {
      f.get(this.buffers.indexOf(dropout.stream))
      f.get(l.number).i32(keys).mul().get(l.key).add()
    }
    f.call(slopes)
  }

  /**
   * slopes(scores, slopes, keys, logSum, delta, lanes, rows, stream, number): scores become probabilities (dropped), `ct · v`
   * in slopes becomes p (dp - delta). Lanes that are no query get probability 0.
   */
  #slopes(): FunctionWriter {
    const { dropout } = this.kernel
    const g = this.function(dropout ? 9 : 7)
    const e = this.emitter(g)
    const [scores, slopes, keys, logSum, delta, lanes, rows, stream, number] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    const [at, other, end, i] = [g.permanent(I32), g.permanent(I32), g.permanent(I32), g.permanent(I32)]
    // a copy that ends in +∞ and 0, so that nothing is read past the buffers
    for (let v = 0; v < VECTORS; v++) {
      g.get(rows)
        .get(e.f32(Infinity)[0]!)
        .store(v * 16)
      g.get(rows)
        .get(e.f32(0)[0]!)
        .store(ROW + v * 16)
    }
    g.atMost(lanes, NR)
    g.i32(0)
    g.forUntil(i, lanes, 1, () => {
      g.get(rows)
        .get(i)
        .scale(4)
        .add()
        .get(logSum)
        .get(i)
        .scale(4)
        .add()
        .memory(OP.f32Load)
        .memory(OP.f32Store)
      g.get(rows).get(i).scale(4).add().get(delta).get(i).scale(4).add().memory(OP.f32Load)
      g.memory(OP.f32Store, ROW)
    })
    const held = (offset: number): number => {
      const x = g.permanent(V128)
      g.get(rows).load(offset).set(x)
      return x
    }
    const sums = Array.from({ length: VECTORS }, (_, v) => held(v * 16))
    const deltas = Array.from({ length: VECTORS }, (_, v) => held(ROW + v * 16))
    const random = dropout ? this.streamLocals(e, stream, number) : null
    g.get(slopes).set(other)
    g.get(scores).get(keys).scale(ROW).add().set(end).get(scores)
    g.forUntil(at, end, ROW, () => {
      for (let v = 0; v < VECTORS; v++) {
        const mark = g.mark()
        const load = (place: number): Value => {
          const x = g.vector()
          g.get(place)
            .load(v * 16)
            .set(x)
          return [x]
        }
        // a probability: its logarithm is above 0 by rounding at most
        const p = expOfNonPositive(e, e.op(SIMD.f32x4Sub, load(at), [sums[v]!]))
        let [dropped, dp] = [p, load(other)]
        if (random) {
          const kept = this.kept(e, random.words, [random.numbers[v]!], dropout!.rate)
          const factor = e.op(SIMD.and, e.f32(1 / (1 - dropout!.rate)), kept)
          dropped = e.op(SIMD.f32x4Mul, p, factor)
          dp = e.op(SIMD.f32x4Mul, dp, factor)
          g.get(random.numbers[v]!).get(e.i32(1)[0]!).simd(SIMD.i32x4Add).set(random.numbers[v]!)
        }
        const ds = e.op(SIMD.f32x4Mul, p, e.op(SIMD.f32x4Sub, dp, [deltas[v]!]))
        g.get(at)
          .get(dropped[0]!)
          .store(v * 16)
        g.get(other)
          .get(ds[0]!)
          .store(v * 16)
        g.release(mark)
      }
      g.increase(other, ROW)
    })
    return g
  }

  /**
   * turn(panel, keys, end, to): rows of a panel (keys) become lanes of panels of keys, whose rows are queries; rows from `keys`
   * to `end` count as 0.
   */
  #turn(): FunctionWriter {
    return this.env.module.shared(`attention turn ${this.#block}`, () => {
      const g = this.function(4)
      const e = this.emitter(g)
      const [panel, keys, end, to] = [0, 1, 2, 3]
      const j = g.permanent(I32)
      g.get(panel).get(keys).scale(ROW).add().i32(0).get(end).get(keys).sub().scale(ROW).memoryFill()
      g.i32(0)
      g.forUntil(j, end, NR, () => {
        for (let v = 0; v < VECTORS; v++)
          for (let w = 0; w < VECTORS; w++) {
            const mark = g.mark()
            const block = Array.from({ length: 4 }, (_, r) => {
              const x = g.vector()
              g.get(panel)
                .load((4 * w + r) * ROW + v * 16)
                .set(x)
              return x
            })
            transpose4(e, block).forEach((x, r) =>
              g
                .get(to)
                .get(x)
                .store((4 * v + r) * ROW + w * 16),
            )
            g.release(mark)
          }
        g.increase(panel, NR * ROW)
        g.increase(to, this.#block * ROW)
      })
      return g
    })
  }

  /** sums += turned · byKey over the queries of the block, panel of keys by panel of keys. */
  #overQueries(turned: number, byKey: number, sums: number, depth: number, rows: number): void {
    const { f } = this
    const l = this.#l
    f.get(byKey).set(l.from)
    f.get(sums).set(l.to)
    f.i32(0)
    f.forUntil(l.at, l.keys, NR, () => {
      f.get(turned).get(l.from).get(l.to).i32(depth).get(l.count).get(l.count)
      f.i32(this.mr * 4)
        .mul()
        .i32(1)
        .call(this.tiles(depth))
      f.increase(l.from, this.#block * ROW)
      f.increase(l.to, rows * ROW)
    })
  }

  #scaled(panel: number, rows: number): void {
    const { scale } = this.kernel
    if (scale !== 1) this.f.get(panel).i32(rows).call(this.scale(scale))
  }

  #writeKeys(sums: number, out: number, depth: number, rows: number, scaled: boolean): void {
    const { f } = this
    const l = this.#l
    f.get(sums).set(l.from)
    f.i32(0)
    f.forUntil(l.at, l.keys, NR, () => {
      if (scaled) this.#scaled(l.from, depth)
      f.get(l.keys).get(l.at).sub().set(l.lanes)
      f.atMost(l.lanes, NR)
      f.get(l.from).get(this.buffers.indexOf(out))
      f.get(l.batch).i32(this.kernel.keys).mul().get(l.key).add().get(l.at).add()
      f.i32(depth * 4)
        .mul()
        .add()
        .get(l.lanes)
        .call(this.unload(depth))
      f.increase(l.from, rows * ROW)
    })
  }

  #writeQueries(out: number): void {
    const { f } = this
    const l = this.#l
    const { queries, depth } = this.kernel
    f.get(l.sumQ).set(l.from)
    f.i32(queries).set(l.queryEnd).i32(0)
    f.forUntil(l.at, l.queryEnd, NR, () => {
      this.#scaled(l.from, depth)
      f.get(l.queryEnd).get(l.at).sub().set(l.lanes)
      f.atMost(l.lanes, NR)
      f.get(l.from).get(this.buffers.indexOf(out))
      f.get(l.batch).i32(queries).mul().get(l.at).add()
      f.i32(depth * 4)
        .mul()
        .add()
        .get(l.lanes)
        .call(this.unload(depth))
      f.increase(l.from, this.#depthRows * ROW)
    })
  }
}

const LOCALS = [
  'batch',
  'key',
  'keyEnd',
  'keys',
  'query',
  'queryEnd',
  'count',
  'local',
  'first',
  'limit',
  'diagonal',
  'lanes',
  'number',
  'at',
  'from',
  'to',
  'base',
  'packedK',
  'packedV',
  'turnedK',
  'packedQ',
  'packedCt',
  'turnedQ',
  'turnedCt',
  'scores',
  'slopes',
  'byKeyP',
  'byKeyS',
  'sumK',
  'sumV',
  'sumQ',
  'rows',
] as const
type LocalName = (typeof LOCALS)[number]
