// Activation functions. Formulas follow PyTorch's documentation; defaults are tfjs's where tfjs has the function. Those with a
// formula of several steps are composites: exporters see the name, the compiler the formula.
import { isFloat } from '../graph/dtype.ts'
import { defineComposite } from '../graph/composite.ts'
import type { Node } from '../graph/node.ts'
import { constant, s } from '../graph/primitives.ts'
import type { Binary, FloatUnary, GeluUnary, SlopedUnary, Step, Unary } from '../tensor/op-types.ts'
import { floating, numeric, numericOperands, result } from './operands.ts'

interface Alpha {
  readonly alpha: number
}
/** A composite of one input. */
const named = <C>(name: string, formula: (x: Node, config: C) => Node): ((x: Node, config: C) => Node) => {
  const node = defineComposite<C>({ name, fallback: ([x], config) => formula(x!, config) })
  return (x, config) => node([x], config)
}

/**
 * `max(x, 0)`. The gradient at 0 is 0.
 * @example
 * ```ts
 * relu(tensor([-1, 2])).print() // [0, 2]
 * ```
 */
export const relu: Unary = (x) => result(s.relu(numeric('relu', 'x', x)))

/**
 * `min(max(x, 0), 6)`.
 * @example
 * ```ts
 * relu6(tensor([-1, 2, 8])).print() // [0, 2, 6]
 * ```
 */
export const relu6: Unary = (x) => result(s.min(s.relu(numeric('relu6', 'x', x)), 6))

const positive = (x: Node): Node => s.gt(x, 0)
/** `exp(x) - 1` where x is not above 0, NaN included; elsewhere 0, so that the branch not taken never overflows. */
const expm1BelowZero = (x: Node): Node => s.expm1(s.select(positive(x), 0, x))

/**
 * `x` above 0, `alpha * x` below.
 * @param alpha slope below 0 (default 0.2)
 * @example
 * ```ts
 * leakyRelu(tensor([-1, 2])).print() // [-0.2, 2]
 * ```
 */
export const leakyRelu: SlopedUnary = (x, alpha = 0.2) =>
  result(leakyReluNode(floating('leakyRelu', 'x', x), { alpha }))
const leakyReluNode = /* @__PURE__ */ named<Alpha>('leakyRelu', (x, { alpha }) =>
  s.select(positive(x), x, s.mul(x, alpha)),
)

/**
 * `x` above 0, `alpha * x` below, with `alpha` a tensor that broadcasts against `x`.
 * @example
 * ```ts
 * prelu(tensor([-1, 2]), tensor([0.1, 0.5])).print() // [-0.1, 2]
 * ```
 */
export const prelu: Binary<'prelu'> = (x, alpha) => {
  const [node, slope] = numericOperands('prelu', x, alpha, ['x', 'alpha'])
  return result(s.select(positive(node), node, s.mul(slope, node)))
}

/**
 * `x` above 0, `alpha * (exp(x) - 1)` below (Clevert et al. 2015).
 * @param alpha default 1
 * @example
 * ```ts
 * elu(tensor([-1, 2])).print() // [-0.632, 2]
 * ```
 */
export const elu: SlopedUnary = (x, alpha = 1) => result(eluNode(floating('elu', 'x', x), { alpha }))
const eluNode = /* @__PURE__ */ named<Alpha>('elu', (x, { alpha }) =>
  s.select(positive(x), x, s.mul(expm1BelowZero(x), alpha)),
)

const SELU_ALPHA = 1.6732632423543772
const SELU_SCALE = 1.0507009873554805

/**
 * `scale * elu(x, alpha)` with the two constants that keep mean and variance (Klambauer et al. 2017).
 * @example
 * ```ts
 * selu(tensor([-1, 2])).print() // [-1.111, 2.101]
 * ```
 */
export const selu: FloatUnary = (x) => result(seluNode(floating('selu', 'x', x), {}))
const seluNode = /* @__PURE__ */ named('selu', (x) =>
  s.mul(s.select(positive(x), x, s.mul(expm1BelowZero(x), SELU_ALPHA)), SELU_SCALE),
)

/**
 * `log(1 + exp(x))` without overflow.
 * @example
 * ```ts
 * softplus(tensor([0, 100])).print() // [0.693, 100]
 * ```
 */
