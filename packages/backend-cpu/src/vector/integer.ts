// Integer functions that SIMD lacks, as scalar functions of the module: division and remainder (truncating, 0 for a zero
// divisor, no trap on the smallest number by -1) and powers.
import type { FunctionWriter } from '../assembler/function-writer.ts'
import type { ModuleWriter } from '../assembler/module-writer.ts'
import { I32, I64, OP } from '../assembler/opcodes.ts'

export type IntegerFunction = 'div' | 'rem' | 'pow'

interface Width {
  readonly type: typeof I32 | typeof I64
  readonly eqz: number
  readonly eq: number
  readonly lt: number
  readonly sub: number
  readonly mul: number
  readonly and: number
  readonly shr: number
  readonly div: number
  readonly rem: number
  readonly constant: (f: FunctionWriter, x: number) => FunctionWriter
}
const NARROW: Width = {
  type: I32,
  eqz: OP.i32Eqz,
  eq: OP.i32Eq,
  lt: OP.i32LtS,
  sub: OP.i32Sub,
  mul: OP.i32Mul,
  and: OP.i32And,
  shr: OP.i32ShrS,
  div: OP.i32DivS,
  rem: OP.i32RemS,
  constant: (f, x) => f.i32(x),
}
const WIDE: Width = {
  type: I64,
  eqz: OP.i64Eqz,
  eq: OP.i64Eq,
  lt: OP.i64LtS,
  sub: OP.i64Sub,
  mul: OP.i64Mul,
  and: OP.i64And,
  shr: OP.i64ShrS,
  div: OP.i64DivS,
  rem: OP.i64RemS,
  constant: (f, x) => f.i64(BigInt(x)),
}

/** The function (a, b) → a `fn` b over i32 or i64. */
export function integerFunction(module: ModuleWriter, fn: IntegerFunction, wide: boolean): FunctionWriter {
  const w = wide ? WIDE : NARROW
  return module.shared(`${fn}${w.type}`, () => {
    const f = module.function('', [w.type, w.type], [w.type])
    const result = f.permanent(w.type)
    if (fn === 'pow') power(f, w, result)
    else divide(f, w, fn, result)
    f.get(result)
    return f
  })
}

function divide(f: FunctionWriter, w: Width, fn: 'div' | 'rem', result: number): void {
  f.block(() => {
    f.get(1).op(w.eqz).branchIf(0) // result stays 0
    w.constant(f.get(1), -1).op(w.eq)
    f.if(
      () => {
        if (fn === 'div') w.constant(f, 0).get(0).op(w.sub).set(result)
      },
      () =>
        f
          .get(0)
          .get(1)
          .op(fn === 'div' ? w.div : w.rem)
          .set(result),
    )
  })
}

/** Square and multiply; a negative exponent gives 0 except for bases 1 and -1. */
function power(f: FunctionWriter, w: Width, result: number): void {
  const squareAndMultiply = (): void => {
    w.constant(f, 1).set(result)
    f.block(() =>
      f.loop(() => {
        f.get(1).op(w.eqz).branchIf(1)
        w.constant(f.get(1), 1).op(w.and).op(w.eqz)
        f.if(
          () => undefined,
          () => f.get(result).get(0).op(w.mul).set(result),
        )
        f.get(0).get(0).op(w.mul).set(0)
        w.constant(f.get(1), 1).op(w.shr).set(1)
        f.branch(0)
      }),
    )
  }
  const negative = (): void => {
    w.constant(f.get(0), 1).op(w.eq)
    f.if(() => w.constant(f, 1).set(result))
    w.constant(f.get(0), -1).op(w.eq)
    f.if(() => {
      w.constant(f.get(1), 1).op(w.and).op(w.eqz)
      f.if(
        () => w.constant(f, 1).set(result),
        () => w.constant(f, -1).set(result),
      )
    })
  }
  w.constant(f.get(1), 0).op(w.lt)
  f.if(negative, squareAndMultiply)
}
