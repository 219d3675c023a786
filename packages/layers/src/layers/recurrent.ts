// The base of the recurrent layers: what their configs share, their weights, states and dropout masks, and which of steps and
// states they return. A kind of layer adds what one step computes.
import {
  expandDims,
  greaterEqual,
  mul,
  random,
  reverse,
  slice,
  where,
  type CallOptions,
  type Tensor,
} from '@dl/tensor/core'
import type { ActivationLike } from '../activations.ts'
import { activationOf } from '../by-name.ts'
import { GeneratorState } from '../generator-state.ts'
import { type InitializerLike, orthogonal } from '../initializers.ts'
import { isList, Layer, type LayerConfig } from '../layer.ts'
import { maskOf } from '../masks.ts'
import type { Activation } from '../registry.ts'
import type { RegularizerLike } from '../regularizers.ts'
import { type LayerShape, showShape } from '../shapes.ts'

/** What the recurrent layers share. */
export interface RecurrentConfig {
  /** Size of the state, which is the output of a step. */
  readonly units: number
  /** Default `tanh`. */
  readonly activation?: ActivationLike | undefined
  /** Default true. */
  readonly useBias?: boolean | undefined
  /** Of the weights of the input; default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike | undefined
  /** Of the weights of the state; default `orthogonal`. */
  readonly recurrentInitializer?: InitializerLike | undefined
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerLike | undefined
  readonly kernelRegularizer?: RegularizerLike | undefined
  readonly recurrentRegularizer?: RegularizerLike | undefined
  readonly biasRegularizer?: RegularizerLike | undefined
  /** Share of the input's features that are zero while training, the same ones at every step of a sequence; default 0. */
  readonly dropout?: number | undefined
  /** Share of the state that no step sees while training, the same at every step (Gal and Ghahramani, 2016); default 0. */
  readonly recurrentDropout?: number | undefined
  /** Of dropout. Default: the next of the sequence that `setRandomSeed` starts. */
  readonly seed?: number | undefined
  /** Returns the outputs of all steps, `[batch, time, units]`, not only the last, `[batch, units]`; default false. */
  readonly returnSequences?: boolean | undefined
  /** Returns `[outputs, ...last states]`; default false. */
  readonly returnState?: boolean | undefined
  /** From the last step to the first; outputs are in the order in which they were made. Default false. */
  readonly goBackwards?: boolean | undefined
  /** Outputs of steps that a mask leaves out are 0, and not the output before. Default false. */
  readonly zeroOutputForMask?: boolean | undefined
}

/** Config of the layers with gates. */
export interface GatedConfig extends RecurrentConfig {
  /** Of the gates; default `sigmoid`. */
  readonly recurrentActivation?: ActivationLike | undefined
}

/** The activation of a config, undefined where the default of the operation holds. */
export const givenActivation = (like: ActivationLike | undefined): Activation | undefined =>
  like === undefined ? undefined : activationOf(like)

/** What a recurrent layer gives: a tensor, or with `returnState` an array that begins with it. */
export type RecurrentOutput = Tensor | readonly Tensor[]

/** How a kind of layer is to walk a sequence. */
export interface Walk {
  readonly reverse: boolean
  /** `[batch, units]`: the mask of recurrent dropout. */
  readonly stateScale: Tensor | null
  /** bool `[batch, time]`: the steps that count. */
  readonly mask: Tensor | null
  readonly zeroMasked: boolean
}

/** All that a layer has computed. */
export interface Walked {
  /** Of all steps, `[batch, time, units]`, in the input's order. */
  readonly outputs: Tensor
  /** The last states; the first is the last output. */
  readonly states: readonly Tensor[]
}

/** A layer that walks a sequence and carries states. */
export abstract class Recurrent<
  C extends RecurrentConfig = RecurrentConfig,
  R extends RecurrentOutput = RecurrentOutput,
