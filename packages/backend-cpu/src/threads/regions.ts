// Parallel regions: the places in emitted code where several threads share the units of a loop. The main thread publishes
// the job in the control block and takes chunks of units like everybody else; a worker that comes late finds nothing left.
// Which units exist never depends on the threads, and units never share a sum: results are equal bit for bit.
import type { FunctionWriter } from '../assembler/function-writer.ts'
import type { ModuleWriter } from '../assembler/module-writer.ts'
import { ATOMIC, I32, I64, OP } from '../assembler/opcodes.ts'
import {
  ARGUMENTS,
  BELL,
  CHUNK,
  CONTROL_CELL,
  DONE,
  FAILED,
  MAX_THREADS,
  MOST_ARGUMENTS,
  NEXT,
  PROGRAM,
  READY,
  REGION,
  SERVED,
  SLEEPERS,
  TAKEN,
  UNITS,
} from './control.ts'

export interface Region {
  /** The function body(args…, from, to): does the units from ≤ u < to. They may run in any order and at the same time. */
  readonly body: FunctionWriter
  /** Locals (i32) of the calling function that are the body's first arguments. */
  readonly args: readonly number[]
  /** How many units there are, or the most when `count` says how many there are this time. */
  readonly units: number
  /** Local of the calling function with the number of units. */
  readonly count?: number
  /** Nanoseconds that a unit takes, estimated from sizes alone; see `cost.ts`. */
  readonly cost: number
}

/** From this many nanoseconds on, a region whose workers may sleep wakes them. */
const WORTH_WAKING = 100_000
/** Turns of the waiting loop between two looks at the clock. */
const PATIENCE_TURNS = 1 << 14
/** Host functions that modules with regions import: no progress for a while, and a worker failed. Both may throw. */
export const STALLED = 'stalled'
export const BROKEN = 'broken'

export class Regions {
  readonly #module: ModuleWriter
  readonly #program: number
  readonly #threshold: number
  readonly #workersFirst: boolean
  #count = 0
  #nanoseconds = 0
  #times = 1

  /**
   * @param program number under which workers know the module
   * @param threshold nanoseconds of work below which the main thread does a region alone
   * @param workersFirst for tests: the main thread waits a little until another one has taken a chunk
   */
  constructor(module: ModuleWriter, program: number, threshold: number, workersFirst: boolean) {
    this.#module = module
    this.#program = program
    this.#threshold = threshold
    this.#workersFirst = workersFirst
    if (!module.sharedMemory) return
    module.importHost(STALLED, 0)
    module.importHost(BROKEN, 0)
  }

  /** Regions that several threads may share. */
  get count(): number {
    return this.#count
  }

  /** Estimated work in them. */
  get nanoseconds(): number {
    return this.#nanoseconds
  }

  /** Regions that were emitted already run once more in a run of the program. */
  addWork(nanoseconds: number): void {
    this.#nanoseconds += nanoseconds
  }

  /** Emits regions that run about so many times in a run of the program. */
  repeated<R>(times: number, emit: () => R): R {
    const before = this.#times
    this.#times *= times
    const result = emit()
    this.#times = before
    return result
  }

  /** Whether several threads are to share so many units, of so many nanoseconds each. */
  splits({ units, cost }: { readonly units: number; readonly cost: number }): boolean {
    return this.#module.sharedMemory && units > 1 && units * cost >= this.#threshold
  }

