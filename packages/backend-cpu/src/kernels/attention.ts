// Attention forward: blocks of queries against blocks of keys with a running softmax (Milakov and Gimelshein 2018; Dao et al.
// 2022), so that only one panel of scores exists at a time. Both products go through the packed micro-kernel: scores come out
// as panels with queries in the lanes, which is the packed form that the second product reads.
import type { AttentionKernel } from '@dl/tensor/backend'
import type { FunctionWriter } from '../assembler/function-writer.ts'
import { I32, OP, SIMD, V128 } from '../assembler/opcodes.ts'
import { expOfNonPositive, log } from '../vector/elementary.ts'
import type { Value } from '../vector/emitter.ts'
import { storeContiguous } from './access.ts'
import { AttentionParts, ROW, roundUp, unitCost, VECTORS, WorkspacePlan } from './attention-parts.ts'
import type { Environment } from './environment.ts'
import { NR } from './micro.ts'
import type { EmittedKernel } from './row.ts'

/** Of each panel of queries: the greatest score so far, then the sum of exponentials. */
const STATE_BYTES: number = 2 * ROW

export function emitAttention(env: Environment, name: string, kernel: AttentionKernel): EmittedKernel {
  const named = [kernel.q, kernel.k, kernel.v, kernel.mask].flatMap((o) => (o ? [o.buffer] : []))
  const plain = [kernel.dropout?.stream ?? null, kernel.out, kernel.logSum].filter((b) => b !== null)
  const buffers = [...new Set([...named, ...plain])]
  const writer = new ForwardWriter(env, kernel, buffers)
  const body = writer.write()
  const f = env.module.function(
    name,
    buffers.map(() => I32),
  )
  const units = kernel.batch * Math.ceil(kernel.queries / writer.queryBlock)
  const cost = unitCost(kernel, Math.min(kernel.queries, writer.queryBlock), { products: 1, exponentials: 1 })
  env.parallel(f, { body, args: buffers.map((_, i) => i), units, cost })
  return { fn: f, buffers }
}

class ForwardWriter extends AttentionParts {
  declare readonly kernel: AttentionKernel
  readonly f: FunctionWriter
  readonly #l: { readonly [K in LocalName]: number }
  readonly #plan = new WorkspacePlan()

  constructor(env: Environment, kernel: AttentionKernel, buffers: readonly number[]) {
    super(env, kernel, buffers)
    const f = (this.f = this.function(buffers.length + 2))
    this.#l = Object.fromEntries(LOCALS.map((n) => [n, f.permanent(I32)])) as { [K in LocalName]: number }
  }

  /** The function range(buffers…, from, to): units are blocks of queries, batch element by batch element. */
  write(): FunctionWriter {
    const { f } = this
    const l = this.#l
    const { queries, keys, depth, valueDepth, causal, q, k, v } = this.kernel
    const blocks = Math.ceil(queries / this.queryBlock)
    const [from, to] = [this.buffers.length, this.buffers.length + 1]
    this.#places()
    const [packQ, packK, packV] = [
      this.packRows(q, NR),
      this.packRows(k, this.mr),
      this.packColumns(v, this.mr),
    ]
    f.get(from)
    f.forUntil(l.unit, to, 1, () => {
      f.get(l.unit).i32(blocks).op(OP.i32DivS).set(l.batch)
      f.get(l.unit).i32(blocks).op(OP.i32RemS).i32(this.queryBlock).mul().set(l.query)
      f.i32(queries).get(l.query).sub().set(l.count)
      f.atMost(l.count, this.queryBlock)
      this.start(f, q, l.batch).get(l.packedQ).get(l.query).i32(0).get(l.count).i32(depth).call(packQ)
      this.#scaleQueries()
      this.#clear()
      f.i32(keys).set(l.keyEnd)
      if (causal) {
        f.get(l.query).get(l.count).add().set(l.limit)
        f.min(l.keyEnd, l.limit).set(l.keyEnd)
      }
      f.i32(0)
      f.forUntil(l.key, l.keyEnd, this.keyBlock, () => {
        f.get(l.keyEnd).get(l.key).sub().set(l.keys)
        f.atMost(l.keys, this.keyBlock)
        this.start(f, k, l.batch).get(l.packedK).get(l.key).i32(0).get(l.keys).i32(depth).call(packK)
        this.start(f, v, l.batch).get(l.packedV).i32(0).get(l.key).i32(valueDepth).get(l.keys).call(packV)
        this.#eachPanel(() => this.#panel())
      })
      this.#finish()
    })
    return f
  }

