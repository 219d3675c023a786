// The optimizer: one update rule behind two faces. The functional face takes and returns trees of tensors; the stateful face
// keeps step counter and slots in Variables, so that a compiled training step carries them along.
import {
  add,
  cast,
  mul,
  runtimeScalar,
  scalar,
  sub,
  tensor,
  tidy,
  variable,
  gradsOfVariables,
  type RuntimeScalar,
  type Tensor,
  type Variable,
} from '@dl/tensor/core'
import { clipNorm, clipValue, globalClipNorm } from './clip.ts'
import type { Slots, UpdateRule } from './rule.ts'
import type { Schedule } from './schedule.ts'
import { leavesOf, type TensorTree, treeFrom } from './tensor-tree.ts'

/** Options that every optimizer takes. */
export interface OptimizerOptions {
  /** A number, which can be set later without a new compilation, or a schedule. Each optimizer has its default. */
  readonly learningRate?: number | Schedule | undefined
  /** Decoupled weight decay: before a step parameters shrink by `learningRate · weightDecay`, as in AdamW. Default 0. */
  readonly weightDecay?: number | undefined
  /** Adds `l2Penalty · parameter` to the gradient: what PyTorch's SGD and Adam call weight_decay. Default 0. */
  readonly l2Penalty?: number | undefined
  /** Limits the elements of gradients to ± this. At most one of the three clippings can be set. */
  readonly clipValue?: number | undefined
  /** Limits the norm of each gradient. */
  readonly clipNorm?: number | undefined
  /** Limits the norm of all gradients together. */
  readonly globalClipNorm?: number | undefined
}

/** State of the functional face: the step counter, and trees of slots that look like the parameters. */
export interface OptimizerState<P = unknown> {
  /** int32 scalar: steps taken. */
  readonly step: Tensor
  readonly slots: Readonly<Record<string, P>>
}

/** Named values of the stateful face, as {@link Optimizer.state} gives and {@link Optimizer.loadState} takes them. */
export type NamedTensors = Readonly<Record<string, Tensor>>

interface VariableSlots {
  readonly variable: Variable
  readonly key: string
  readonly slots: Readonly<Record<string, Variable>>
}

export class Optimizer {
  readonly name: string
  readonly options: OptimizerOptions
  readonly #rule: UpdateRule
  readonly #rate: Schedule | RuntimeScalar
  readonly #built = new Map<Variable, VariableSlots>()
  #step: Variable | null = null

  /**
   * An optimizer over a rule of your own; `sgd`, `adam`, … make the usual ones.
   *
   * @throws Error when more than one clipping is set, or a number is out of range
   */
  constructor(name: string, rule: UpdateRule, options: OptimizerOptions, defaultRate: number) {
    this.name = name
    this.options = options
    this.#rule = rule
    checkOptions(name, options)
    const rate = options.learningRate ?? defaultRate
    this.#rate = typeof rate === 'number' ? runtimeScalar(rate) : rate
  }