  /** Runs all units of the region where `f` stands. */
  emit(f: FunctionWriter, region: Region): void {
    if (!this.splits(region) || region.args.length > MOST_ARGUMENTS) return runAlone(f, region)
    const work = region.units * region.cost
    const number = this.#count++
    this.#nanoseconds += work * this.#times
    const claim = this.#claimer(number, region)
    const mark = f.mark()
    const control = f.local()
    f.call(this.#enter()).tee(control)
    f.if(
      () => {
        region.args.forEach((a, i) =>
          f
            .get(control)
            .get(a)
            .memory(OP.i32Store, ARGUMENTS + 4 * i),
        )
        const chunk = Math.max(1, Math.ceil(this.#threshold / 4 / region.cost))
        f.get(control).i32(number)
        pushUnits(f, region)
        f.i32(chunk)
          .i32(work >= WORTH_WAKING ? 1 : 0)
          .call(this.#publish())
        f.get(control)
          .get(control)
          .memory(OP.i32Load, NEXT + 4)
          .call(claim)
        f.get(control).call(this.#join())
      },
      () => runAlone(f, region),
    )
    f.release(mark)
  }

  /** enter() → address of the control block, 0 when there is nobody to share with. */
  #enter(): FunctionWriter {
    return this.#module.shared('threads.enter', () => {
      const f = this.#module.function('', [], [I32])
      const control = f.permanent()
      f.i32(CONTROL_CELL).memory(OP.i32Load).tee(control).op(OP.i32Eqz)
      f.if(() => f.i32(0).return())
      f.i32(0).get(control).get(control).atomic(ATOMIC.i32Load, READY).op(OP.i32Eqz).op(OP.select)
      return f
    })
  }

  /** publish(control, region, units, leastChunk, wake): from now on chunks can be taken. */
  #publish(): FunctionWriter {
    return this.#module.shared('threads.publish', () => {
      const f = this.#module.function('', [I32, I32, I32, I32, I32])
      const [control, region, units, chunk, wake] = [0, 1, 2, 3, 4]
      const share = f.permanent()
      const store = (offset: number, push: () => void): void => {
        f.get(control)
        push()
        f.memory(OP.i32Store, offset)
      }
      store(PROGRAM, () => f.i32(this.#program))
      store(REGION, () => f.get(region))
      store(UNITS, () => f.get(units))
      // about four chunks a thread, none of them too small
      f.get(units).get(control).memory(OP.i32Load, READY).i32(1).add().i32(2).op(OP.i32Shl)
      f.op(OP.i32DivU).set(share)
      store(CHUNK, () => f.get(share).get(chunk).get(share).get(chunk).op(OP.i32GtS).op(OP.select))
      store(DONE, () => f.i32(0))
      f.get(control)
      f.get(control)
        .memory(OP.i32Load, NEXT + 4)
        .i32(1)
        .add()
        .op(OP.i64ExtendI32U)
        .i64(32n)
        .op(OP.i64Shl)
      f.get(units).op(OP.i64ExtendI32U).op(OP.i64Or).atomic(ATOMIC.i64Store, NEXT)
      f.get(wake)
      f.if(() => this.#ring(f, control))
      return f
    })
  }

  #ring(f: FunctionWriter, control: number): void {
    f.get(control).atomic(ATOMIC.i32Load, SLEEPERS)
    f.if(() => {
      f.get(control).i32(1).atomic(ATOMIC.i32Add, BELL).op(OP.drop)
      f.get(control).i32(MAX_THREADS).atomic(ATOMIC.notify, BELL).op(OP.drop)
    })
  }

  /** claim(control, job): takes chunks of the job and does them until none is left. Workers call it by its name. */
  #claimer(number: number, region: Region): FunctionWriter {
    const f = this.#module.function(`r${number}`, [I32, I32])
    const [control, job] = [0, 1]
    const [left, take, from, mine] = [f.permanent(), f.permanent(), f.permanent(), f.permanent()]
    const next = f.permanent(I64)
    f.thread().i32(2).op(OP.i32Shl).get(control).add().set(mine)
    f.block(() => {
      f.loop(() => {
        f.get(control).atomic(ATOMIC.i64Load, NEXT).set(next)
        f.get(next).op(OP.i32WrapI64).tee(left).op(OP.i32Eqz).branchIf(1)
        f.get(next).i64(32n).op(OP.i64ShrU).op(OP.i32WrapI64).get(job).op(OP.i32Ne).branchIf(1)
        f.get(control).memory(OP.i32Load, CHUNK).set(take)
        f.min(take, left).set(take)
        // while the exchange succeeds the job runs, and what stands in the block is about this job
        f.get(control).get(next).get(next).get(take).op(OP.i64ExtendI32U).op(OP.i64Sub)
        f.atomic(ATOMIC.i64CompareExchange, NEXT).get(next).op(OP.i64Ne).branchIf(0)
        f.get(control).memory(OP.i32Load, UNITS).get(left).sub().set(from)
        f.get(mine).get(take).memory(OP.i32Store, TAKEN)
        region.args.forEach((_, i) => f.get(control).memory(OP.i32Load, ARGUMENTS + 4 * i))
        f.get(from).get(from).get(take).add().call(region.body)
        f.get(mine).get(mine).memory(OP.i32Load, SERVED).i32(1).add().memory(OP.i32Store, SERVED)
        f.get(control).get(take).atomic(ATOMIC.i32Add, DONE).op(OP.drop)
        f.branch(0)
      })
    })
    return f
  }

  #letWorkersStart(): FunctionWriter {
    return this.#module.shared('threads.letWorkersStart', () => {
      const f = this.#module.function('', [I32])
      const turns = f.permanent()
      const most = f.permanent()
      f.i32(PATIENCE_TURNS).set(most)
      f.i32(0)
      f.forUntil(turns, most, 1, () => {
        f.get(0).atomic(ATOMIC.i32Load, NEXT).get(0).memory(OP.i32Load, UNITS).op(OP.i32Ne)
        f.if(() => f.return())
      })
      return f
    })
  }

  /** join(control): waits until every unit is done. */
  #join(): FunctionWriter {
    return this.#module.shared('threads.join', () => {
      const f = this.#module.function('', [I32])
      const turns = f.permanent()
      f.block(() => {
        f.loop(() => {
          f.get(0).atomic(ATOMIC.i32Load, DONE).get(0).memory(OP.i32Load, UNITS).op(OP.i32Eq).branchIf(1)
          f.get(turns).i32(1).add().tee(turns).i32(PATIENCE_TURNS).op(OP.i32Eq)
          f.if(() => f.call(this.#module.host(STALLED)).op(OP.drop).i32(0).set(turns))
          f.branch(0)
        })
      })
      f.get(0).atomic(ATOMIC.i32Load, FAILED)
      f.if(() => f.call(this.#module.host(BROKEN)).op(OP.drop))
      return f
    })
  }
}

function pushUnits(f: FunctionWriter, region: Region): void {
  if (region.count === undefined) f.i32(region.units)
  else f.get(region.count)
}

/** All units on the main thread. */
export function runAlone(f: FunctionWriter, region: Region): void {
  for (const a of region.args) f.get(a)
  f.i32(0)
  pushUnits(f, region)
  f.call(region.body)
}
