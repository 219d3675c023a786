// Which units of a row kernel threads may take: turns of its outer loops, blocks of its lane loop, or both. Never a part of
// a sum: what a unit computes does not depend on who computes it.
import { elementCost } from '../threads/cost.ts'
import type { RowPlan } from './row-plan.ts'

export interface RowSplit {
  /** Outer loops whose turns the number of a unit counts, outermost first. */
  readonly loops: readonly number[]
  /** Elements of the lane loop in a unit; 0 when units take all of it. The number of the block runs fastest. */
  readonly block: number
  readonly blocks: number
  readonly units: number
  /** Vectors that interleave: fewer than planned where columns are few. */
  readonly unroll: number
  /** Nanoseconds a unit. */
  readonly cost: number
}

/** Units are wanted that take about so long, and not more of them than this. */
const UNIT_NANOSECONDS = 1000
const MOST_UNITS = 256
/** With fewer units than this, columns of sums are taken in narrower blocks. */
const FEW_UNITS = 8

/**
 * @param around outer loops around a row, outermost first
 * @param laneIsFree whether blocks of the lane loop can be taken apart: nothing is summed along it
 * @param finest units are to be as small as they can be
 */
export function splitRow(
  plan: RowPlan,
  around: readonly number[],
  laneIsFree: boolean,
  finest: boolean,
): RowSplit {
  const { sizes, lane, exprs, stores } = plan
  const size = sizes[lane]!
  const work = sizes.reduce((n, s) => n * s, 1) * elementCost(exprs, stores)
  const wanted = Math.min(MOST_UNITS, finest ? Infinity : Math.ceil(work / UNIT_NANOSECONDS))
  const loops: number[] = []
  let units = 1
  for (const l of around) {
    if (units >= wanted) break
    loops.push(l)
    units *= sizes[l]!
  }
  let [block, blocks, unroll] = [0, 1, plan.unroll]
  if (laneIsFree && units > 0 && units < wanted) {
    // whole cache lines and whole steps of the interleaved loop; maps take longer stretches
    if (plan.vertical)
      while (unroll > 4 && (units * size) / (4 * unroll) < Math.min(FEW_UNITS, wanted)) unroll /= 2
    const grain = (finest || plan.vertical ? 4 : 16) * unroll
    block = Math.ceil(size / Math.ceil(wanted / units) / grain) * grain
    blocks = Math.ceil(size / block)
    if (blocks === 1) block = 0
    units *= blocks
  }
  return { loops, block, blocks, units, unroll, cost: work / Math.max(1, units) }
}