  /** The learning rate, or its schedule. Setting a number takes effect at the next step and never recompiles. */
  get learningRate(): number | Schedule {
    return 'at' in this.#rate ? this.#rate : this.#rate.value
  }
  /** @throws Error when the optimizer follows a schedule */
  set learningRate(value: number) {
    if ('at' in this.#rate)
      throw new Error(
        `[${this.name}] follows the schedule ${this.#rate.name}; make it with a number to set the learning rate`,
      )
    if (!(value >= 0)) throw new Error(`[${this.name}] learningRate must be 0 or more, got ${value}`)
    this.#rate.value = value
  }

  // ---- the functional face
  /** State for `params`, any tree of tensors: what {@link update} takes. */
  init<P>(params: P): OptimizerState<P> {
    const each = leavesOf(`${this.name}.init`, params).map((parameter) => this.#rule.init(parameter))
    return { step: scalar(0, 'int32') as Tensor, slots: slotTrees(params, each) }
  }

  /**
   * One step: new parameters and new state, nothing is changed in place.
   *
   * @param grads a tree like `params`
   * @throws Error when the trees do not fit together
   * @example
   * ```ts
   * import '@dl/backend-cpu'
   * import { tensor } from '@dl/tensor'
   * import { sgd } from '@dl/optim'
   * const optimizer = sgd({ learningRate: 0.1 })
   * const params = { w: tensor([1, 2]) }
   * const next = optimizer.update({ w: tensor([10, 10]) }, optimizer.init(params), params)
   * next.params.w.print() // [0, 1]
   * ```
   */
  update<P>(
    grads: NoInfer<P> | TensorTree,
    state: OptimizerState<P>,
    params: P,
  ): { params: P; state: OptimizerState<P> } {
    const op = `${this.name}.update`
    const parameters = leavesOf(op, params)
    const slots = Object.entries(state.slots).map(([name, tree]) => [name, leavesOf(op, tree)] as const)
    const gradients = leavesOf(op, grads)
    if (gradients.length !== parameters.length)
      throw new Error(
        `[${op}] expects one gradient a parameter, got ${gradients.length} for ${parameters.length}`,
      )
    const each = parameters.map((_, i) =>
      Object.fromEntries(slots.map(([name, leaves]) => [name, leaves[i]!])),
    )
    return tidy(() => {
      const next = this.#advance(parameters, gradients, each, state.step)
      return {
        params: treeFrom(
          params,
          next.map((n) => n.parameter),
        ),
        state: {
          step: add(state.step, 1) as Tensor,
          slots: slotTrees(
            params,
            next.map((n) => n.slots),
          ),
        },
      }
    })
  }

  // ---- the stateful face
  /**
   * Makes the step counter and the slots of `variables`. `applyGradients` does it by itself; do it before a function that
   * calls `applyGradients` is compiled with `jit`.
   *
   * @param names under which {@link state} saves the slots; default the variables' names
   */
  build(variables: readonly Variable[], names: readonly string[] = variables.map((v) => v.name)): void {
    this.#step ??= variable(scalar(0, 'int32'), false, `${this.name}/iteration`)
    const keys = new Set([...this.#built.values()].map((b) => b.key))
    for (const [i, v] of variables.entries()) {
      if (this.#built.has(v)) continue
      const key = unusedName(names[i] ?? v.name, keys)
      const slots: Record<string, Variable> = {}
      for (const [name, initial] of Object.entries(tidy(() => this.#rule.init(v as Tensor))))
        slots[name] = variable(initial, false, `${this.name}/${key}/${name}`)
      this.#built.set(v, { variable: v, key, slots })
    }
  }

  /**
   * Updates `variables` in place.
   *
   * @param gradients one for each variable, in the same order
   * @throws Error when the numbers or shapes do not fit
   */
  applyGradients(gradients: readonly Tensor[], variables: readonly Variable[]): void {
    if (gradients.length !== variables.length)
      throw new Error(
        `[${this.name}.applyGradients] expects one gradient a variable, got ${gradients.length} for ${variables.length}`,
      )
    this.build(variables)
    const step = this.#step!
    tidy(() => {
      const built = variables.map((v) => this.#built.get(v)!)
      const next = this.#advance(
        variables as readonly Tensor[],
        gradients,
        built.map((b) => b.slots),
        step as Tensor,
      )
      built.forEach((b, i) => {
        b.variable.assign(next[i]!.parameter)
        for (const [name, slot] of Object.entries(b.slots)) slot.assign(next[i]!.slots[name]!)
      })
      step.assign(add(step as Tensor, 1))
    })
  }

  /**
   * One step down the gradient of `loss`, which returns a scalar.
   *
   * @param variables what to train; default: all trainable variables that `loss` reads
   * @returns the loss before the step
   * @example
   * ```ts
   * import '@dl/backend-cpu'
   * import { square, sub, sum, variable, tensor } from '@dl/tensor'
   * import { sgd } from '@dl/optim'
   * const w = variable(tensor([0, 0]))
   * const optimizer = sgd({ learningRate: 0.25 })
   * for (let i = 0; i < 20; i++) optimizer.minimize(() => sum(square(sub(w, [1, 2]))), [w])
   * w.print() // [1, 2]
   * ```
   */
  minimize(loss: () => Tensor, variables?: readonly Variable[]): Tensor {
    return tidy(() => {
      const { value, grads, variables: used } = gradsOfVariables(loss, variables)
      this.applyGradients(grads, used)
      return value
    })
  }

  // ---- saving
  /** Variables that training changes: the step counter and all slots, in the order in which they were made. */
  get variables(): readonly Variable[] {
    const slots = [...this.#built.values()].flatMap((b) => Object.values(b.slots))
    return this.#step ? [this.#step, ...slots] : slots
  }

  /** Steps taken: an int32 scalar, 0 before the first. */
  get iteration(): Tensor {
    return (this.#step as Tensor | null) ?? scalar(0, 'int32')
  }

  /**
   * Everything that a later {@link loadState} needs to go on exactly: `iteration`, `learningRate` (float64, unless a
   * schedule gives it), and `<variable>/<slot>` for each slot.
   */
  state(): NamedTensors {
    const named: Record<string, Tensor> = { iteration: this.iteration }
    if (!('at' in this.#rate))
      named['learningRate'] = tensor(Float64Array.of(this.#rate.value), [], 'float64') as Tensor
    for (const { key, slots } of this.#built.values())
      for (const [name, slot] of Object.entries(slots)) named[`${key}/${name}`] = slot as Tensor
    return named
  }

  /**
   * Takes over a state that {@link state} gave, for the same variables in the same order.
   *
   * @param names under which the slots were saved; default the variables' names
   * @throws Error when a name is missing or unknown, or a shape differs
   */
  async loadState(
    state: NamedTensors,
    variables: readonly Variable[],
    names?: readonly string[],
  ): Promise<void> {
    this.build(variables, names)
    const rest = new Map(Object.entries(state))
    const take = (name: string): Tensor => {
      const value = rest.get(name)
      if (!value)
        throw new Error(
          `[${this.name}.loadState] '${name}' is missing; given are ${Object.keys(state).join(', ')}`,
        )
      rest.delete(name)
      return value
    }
    const assignments: [Variable, Tensor][] = [[this.#step!, take('iteration')]]
    for (const { key, slots } of this.#built.values())
      for (const [name, slot] of Object.entries(slots)) assignments.push([slot, take(`${key}/${name}`)])
    const rate = 'at' in this.#rate ? undefined : this.#rate
    const value = rate && take('learningRate')
    if (rest.size > 0)
      throw new Error(`[${this.name}.loadState] unknown entries: ${[...rest.keys()].join(', ')}`)
    for (const [v, x] of assignments) checkShape(`${this.name}.loadState`, v, x)
    for (const [v, x] of assignments) v.assign(x)
    if (rate && value) rate.value = Number((await value.data())[0])
  }

  // ---- one step
  #advance(
    parameters: readonly Tensor[],
    gradients: readonly Tensor[],
    slots: readonly Slots[],
    step: Tensor,
  ): readonly { parameter: Tensor; slots: Slots }[] {
    parameters.forEach((parameter, i) => checkShape(this.name, parameter, gradients[i]!))
    const rate: Tensor = 'at' in this.#rate ? this.#rate.at(step) : this.#rate.read()
    const { weightDecay = 0, l2Penalty = 0 } = this.options
    return this.#clip(gradients).map((clipped, i) => {
      const original = parameters[i]!
      const learningRate = cast(rate, original.dtype)
      const gradient = l2Penalty === 0 ? clipped : add(clipped, mul(original, l2Penalty))
      const parameter =
        weightDecay === 0 ? original : sub(original, mul(original, mul(learningRate, weightDecay)))
      return this.#rule.step({ parameter, gradient, slots: slots[i]!, learningRate, step })
    })
  }

  #clip(gradients: readonly Tensor[]): readonly Tensor[] {
    const { options } = this
    if (options.clipValue !== undefined) return clipValue(gradients, options.clipValue)
    if (options.clipNorm !== undefined) return clipNorm(gradients, options.clipNorm)
    if (options.globalClipNorm !== undefined) return globalClipNorm(gradients, options.globalClipNorm)
    return gradients
  }
}

function checkOptions(op: string, options: OptimizerOptions): void {
  const clips = (['clipValue', 'clipNorm', 'globalClipNorm'] as const).filter((k) => options[k] !== undefined)
  if (clips.length > 1)
    throw new Error(
      `[${op}] only one of clipValue, clipNorm, globalClipNorm can be set, got ${clips.join(', ')}`,
    )
  const { learningRate, weightDecay = 0, l2Penalty = 0 } = options
  if (typeof learningRate === 'number' && !(learningRate >= 0))
    throw new Error(`[${op}] learningRate must be 0 or more, got ${learningRate}`)
  if (!(weightDecay >= 0)) throw new Error(`[${op}] weightDecay must be 0 or more, got ${weightDecay}`)
  if (!(l2Penalty >= 0)) throw new Error(`[${op}] l2Penalty must be 0 or more, got ${l2Penalty}`)
}

function checkShape(op: string, expected: Tensor, given: Tensor): void {
  const want = expected.shape as readonly number[]
  const got = given.shape as readonly number[]
  if (want.length !== got.length || want.some((d, i) => d !== got[i]))
    throw new Error(
      `[${op}] a value for a parameter of shape [${want.join(',')}] must have that shape, got [${got.join(',')}]`,
    )
}

function unusedName(name: string, used: Set<string>): string {
  let free = name
  for (let n = 1; used.has(free); n++) free = `${name}_${n}`
  used.add(free)
  return free
}

/** Slots of each parameter to a tree of parameters for each slot. */
function slotTrees<P>(params: P, each: readonly Slots[]): Record<string, P> {
  const trees: Record<string, P> = {}
  for (const name of Object.keys(each[0] ?? {}))
    trees[name] = treeFrom(
      params,
      each.map((slots) => slots[name]!),
    )
  return trees
}
