// If. A condition that is known while the graph is built (from shapes and constants, or in `run` from values) leaves one branch;
// else both become bodies of a `cond`, which computes the one that is taken.
import { cond, type Tensor } from '@dl/tensor/core'
import { type Operator, type OperatorCall, TensorList } from '../operator.ts'

function branch(call: OperatorCall): readonly (Tensor | TensorList)[] {
  const [yes, no] = [call.body('then_branch', 0), call.body('else_branch', 0)]
  const known = call.knownNumbers(0)
  if (known && known.length !== 1) call.fail(`needs one condition, got ${known.length}`)
  const results = known ? (known[0] === 0 ? no : yes)([]) : both(call, yes, no)
  if (results.length !== call.outputCount)
    call.fail(`has ${call.outputCount} outputs, its branch gives ${results.length}`)
  return results
}

type Branch = ReturnType<OperatorCall['body']>

/** @throws UnknownValueError when only the value of the condition can tell what comes out */
function both(call: OperatorCall, yes: Branch, no: Branch): Tensor[] {
  const tensors = (run: Branch) => (): Tensor[] =>
    run([], 1).map((x) => {
      if (x instanceof TensorList) throw new Error('[cond] a branch gives a list')
      return x
    })
  try {
    return cond(call.input(0), tensors(yes), tensors(no))
  } catch (error) {
    return call.unknown(
      `its condition, because its branches cannot both be built: ${(error as Error).message}`,
    )
  }
}

export const conditions: Readonly<Record<string, Operator>> = {
  If: { attributes: ['then_branch', 'else_branch'], build: branch },
}