  #places(): void {
    const { f } = this
    const l = this.#l
    const { depth, valueDepth } = this.kernel
    const places = {
      packedQ: this.queryBlock * depth,
      packedK: this.keyBlock * depth,
      packedV: this.keyBlock * roundUp(valueDepth, this.mr),
      scores: (this.keyBlock + NR) * NR,
      output: this.queryBlock * roundUp(valueDepth, this.mr),
      state: (this.queryBlock / NR) * (STATE_BYTES / 4),
    }
    const offsets = Object.entries(places).map(([name, floats]) => [name, this.#plan.take(floats)] as const)
    this.env.workspace(this.#plan.bytes)
    this.env.pushWorkspace(f)
    f.set(l.base)
    for (const [name, offset] of offsets)
      f.get(l.base)
        .plus(offset)
        .set(l[name as keyof typeof places])
  }

  #scaleQueries(): void {
    const { f } = this
    const l = this.#l
    if (this.kernel.scale === 1) return
    f.get(l.packedQ)
      .get(l.count)
      .plus(NR - 1)
      .i32(NR)
      .op(OP.i32DivS)
      .i32(this.kernel.depth)
      .mul()
      .call(this.scale(this.kernel.scale))
  }

  /** Greatest score -∞, sum 0. */
  #clear(): void {
    const { f } = this
    const l = this.#l
    const e = this.emitter(f)
    f.i32(0).set(l.panel).get(l.state).set(l.at)
    f.forConstant(l.panel, this.queryBlock / NR, 1, () => {
      for (let v = 0; v < VECTORS; v++) {
        f.get(l.at)
          .get(e.f32(-Infinity)[0]!)
          .store(v * 16)
        f.get(l.at)
          .get(e.f32(0)[0]!)
          .store(ROW + v * 16)
      }
      f.increase(l.at, STATE_BYTES)
    })
  }