> extends Layer<C> {
  declare kernel: Tensor
  declare recurrentKernel: Tensor
  declare bias: Tensor | undefined
  readonly #generator: GeneratorState | null

  constructor(config: C & LayerConfig) {
    super(config)
    const { units, dropout = 0, recurrentDropout = 0 } = config
    if (!Number.isInteger(units) || units < 1)
      throw new Error(`[${this.name}] units must be a positive whole number, got ${units}`)
    for (const [name, rate] of Object.entries({ dropout, recurrentDropout }))
      if (!(rate >= 0 && rate < 1)) throw new Error(`[${this.name}] ${name} must be in [0, 1), got ${rate}`)
    this.#generator = dropout > 0 || recurrentDropout > 0 ? new GeneratorState(this.name, config.seed) : null
    if (this.#generator) this.addState('generator', this.#generator.variable)
  }

  /** Blocks of columns of the kernels: one for each gate and one for the candidate. */
  protected abstract readonly blocks: number
  /** How many states a step carries, each `[batch, units]`. */
  abstract readonly stateCount: number
  /** The weights' place in paths, as Keras names it: `lstm_cell`. */
  protected abstract readonly cellName: string
  /** All steps from the states given, or zeros. */
  protected abstract walk(x: Tensor, states: readonly Tensor[], how: Walk): Walked

  protected biasShape(): readonly number[] {
    return [this.blocks * this.config.units]
  }
  /** Default of `biasInitializer`. */
  protected biasInitializer(): InitializerLike {
    return this.config.biasInitializer ?? 'zeros'
  }

  build(inputShape: LayerShape | readonly LayerShape[]): void {
    const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as LayerShape
    const features = shape.at(-1)
    if (shape.length !== 3 || typeof features !== 'number')
      throw new Error(
        `[${this.name}] needs an input [batch, time, features] with known features, got ${showShape(shape)}`,
      )
    const { units, useBias, kernelInitializer, recurrentInitializer } = this.config
    const { kernelRegularizer, recurrentRegularizer, biasRegularizer } = this.config
    const width = this.blocks * units
    const path = (name: string): string => `${this.cellName}/${name}`
    this.kernel = this.addWeight(path('kernel'), [features, width], {
      initializer: kernelInitializer,
      regularizer: kernelRegularizer,
    })
    this.recurrentKernel = this.addWeight(path('recurrent_kernel'), [units, width], {
      initializer: recurrentInitializer ?? orthogonal(),
      regularizer: recurrentRegularizer,
    })
    if (useBias !== false)
      this.bias = this.addWeight(path('bias'), this.biasShape(), {
        initializer: this.biasInitializer(),
        regularizer: biasRegularizer,
      })
  }

  /** @param inputs the sequence, or `[sequence, ...first states]`; default of the states: zeros */
  override call(inputs: Tensor | readonly Tensor[], options: CallOptions = {}): R {
    const [x, ...states] = isList(inputs) ? inputs : [inputs]
    const walked = this.run(x!, states, options)
    const { returnSequences, goBackwards, returnState } = this.config
    const steps = goBackwards ? reverse(walked.outputs, [1]) : walked.outputs
    const output = returnSequences ? steps : walked.last
    return (returnState ? [output, ...walked.states] : output) as R
  }

  /** The mask of the outputs of all steps; they may be reversed. */
  override computeMask(_inputs: readonly Tensor[], [mask]: readonly (Tensor | null)[]): Tensor | null {
    const { returnSequences, goBackwards } = this.config
    if (!returnSequences || !mask) return null
    return goBackwards ? reverse(mask, [1]) : mask
  }

  /** All steps, the last output and the last states. */
  run(x: Tensor, states: readonly Tensor[], options: CallOptions): Walked & { readonly last: Tensor } {
    const features = this.kernel.shape[0]!
    if (x.rank !== 3 || x.shape[2] !== features)
      throw new Error(
        `[${this.name}] the input must be [batch, time, ${features}], as the layer was built, got [${x.shape.join(',')}]`,
      )
    if (states.length > 0 && states.length !== this.stateCount)
      throw new Error(
        `[${this.name}] expects the sequence alone or with ${this.stateCount} states, got ${states.length} states`,
      )
    const { units, dropout = 0, recurrentDropout = 0 } = this.config
    const { goBackwards = false, zeroOutputForMask = false } = this.config
    const batch = x.shape[0]!
    const training = options.training === true
    const dropped = training && dropout > 0 ? this.#mask([batch, features], dropout) : null
    const stateScale = training && recurrentDropout > 0 ? this.#mask([batch, units], recurrentDropout) : null
    const mask = maskOf(x)
    const walked = this.walk(dropped ? mul(x, expandDims(dropped, 1)) : x, states, {
      reverse: goBackwards,
      stateScale,
      mask,
      zeroMasked: zeroOutputForMask,
    })
    const end = goBackwards ? 0 : x.shape[1]! - 1
    const last = walked.states[0]!
    const seen = mask && zeroOutputForMask ? slice(mask, [0, end], [-1, 1]) : null
    return { ...walked, last: seen ? where(seen, last, 0) : last }
  }

  /** 0 with probability `rate`, elsewhere what keeps the expected value. */
  #mask(shape: readonly number[], rate: number): Tensor {
    const kept = greaterEqual(random.uniform(this.#generator!.next(), shape), rate)
    return where(kept, 1 / (1 - rate), 0)
  }
}