export const softplus: FloatUnary = (x) => result(s.softplus(floating('softplus', 'x', x)))

/**
 * `log(sigmoid(x))` without overflow: `-softplus(-x)`.
 * @example
 * ```ts
 * logSigmoid(tensor([0, -100])).print() // [-0.693, -100]
 * ```
 */
export const logSigmoid: FloatUnary = (x) => result(logSigmoidNode(floating('logSigmoid', 'x', x), {}))
const logSigmoidNode = /* @__PURE__ */ named('logSigmoid', (x) => s.neg(s.softplus(s.neg(x))))

/**
 * 1 above 0, `alpha` elsewhere, NaN for NaN. Has no gradient.
 * @param alpha default 0
 * @example
 * ```ts
 * step(tensor([-1, 2])).print() // [0, 1]
 * ```
 */
export const step: Step = (x, alpha = 0) => {
  const node = numeric('step', 'x', x)
  const value = s.select(positive(node), constant(1, node.dtype), alpha)
  return result(isFloat(node.dtype) ? s.select(s.isNaN(node), node, value) : value)
}

/**
 * Gaussian error linear unit `x Φ(x)` (Hendrycks & Gimpel 2016).
 * @param approximate `'tanh'`: `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`; `'none'` (default): exact, through erf
 * @example
 * ```ts
 * gelu(tensor([-1, 1])).print() // [-0.159, 0.841]
 * ```
 */
export const gelu: GeluUnary = (x, approximate = 'none') => {
  if (approximate !== 'none' && approximate !== 'tanh')
    throw new Error(`[gelu] approximate must be 'none' or 'tanh', got ${String(approximate)}`)
  return result(geluNode(floating('gelu', 'x', x), { approximate }))
}
type GeluForm = 'none' | 'tanh'
const geluNode = /* @__PURE__ */ named<{ readonly approximate: GeluForm }>('gelu', (x, { approximate }) =>
  s.mul(s.mul(x, 0.5), s.add(geluCurve(x, approximate), 1)),
)

/** -1 … 1: where on the way from "off" to "on" a unit stands. */
function geluCurve(x: Node, approximate: GeluForm): Node {
  if (approximate === 'none') return s.erf(s.mul(x, Math.SQRT1_2))
  const cubic = s.add(x, s.mul(s.mul(s.square(x), x), 0.044715))
  return s.tanh(s.mul(cubic, Math.sqrt(2 / Math.PI)))
}

/**
 * `x * sigmoid(x)`, also called swish (Ramachandran et al. 2017).
 * @example
 * ```ts
 * silu(tensor([-1, 2])).print() // [-0.269, 1.762]
 * ```
 */
export const silu: FloatUnary = (x) => result(siluNode(floating('silu', 'x', x), {}))
const siluNode = /* @__PURE__ */ named('silu', (x) => s.mul(x, s.sigmoid(x)))
/** Another name of {@link silu}. */
export const swish: FloatUnary = silu

/**
 * `min(max(0.2 x + 0.5, 0), 1)`, as Keras 2 and tfjs have it.
 * @example
 * ```ts
 * hardSigmoid(tensor([-1, 0, 4])).print() // [0.3, 0.5, 1]
 * ```
 */
export const hardSigmoid: FloatUnary = (x) => result(hardSigmoidNode(floating('hardSigmoid', 'x', x), {}))
const hardSigmoidNode = /* @__PURE__ */ named('hardSigmoid', (x) =>
  s.min(s.max(s.add(s.mul(x, 0.2), 0.5), 0), 1),
)

/**
 * `x * tanh(softplus(x))` (Misra 2019).
 * @example
 * ```ts
 * mish(tensor([-1, 2])).print() // [-0.303, 1.944]
 * ```
 */
export const mish: FloatUnary = (x) => result(mishNode(floating('mish', 'x', x), {}))
const mishNode = /* @__PURE__ */ named('mish', (x) => s.mul(x, s.tanh(s.softplus(x))))

/**
 * `x / (1 + |x|)`.
 * @example
 * ```ts
 * softsign(tensor([-1, 3])).print() // [-0.5, 0.75]
 * ```
 */
export const softsign: FloatUnary = (x) => result(softsignNode(floating('softsign', 'x', x), {}))
const softsignNode = /* @__PURE__ */ named('softsign', (x) => s.div(x, s.add(s.abs(x), 1)))
