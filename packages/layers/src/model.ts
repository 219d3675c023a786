// The model: a layer that can be trained. What it computes is left to sequential, functional and own models; this class is
// compile, fit, evaluate, predict, summary and weights in files.
import type { CallOptions, Tensor } from '@dl/tensor/core'
import type { Optimizer } from '@dl/optim'
import { isList, Layer, type LayerInputs, layerOf, type NamedVariable } from './layer.ts'
import { readFile, writeFile } from './node-files.ts'
import type { LayerShape, ValueSpec } from './shapes.ts'
import { printSummary, type SummaryOptions, type SummaryRow } from './summary.ts'
import type { BatchDataset } from './training/batch-source.ts'
import { Compiled, type CompileConfig } from './training/compiled.ts'
import type { RowsTree } from './training/columns.ts'
import { TrainingError } from './training/errors.ts'
import { evaluateModel, type EvaluateOptions } from './training/evaluate.ts'
import { fitModel, type FitOptions } from './training/fit.ts'
import type { History } from './training/history.ts'
import type { Logs } from './training/logs.ts'
import { predictModel, type PredictOptions } from './training/predict.ts'
import { Session } from './training/session.ts'
import {
  decodeCheckpoint,
  encodeCheckpoint,
  fromSafetensors,
  restore,
  snapshot,
  toSafetensors,
  type WeightSnapshot,
} from './training/weights.ts'

/** What `predict` gives: a tensor, or an array of them for models with several outputs. */
export type ModelOutput = Tensor | readonly Tensor[]

/** A model of any kind. */
export type AnyModel = Model<ModelOutput>

export abstract class Model<O extends ModelOutput = Tensor, C extends object = object> extends Layer<C> {
  #compiled: Compiled | null = null
  #session: Session | null = null

  abstract override call(inputs: LayerInputs, options?: CallOptions): O

  // ---- what the model looks like
  /** Names of the inputs: keys of records given to `fit` and `predict`. */
  get inputNames(): readonly string[] {
    return this.inputSpec?.map((spec, i) => spec.name ?? numbered('input', i)) ?? ['input']
  }
  /** Names of the outputs: keys of records of labels, losses and metrics. A model of your own with several names them here. */
  get outputNames(): readonly string[] {
    return ['output']
  }
  /** Shapes and dtypes of the inputs, null before they are known. */
  get inputSpecs(): readonly ValueSpec[] | null {
    return this.inputSpec?.map(({ shape, dtype }) => ({ shape, dtype: dtype ?? 'float32' })) ?? null
  }
  /** Shapes and dtypes of the outputs, for inputs as given or as the model was made for. */
  outputsFor(inputs: readonly ValueSpec[] | null = this.inputSpecs): readonly ValueSpec[] {
    if (!inputs)
      throw new Error(
        `[${this.name}] the input's shape is not known yet; give inputShape to the first layer, or call fit`,
      )
    return this.outputSpecs(inputs)
  }
  /** Shape of the output, batch dimension first. */
  get outputShape(): LayerShape {
    return this.outputsFor()[0]!.shape
  }
  /** Rows of the summary: the layers in order. */
  protected summaryRows(): readonly SummaryRow[] {
    return this.children().map(([name, child]) => ({
      name,
      layer: layerOf(child),
      outputShape: null,
      connectedTo: [],
    }))
  }

  // ---- training
  /**
   * Says how the model is trained. May be called again; the optimizer then begins anew.
   *
   * @throws Error when a name is not known, or losses do not fit the outputs
   * @example
   * ```ts
   * import '@dl/backend-cpu'
   * import { layers, sequential } from '@dl/layers'
   * import { adam } from '@dl/optim'
   * import { CategoricalCrossentropy } from '@dl/losses'
   * const model = sequential([layers.dense({ units: 3, inputShape: [2] })])
   * model.compile({
   *   optimizer: adam({ learningRate: 0.01 }),
   *   loss: new CategoricalCrossentropy({ fromLogits: true }),
   *   metrics: ['accuracy'],
   * })
   * ```
   */
  compile(config: CompileConfig): void {
    this.#compiled = new Compiled(config, this.outputNames)
    this.#session = null
  }

