// The micro-kernel: a tile of MR × NR sums held in registers while k runs over two packed panels. Sizes follow the rule
// "accumulators + NR/4 + 1 (+1 without fused multiply-add) ≤ 15 registers"; more spills and halves the speed.
import type { FunctionWriter } from '../assembler/function-writer.ts'
import type { ModuleWriter } from '../assembler/module-writer.ts'
import { I32, OP, SIMD, V128 } from '../assembler/opcodes.ts'

/** Columns of a tile. */
export const NR = 8
/** Rows of a tile. */
export const tileRows = (relaxed: boolean): 5 | 6 => (relaxed ? 6 : 5)

/**
 * The function micro(a, b, c, k, rowBytes, accumulate): c (+)= a · b for one tile.
 *
 * @param height rows to compute, the first ones of a panel that has all
 */
export function microKernel(
  module: ModuleWriter,
  relaxed: boolean,
  height: number = tileRows(relaxed),
): FunctionWriter {
  return module.shared(`micro ${height}`, () => {
    const rows = tileRows(relaxed)
    const f = module.function('', [I32, I32, I32, I32, I32, I32])
    const [a, b, c, k, rowBytes, accumulate] = [0, 1, 2, 3, 4, 5]
    const vectors = NR / 4
    const sums = Array.from({ length: height * vectors }, () => f.permanent(V128))
    const right = Array.from({ length: vectors }, () => f.permanent(V128))
    const left = f.permanent(V128)
    const end = f.permanent(I32)
    f.get(a)
      .get(k)
      .i32(rows * 4)
      .mul()
      .add()
      .set(end)
    const step = (): void => {
      right.forEach((v, j) =>
        f
          .get(b)
          .load(j * 16)
          .set(v),
      )
      for (let i = 0; i < height; i++) {
        f.get(a)
          .simdMemory(SIMD.load32Splat, i * 4)
          .set(left)
        right.forEach((v, j) => {
          const sum = sums[i * vectors + j]!
          if (relaxed) f.get(left).get(v).get(sum).simd(SIMD.f32x4RelaxedMadd).set(sum)
          else f.get(sum).get(left).get(v).simd(SIMD.f32x4Mul).simd(SIMD.f32x4Add).set(sum)
        })
      }
      f.increase(b, NR * 4)
      f.increase(a, rows * 4)
    }
    // The guard is also what keeps Node 20's register allocator from spilling the sums.
    f.block(() => {
      f.get(a).get(end).op(OP.i32GeU).branchIf(0)
      f.loop(() => {
        step()
        f.get(a).get(end).op(OP.i32LtU).branchIf(0)
      })
    })
    const store = (add: boolean): void => {
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < vectors; j++) {
          f.get(c)
          if (add) f.get(c).load(j * 16)
          f.get(sums[i * vectors + j]!)
          if (add) f.simd(SIMD.f32x4Add)
          f.store(j * 16)
        }
        if (i < height - 1) f.increaseBy(c, rowBytes)
      }
    }
    f.get(accumulate)
    f.if(
      () => store(true),
      () => store(false),
    )
    return f
  })
}