  /** Runs `body` for each panel of the block of queries: first query and places in the block are in locals. */
  #eachPanel(body: () => void): void {
    const { f } = this
    const l = this.#l
    const { depth, valueDepth } = this.kernel
    f.get(l.packedQ).set(l.panelQ).get(l.output).set(l.panelO).get(l.state).set(l.panelState)
    f.get(l.query).get(l.count).add().set(l.queryEnd)
    f.get(l.query)
    f.forUntil(l.first, l.queryEnd, NR, () => {
      body()
      f.increase(l.panelQ, depth * ROW)
      f.increase(l.panelO, roundUp(valueDepth, this.mr) * ROW)
      f.increase(l.panelState, STATE_BYTES)
    })
  }

  /** One panel of queries against one block of keys. */
  #panel(): void {
    const { f } = this
    const l = this.#l
    const { depth, valueDepth, causal, mask } = this.kernel
    const tiles = this.tiles()
    f.get(l.keys).set(l.limit)
    if (causal) {
      f.get(l.first).get(l.key).sub().set(l.diagonal)
      f.get(l.diagonal).plus(NR).set(l.at)
      f.min(l.limit, l.at).set(l.limit)
    }
    const seen = (): void => {
      f.get(l.packedK).get(l.panelQ).get(l.scores).get(l.limit).i32(depth)
      f.i32(depth * this.mr * 4)
        .i32(0)
        .call(tiles)
      if (mask) {
        const bytes = this.env.buffers[mask.buffer]!.dtype === 'bool' ? 1 : 4
        this.start(f, mask, l.batch, bytes).get(l.scores).get(l.first).get(l.key).get(l.limit)
        f.call(this.mask(mask))
      }
      if (causal) f.get(l.scores).get(l.diagonal).get(l.limit).call(this.hide())
      this.#absorb()
      f.get(l.packedV)
        .get(l.scores)
        .get(l.panelO)
        .i32(valueDepth)
        .get(l.limit)
        .get(l.keys)
        .i32(this.mr * 4)
        .mul()
      f.get(l.key).i32(0).op(OP.i32GtS).call(this.tiles(valueDepth))
    }
    if (!causal) return seen()
    f.get(l.limit).i32(0).op(OP.i32GtS)
    f.if(seen)
  }

  /** Calls the running softmax on the panel of scores. */
  #absorb(): void {
    const { f } = this
    const l = this.#l
    const { queries, keys, dropout } = this.kernel
    f.get(l.scores).get(l.limit).get(l.panelState).get(l.panelO).get(l.key)
    if (dropout) {
      f.get(this.buffers.indexOf(dropout.stream))
      f.get(l.batch).i32(queries).mul().get(l.first).add().i32(keys).mul().get(l.key).add()
    }
    f.call(this.#softmax())
  }

  /**
   * softmax(scores, keys, state, output, key, stream, number): scores become exponentials below the greatest score so far,
   * dropped where asked; state and, after the first block (key > 0), output are scaled to that greatest score.
   */
  #softmax(): FunctionWriter {
    const { dropout, valueDepth } = this.kernel
    const g = this.function(dropout ? 7 : 5)
    const e = this.emitter(g)
    const [scores, keys, state, output, key, stream, number] = [0, 1, 2, 3, 4, 5, 6]
    const [at, end] = [g.permanent(I32), g.permanent(I32)]
    const greatest = this.#greatest(g, scores, keys, state, at, end)
    const shift = greatest.map((m) => {
      const none = e.op(SIMD.f32x4Eq, [m], e.f32(-Infinity))
      return held(g, e.op(SIMD.andnot, [m], none))
    })
    const alpha = shift.map((x, v) => {
      const before = g.vector()
      g.get(state)
        .load(v * 16)
        .set(before)
      return held(g, expOfNonPositive(e, e.op(SIMD.f32x4Sub, [before], [x])))
    })
    const sums = shift.map(() => g.permanent(V128))
    const random = dropout ? this.streamLocals(e, stream, number) : null
    g.get(scores).get(keys).scale(ROW).add().set(end).get(scores)
    g.forUntil(at, end, ROW, () => {
      for (let v = 0; v < VECTORS; v++) {
        const mark = g.mark()
        const x = g.vector()
        g.get(at)
          .load(v * 16)
          .set(x)
        let p: Value = expOfNonPositive(e, e.op(SIMD.f32x4Sub, [x], [shift[v]!]))
        g.get(sums[v]!).get(p[0]!).simd(SIMD.f32x4Add).set(sums[v]!)
        if (random) {
          p = e.op(SIMD.and, p, this.kept(e, random.words, [random.numbers[v]!], dropout!.rate))
          g.get(random.numbers[v]!).get(e.i32(1)[0]!).simd(SIMD.i32x4Add).set(random.numbers[v]!)
        }
        g.get(at)
          .get(p[0]!)
          .store(v * 16)
        g.release(mark)
      }
    })
    for (let v = 0; v < VECTORS; v++) {
      g.get(state)
        .get(greatest[v]!)
        .store(v * 16)
      g.get(state)
      g.get(state)
        .load(ROW + v * 16)
        .get(alpha[v]!)
        .simd(SIMD.f32x4Mul)
      g.get(sums[v]!)
        .simd(SIMD.f32x4Add)
        .store(ROW + v * 16)
    }
    g.get(key)
    g.if(() => {
      g.get(output)
        .plus(valueDepth * ROW)
        .set(end)
        .get(output)
      g.forUntil(at, end, ROW, () => {
        for (let v = 0; v < VECTORS; v++)
          g.get(at)
            .get(at)
            .load(v * 16)
            .get(alpha[v]!)
            .simd(SIMD.f32x4Mul)
            .store(v * 16)
      })
    })
    return g
  }

  /** Locals with the greatest score of each lane; rows up to a multiple of four are set to -∞, so that four chains run side by side. */
  #greatest(
    g: FunctionWriter,
    scores: number,
    keys: number,
    state: number,
    at: number,
    end: number,
  ): readonly number[] {
    const UNROLL = 4
    const e = this.emitter(g)
    const top = Array.from({ length: UNROLL * VECTORS }, () => g.permanent(V128))
    top.forEach((x, i) =>
      g
        .get(state)
        .load((i % VECTORS) * 16)
        .set(x),
    )
    g.get(scores).get(keys).scale(ROW).add().set(end)
    for (let i = 0; i < (UNROLL - 1) * VECTORS; i++)
      g.get(end)
        .get(e.f32(-Infinity)[0]!)
        .store(i * 16)
    g.get(scores)
    g.forUntil(at, end, UNROLL * ROW, () =>
      top.forEach((x, i) =>
        g
          .get(x)
          .get(at)
          .load(i * 16)
          .simd(SIMD.f32x4PMax)
          .set(x),
      ),
    )
    for (let step = UNROLL / 2; step >= 1; step /= 2)
      for (let i = 0; i < step * VECTORS; i++)
        g.get(top[i]!)
          .get(top[i + step * VECTORS]!)
          .simd(SIMD.f32x4PMax)
          .set(top[i]!)
    return top.slice(0, VECTORS)
  }

  /** Divides by the sums and writes rows. */
  #finish(): void {
    const { f } = this
    const l = this.#l
    const { queries, valueDepth, out, logSum } = this.kernel
    const divide = out === null ? null : this.#divide()
    this.#eachPanel(() => {
      f.get(l.queryEnd).get(l.first).sub().set(l.lanes)
      f.atMost(l.lanes, NR)
      f.get(l.batch).i32(queries).mul().get(l.first).add().set(l.at)
      if (logSum !== null) {
        f.get(l.panelState).get(this.buffers.indexOf(logSum)).get(l.at).scale(4).add().get(l.lanes)
        f.call(this.#logSum())
      }
      if (!divide) return
      f.get(l.panelState).get(l.panelO).call(divide)
      f.get(l.panelO)
        .get(this.buffers.indexOf(out!))
        .get(l.at)
        .i32(valueDepth * 4)
        .mul()
        .add()
        .get(l.lanes)
        .call(this.unload(valueDepth))
    })
  }

  /** divide(state, output): output / (sum · (1 - rate)), 0 where no key was seen. */
  #divide(): FunctionWriter {
    const { valueDepth, dropout } = this.kernel
    const g = this.function(2)
    const e = this.emitter(g)
    const [state, output] = [0, 1]
    const factors = Array.from({ length: VECTORS }, (_, v) => {
      const sum = g.vector()
      g.get(state)
        .load(ROW + v * 16)
        .set(sum)
      const all = dropout ? e.op(SIMD.f32x4Mul, [sum], e.f32(1 - dropout.rate)) : [sum]
      const none = e.op(SIMD.f32x4Eq, [sum], e.f32(0))
      return held(g, e.op(SIMD.andnot, e.op(SIMD.f32x4Div, e.f32(1), all), none))
    })
    const [at, end] = [g.permanent(I32), g.permanent(I32)]
    g.get(output)
      .plus(valueDepth * ROW)
      .set(end)
      .get(output)
    g.forUntil(at, end, ROW, () =>
      factors.forEach((x, v) =>
        g
          .get(at)
          .get(at)
          .load(v * 16)
          .get(x)
          .simd(SIMD.f32x4Mul)
          .store(v * 16),
      ),
    )
    return g
  }

  /** logSum(state, out, lanes): greatest + log sum, +∞ where no key was seen. */
  #logSum(): FunctionWriter {
    const g = this.function(3)
    const e = this.emitter(g)
    const [state, out, lanes] = [0, 1, 2]
    for (let v = 0; v < VECTORS; v++) {
      const [greatest, sum] = [g.vector(), g.vector()]
      g.get(state)
        .load(v * 16)
        .set(greatest)
      g.get(state)
        .load(ROW + v * 16)
        .set(sum)
      const none = e.op(SIMD.f32x4Eq, [sum], e.f32(0))
      const value = e.choose(none, e.f32(Infinity), e.op(SIMD.f32x4Add, [greatest], log(e, [sum])))
      const store = (count: number): void =>
        storeContiguous(e, 'float32', count, () => void g.get(out), v * 16, value)
      // how many of these four lanes are queries
      const left = g.local()
      g.get(lanes)
        .plus(-4 * v)
        .set(left)
      for (const count of [1, 2, 3]) {
        g.get(left).i32(count).op(OP.i32Eq)
        g.if(() => store(count))
      }
      g.get(left).i32(4).op(OP.i32GeS)
      g.if(() => store(4))
    }
    return g
  }
}

/** A value in a local that stays. */
function held(g: FunctionWriter, x: Value): number {
  const local = g.permanent(V128)
  g.get(x[0]!).set(local)
  return local
}

const LOCALS = [
  'unit',
  'batch',
  'query',
  'count',
  'queryEnd',
  'key',
  'keyEnd',
  'keys',
  'limit',
  'diagonal',
  'first',
  'lanes',
  'panel',
  'at',
  'base',
  'packedQ',
  'packedK',
  'packedV',
  'scores',
  'output',
  'state',
  'panelQ',
  'panelO',
  'panelState',
] as const
type LocalName = (typeof LOCALS)[number]