  get isCompiled(): boolean {
    return this.#compiled !== null
  }
  /** @throws TrainingError (`notCompiled`) */
  get optimizer(): Optimizer {
    return this.compiledFor('optimizer').optimizer
  }
  /** For training: what `compile` was given. */
  compiledFor(op: string): Compiled {
    if (!this.#compiled)
      throw new TrainingError(
        'notCompiled',
        `[${op}] call compile({ optimizer, loss }) first: the model has not been compiled`,
      )
    return this.#compiled
  }
  /** For training: the compiled steps. They are made anew after `compile` and when layers were frozen or thawed. */
  sessionFor(op: string): Session {
    const compiled = this.compiledFor(op)
    if (!this.#session?.fits(this)) this.#session = new Session(this, compiled)
    return this.#session
  }

  /**
   * Trains.
   *
   * @param x rows for each input: a tensor `[examples, ...]`, a typed array, nested arrays; arrays or a record of them for
   *   several inputs; or a batched dataset of `[x, y]`
   * @param y labels in the same forms; not for datasets
   * @returns losses and metrics of every epoch
   * @throws TrainingError `notCompiled`, `data`, `label` before training, `nonFiniteLoss` after the epoch or earlier
   * @example
   * ```ts
   * import '@dl/backend-cpu'
   * import { layers, sequential } from '@dl/layers'
   * import { adam } from '@dl/optim'
   * const xor = sequential([layers.dense({ units: 8, activation: 'tanh', inputShape: [2] }), layers.dense({ units: 1 })])
   * xor.compile({ optimizer: adam({ learningRate: 0.05 }), loss: 'meanSquaredError' })
   * const x = [[0, 0], [0, 1], [1, 0], [1, 1]]
   * const { history } = await xor.fit(x, [[0], [1], [1], [0]], { epochs: 200, verbose: 0 })
   * console.log(history['loss'].at(-1)! < 0.1) // true
   * ```
   */
  fit(x: RowsTree, y: RowsTree, options?: FitOptions): Promise<History>
  fit(dataset: BatchDataset, options?: FitOptions): Promise<History>
  fit(x: RowsTree | BatchDataset, y?: RowsTree | FitOptions, options?: FitOptions): Promise<History> {
    return fitModel(this, x, y, options)
  }

  /**
   * Loss and metrics over data, without changing weights.
   *
   * @param x rows or a dataset, as in {@link fit}
   * @throws TrainingError `notCompiled`, `data`, `label`
   */
  evaluate(x: RowsTree, y: RowsTree, options?: EvaluateOptions): Promise<Logs>
  evaluate(dataset: BatchDataset, options?: EvaluateOptions): Promise<Logs>
  evaluate(
    x: RowsTree | BatchDataset,
    y?: RowsTree | EvaluateOptions,
    options?: EvaluateOptions,
  ): Promise<Logs> {
    return evaluateModel(this, x, y, options)
  }

  /**
   * The outputs for all rows, computed in batches.
   *
   * @param x rows or a dataset of x, as in {@link fit}
   * @returns `[examples, ...]`, an array of them for several outputs
   * @throws TrainingError `data`
   * @example
   * ```ts
   * import '@dl/backend-cpu'
   * import { ones } from '@dl/tensor'
   * import { layers, sequential } from '@dl/layers'
   * const model = sequential([layers.dense({ units: 3, inputShape: [2] })])
   * console.log((await model.predict(ones([100, 2]))).shape) // [ 100, 3 ]
   * ```
   */
  async predict(x: RowsTree | BatchDataset, options?: PredictOptions): Promise<O> {
    const outputs = await predictModel(this, x, options)
    return (outputs.length === 1 ? outputs[0]! : outputs) as O
  }

  /** One step on one batch; gives loss and metrics of this batch, before the step. */
  async trainOnBatch(x: RowsTree, y: RowsTree, sampleWeight?: RowsTree): Promise<Logs> {
    return this.sessionFor('trainOnBatch').onBatch('trainOnBatch', x, y, sampleWeight)
  }
  /** Loss and metrics of one batch; weights stay. */
  async testOnBatch(x: RowsTree, y: RowsTree, sampleWeight?: RowsTree): Promise<Logs> {
    return this.sessionFor('testOnBatch').onBatch('testOnBatch', x, y, sampleWeight)
  }

  /** Prints the layers with output shapes and numbers of parameters, as Keras does. */
  summary(options: SummaryOptions = {}): void {
    const rows = this.summaryRows()
    const slots = this.#compiled?.optimizer.variables ?? []
    printSummary(
      { name: this.name, rows, variables: this.namedVariables(), optimizerVariables: slots },
      options,
    )
  }

  // ---- weights
  /** Values of all weights and states on the host, for {@link restoreWeights}. */
  snapshotWeights(): Promise<WeightSnapshot> {
    return snapshot(this.variables)
  }
  restoreWeights(values: WeightSnapshot): void {
    restore(values)
  }

  /** The weights as a safetensors file, named by their paths: `dense_1/kernel`. */
  weightsToSafetensors(): Promise<Uint8Array> {
    return toSafetensors(this.#weightsOnly('weightsToSafetensors'))
  }
  /**
   * Takes weights from a safetensors file that has exactly this model's paths, shapes and dtypes.
   *
   * @throws SafetensorsError when the bytes are no safetensors file
   * @throws TrainingError (`weights`) when the file does not fit the model; then nothing has changed
   */
  loadSafetensors(bytes: Uint8Array): void {
    fromSafetensors('loadSafetensors', bytes, this.#weightsOnly('loadSafetensors'))
  }
  /** Writes {@link weightsToSafetensors} to a file. Node only. */
  async saveWeights(path: string): Promise<void> {
    await writeFile('saveWeights', path, await this.weightsToSafetensors())
  }
  /** Reads a file for {@link loadSafetensors}. Node only. */
  async loadWeights(path: string): Promise<void> {
    this.loadSafetensors(await readFile('loadWeights', path))
  }

  /**
   * Everything that training needs to go on as if it had not stopped: weights, states of random generators, the optimizer's
   * state, the default random generator. With the same `seed` and `initialEpoch` `fit` then gives the same bits.
   *
   * @param metadata strings of your own, for example the number of epochs done
   * @example
   * ```ts
   * import '@dl/backend-cpu'
   * import { layers, sequential } from '@dl/layers'
   * const make = () => {
   *   const model = sequential([layers.dense({ units: 1, inputShape: [2] })])
   *   model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })
   *   return model
   * }
   * const bytes = await make().checkpointToSafetensors({ epochs: '3' })
   * console.log((await make().loadCheckpoint(bytes))['epochs']) // 3
   * ```
   */
  checkpointToSafetensors(metadata: Readonly<Record<string, string>> = {}): Promise<Uint8Array> {
    this.#requireBuilt('checkpointToSafetensors')
    if (this.#compiled) this.#buildOptimizer(this.#compiled.optimizer)
    return encodeCheckpoint(this.namedVariables(), this.#compiled?.optimizer ?? null, metadata)
  }
  /**
   * Takes over a checkpoint and gives its metadata back. The model must be built, and compiled if the checkpoint's was.
   *
   * @throws SafetensorsError, TrainingError (`weights`) as {@link loadSafetensors}
   */
  loadCheckpoint(bytes: Uint8Array): Promise<Readonly<Record<string, string>>> {
    this.#requireBuilt('loadCheckpoint')
    const all = this.namedVariables()
    const trainable = all.filter((w) => w.trainable)
    return decodeCheckpoint('loadCheckpoint', bytes, all, this.#compiled?.optimizer ?? null, trainable)
  }
  /** Writes {@link checkpointToSafetensors} to a file. Node only. */
  async saveCheckpoint(path: string, metadata?: Readonly<Record<string, string>>): Promise<void> {
    await writeFile('saveCheckpoint', path, await this.checkpointToSafetensors(metadata))
  }
  /** Reads a file for {@link loadCheckpoint}. Node only. */
  async loadCheckpointFile(path: string): Promise<Readonly<Record<string, string>>> {
    return this.loadCheckpoint(await readFile('loadCheckpointFile', path))
  }

  #buildOptimizer(optimizer: Optimizer): void {
    const trainable = this.namedVariables().filter((w) => w.trainable)
    optimizer.build(
      trainable.map((w) => w.variable),
      trainable.map((w) => w.path),
    )
  }
  #weightsOnly(op: string): readonly NamedVariable[] {
    this.#requireBuilt(op)
    return this.namedVariables().filter((w) => w.kind === 'weight')
  }
  #requireBuilt(op: string): void {
    const specs = this.built ? null : this.inputSpecs
    if (specs) this.outputsFor(specs)
    if (!this.built)
      throw new TrainingError(
        'weights',
        `[${op}] the model has no weights yet: give inputShape to its first layer, or call it once`,
      )
  }
}

export const numbered = (base: string, index: number): string => (index === 0 ? base : `${base}_${index}`)

/** Layers of a model with names that differ: given ones stay, the others are numbered by class. */
export function nameLayers(model: string, layers: readonly Layer[]): ReadonlyMap<Layer, string> {
  const names = new Map<Layer, string>()
  const used = new Set<string>()
  for (const layer of layers) {
    if (layer.config.name === undefined || names.has(layer)) continue
    if (used.has(layer.config.name))
      throw new Error(`[${model}] two layers are called '${layer.config.name}'; names in a model must differ`)
    used.add(layer.config.name)
    names.set(layer, layer.config.name)
  }
  for (const layer of layers) {
    if (names.has(layer)) continue
    const base = layer.isNamed ? layer.name.replace(/_\d+$/, '') : layer.name
    let index = 0
    while (used.has(numbered(base, index))) index++
    const name = numbered(base, index)
    used.add(name)
    names.set(layer, name)
    layer.assignName(name)
  }
  return new Map(layers.map((layer) => [layer, names.get(layer)!]))
}

/** A tensor or the only one of a list. */
export function single(op: string, inputs: LayerInputs): Tensor {
  if (!isList(inputs)) return inputs
  const [first, ...others] = inputs
  if (!first || others.length > 0) throw new Error(`[${op}] takes one input, got ${inputs.length}`)
  return first
}
