// Graph to ONNX nodes: walks from the outputs and writes each primitive once. Broadcasts disappear into ONNX's own
// broadcasting, products with a bias become Gemm, composites become single operators where the operator set has them.
import {
  DTYPES,
  type Element,
  leafOf,
  type Node,
  type NodeOf,
  type PrimitiveName,
  type ScalarName,
} from '@dl/tensor/backend'
import { OnnxError } from '../errors.ts'
import { ELEMENT_TYPE } from '../schema/data-types.ts'
import { addsLeadingOnes, broadcast } from './broadcasting.ts'
import { COMPOSITES } from './composites.ts'
import {
  writeArgReduce,
  writeCumulate,
  writeGather,
  writeScatter,
  writeSort,
  type Writing,
} from './indexing.ts'
import { type Dim, first, isFree, type Lockstep, sameDim, sameDims, type Site } from './lockstep.ts'
import { writePad } from './padding.ts'
import { type Reduction, reductionOf, writeReduction } from './reductions.ts'
import { writeScalarFunction } from './scalar-functions.ts'
import { type GraphWriter, scalarTensor } from './writer.ts'

/** Where values come from that no node of the graph makes. */
export interface Leaves {
  /** The name of an input, a weight or a captured tensor. */
  name(site: Site): string
  /** The batch size at run time: a tensor of shape [1], int64. */
  batch(): string
}

/** A value that broadcasts to what it stands for. */
interface Operand {
  readonly name: string
  readonly dims: readonly Dim[]
}
type Attrs<P extends PrimitiveName> = readonly NodeOf<P>['attrs'][]

const TO_THE_START = -(2 ** 31)
/** So many nodes deep the writer goes before it writes one. */
const DEEPEST = 200
/** Primitives that no other takes along when it is written. */
const OWN_VALUE: ReadonlySet<PrimitiveName> = new Set([
  'map',
  'slice',
  'pad',
  'concat',
  'gather',
  'scatter',
  'argReduce',
  'sort',
  'cumulate',
])
/** Composites whose operators add a vector to the channels. */
const TAKE_BIAS: ReadonlySet<string> = new Set(['convolution', 'transposedConvolution'])

export class NodeWriter {
  readonly #writer: GraphWriter
  readonly #steps: Lockstep
  readonly #leaves: Leaves
  readonly #values = new Map<Site, string>()
  readonly #users: ReadonlyMap<Node, number>
  readonly #writing: Writing

  /** @param users of the first trace; see users.ts */
  constructor(writer: GraphWriter, steps: Lockstep, leaves: Leaves, users: ReadonlyMap<Node, number>) {
    this.#writer = writer
    this.#steps = steps
    this.#leaves = leaves
    this.#users = users
    this.#writing = {
      writer,
      steps,
      value: (site) => this.value(site),
      shape: (site) => this.#shape(site),
      sizes: (dims) => this.#sizes(dims),
    }
  }

  /**
   * Writes values on the way to `outputs` so that no walk goes deeper than {@link DEEPEST}: graphs may be longer than the stack.
   * Only nodes that are written in any case, for themselves, are chosen.
   */
  writeDeep(outputs: readonly Site[]): void {
    const depths = new Map<Site, number>()
    const stack = [...outputs]
    for (let site = stack.at(-1); site; site = stack.at(-1)) {
      const sources = depths.has(site) ? [] : this.#neededBy(site)
      const open = sources.filter((source) => !depths.has(source))
      for (const source of open) stack.push(source)
      if (open.length > 0) continue
      stack.pop()
      if (depths.has(site)) continue
      const depth = sources.reduce((deepest, source) => Math.max(deepest, depths.get(source)!), 0) + 1
      const isDeep = depth > DEEPEST && OWN_VALUE.has(first(site).prim)
      if (isDeep) this.value(site)
      depths.set(site, isDeep ? 0 : depth)
    }
  }

  #neededBy(site: Site): readonly Site[] {
    const node = first(site)
    if (leafOf(node)) return []
    const sources = this.#steps.sources(site)
    if (node.prim !== 'composite') return sources
    return COMPOSITES.has(node.attrs.definition.name) ? sources.slice(1) : sources.slice(0, 1)
  }

  /** The name of the value of `site`, in its full shape. */
  value(site: Site): string {
    let name = this.#values.get(site)
    if (name === undefined) this.#values.set(site, (name = this.#write(site)))
    return name
  }

  /** A reduction, or a mean, that nothing has written yet. */
  #reduction(site: Site): Reduction | undefined {
    const reduction = reductionOf(this.#writing, site, this.#users)
    return reduction && this.#values.has(reduction.site) ? undefined : reduction
  }

  #source(site: Site, i = 0): Site {
    return this.#steps.source(site, i)
  }
  #shape(site: Site): Dim[] {
    return this.#steps.shape(site)
  }
  /** Attributes in every trace of a site whose nodes are `prim`. */
  #attrs<P extends PrimitiveName>(site: Site, prim: P): Attrs<P> {
    return site.flatMap((n) => (n.prim === prim ? [n.attrs as Attrs<P>[number]] : []))
  }

  #write(site: Site): string {
    const node = first(site)
    if (leafOf(node)) return this.#leaves.name(site)
    switch (node.prim) {
      case 'buffer':
        return this.#leaves.name(site)
      case 'const':
        return this.#constant(this.#steps.fixed(this.#attrs(site, 'const').map((a) => a.value)), site)
      case 'scalar':
        return this.#constant(node.attrs.leaf.value, site)
      case 'iota':
      case 'broadcast':
        return this.#expanded(this.#operand(site), this.#shape(site))
      case 'map':
        return this.#map(site, node.attrs.fn)
      case 'reshape':
        return this.#reshape(site)
      case 'transpose':
        return this.#writer.transpose(this.value(this.#source(site)), node.attrs.perm)
      case 'slice':
        return this.#slice(site)
      case 'pad':
        return writePad(this.#writing, site, this.#attrs(site, 'pad'))
      case 'reverse':
        return this.#reverse(site, node.attrs.axes)
      case 'concat':
        return this.#writer.node(
          'Concat',
          this.#steps.sources(site).map((x) => this.value(x)),
          { axis: node.attrs.axis },
        )
      case 'reduce':
        return writeReduction(this.#writing, reductionOf(this.#writing, site, this.#users)!, true)
      case 'argReduce':
        return writeArgReduce(this.#writing, site, node.attrs)
      case 'cumulate':
        return writeCumulate(this.#writing, site, node.attrs)
      case 'sort':
        return writeSort(this.#writing, site, node.attrs)
      case 'dot':
        return this.#dot(site)
      case 'gather':
        return writeGather(this.#writing, site, node.attrs.axis)
      case 'scatter':
        return writeScatter(this.#writing, site, node.attrs.axis)
      case 'stop':
      case 'mark':
        return this.value(this.#source(site))
      case 'composite':
        return this.#composite(site) ?? this.value(this.#source(site))
      default:
        throw new OnnxError(
          'export',
          `[exportOnnx] the computation has a '${node.prim}', which is not exported`,
        )
    }
  }

  // ---- sizes
  /** Sizes as a tensor of shape [n], int64. */
  #sizes(dims: readonly Dim[]): string {
    if (!dims.some(isFree)) return this.#writer.ints(dims as number[])
    const parts = dims.map((d) => this.#size(d))
    return parts.length === 1 ? parts[0]! : this.#writer.node('Concat', parts, { axis: 0 })
  }
  #size(d: Dim): string {
    if (!isFree(d)) return this.#writer.ints([d])
    const batch = this.#leaves.batch()
    const scaled = d.times === 1 ? batch : this.#writer.node('Mul', [batch, this.#writer.ints([d.times])])
    return d.plus === 0 ? scaled : this.#writer.node('Add', [scaled, this.#writer.ints([d.plus])])
  }
  #reshaped(value: string, dims: readonly Dim[]): string {
    const oneFree = dims.filter(isFree).length === 1 && !dims.includes(0)
    const target = oneFree ? this.#writer.ints(dims.map((d) => (isFree(d) ? -1 : d))) : this.#sizes(dims)
    return this.#writer.node('Reshape', [value, target])
  }
  #expanded({ name, dims }: Operand, to: readonly Dim[]): string {
    return sameDims(dims, to) ? name : this.#writer.node('Expand', [name, this.#sizes(to)])
  }

  #constant(value: Element, site: Site): string {
    const { dtype } = first(site)
    return this.#expanded(
      { name: this.#writer.constant(scalarTensor(value, dtype)), dims: [] },
      this.#shape(site),
    )
  }

  // ---- elementwise
  /** A value of fewer elements that broadcasts to `site`, where there is one. */
  #operand(site: Site): Operand {
    const node = first(site)
    if (this.#values.has(site) || leafOf(node)) return { name: this.value(site), dims: this.#shape(site) }
    if (node.prim === 'broadcast' || node.prim === 'stop' || node.prim === 'mark')
      return this.#operand(this.#source(site))
    if (node.prim === 'const' && node.shape.length === 0) {
      const { value } = node.attrs
      this.#steps.fixed(this.#attrs(site, 'const').map((a) => a.value))
      return { name: this.#writer.constant(scalarTensor(value, node.dtype)), dims: [] }
    }
    if (node.prim === 'reshape' && addsLeadingOnes(this.#shape(this.#source(site)), this.#shape(site)))
      return this.#operand(this.#source(site))
    if (node.prim === 'iota') return this.#sequence(site, node.attrs.axis)
    return { name: this.value(site), dims: this.#shape(site) }
  }

  /** 0, 1, … along `axis`, with sizes of 1 behind it. */
  #sequence(site: Site, axis: number): Operand {
    const size = this.#shape(site)[axis]!
    const { dtype, shape } = first(site)
    const behind = shape.slice(axis + 1).map(() => 1)
    if (!isFree(size)) {
      const data = DTYPES[dtype].allocate(size) as { [i: number]: Element }
      for (let i = 0; i < size; i++) data[i] = dtype === 'int64' ? BigInt(i) : i
      const name = this.#writer.constant({ dtype, shape: [size, ...behind], data: data as never })
      return { name, dims: [size, ...behind] }
    }
    const scalar = (i: number): string => this.#writer.ints([i], [])
    const limit = this.#writer.node('Squeeze', [this.#size(size), this.#writer.ints([0])])
    const run = this.#writer.node('Range', [scalar(0), limit, scalar(1)])
    const cast = dtype === 'int64' ? run : this.#writer.node('Cast', [run], { to: ELEMENT_TYPE[dtype] })
    return { name: this.#reshaped(cast, [size, ...behind]), dims: [size, ...behind] }
  }

  #map(site: Site, fn: ScalarName): string {
    const sources = this.#steps.sources(site)
    if (fn === 'add') {
      const product = this.#gemm(site, sources) ?? this.#convolution(site, sources)
      if (product !== undefined) return product
    }
    const mean = fn === 'div' ? this.#reduction(site) : undefined
    if (mean) return writeReduction(this.#writing, mean, true)
    const operands = sources.map((x) => this.#operand(x))
    const name = writeScalarFunction(this.#steps.fixed(this.#attrs(site, 'map').map((a) => a.fn)), {
      writer: this.#writer,
      inputs: operands.map((o) => o.name),
      from: first(sources.at(-1)!).dtype,
      to: first(site).dtype,
    })
    return this.#expanded({ name, dims: operands.map((o) => o.dims).reduce(broadcast) }, this.#shape(site))
  }

  // ---- products
  /** `A · B + c` of matrices as one node, where nobody else needs the product. */
  #gemm(site: Site, sources: readonly Site[]): string | undefined {
    for (const [i, product] of sources.entries()) {
      const node = first(product)
      const isProduct = node.prim === 'dot' && node.shape.length === 2 && DTYPES[node.dtype].kind === 'float'
      if (!isProduct || leafOf(node) || this.#values.has(product) || this.#users.get(node) !== 1) continue
      const offset = this.#operand(sources[1 - i]!)
      if (offset.dims.length > 2 || !sameDims(broadcast(offset.dims, this.#shape(site)), this.#shape(site)))
        continue
      return this.#gemmNode(product, [offset.name])
    }
    return undefined
  }

  #gemmNode(product: Site, offset: readonly string[]): string {
    const sides = [0, 1].map((i) => {
      const side = this.#source(product, i)
      const turned = first(side).prim === 'transpose' && !leafOf(first(side))
      return { name: this.value(turned ? this.#source(side) : side), turned }
    })
    const [a, b] = sides as [(typeof sides)[0], (typeof sides)[0]]
    return this.#writer.node('Gemm', [a.name, b.name, ...offset], {
      ...(a.turned ? { transA: 1 } : {}),
      ...(b.turned ? { transB: 1 } : {}),
    })
  }

  #dot(site: Site): string {
    const turned = [0, 1].some((i) => first(this.#source(site, i)).prim === 'transpose')
    const { shape, dtype } = first(site)
    if (turned && shape.length === 2 && DTYPES[dtype].kind === 'float') return this.#gemmNode(site, [])
    const [a, b] = [0, 1].map((i) => this.#operand(this.#source(site, i)))
    // batches broadcast, matrices do not
    const whole = (x: Operand, i: number): string => {
      const dims = this.#shape(this.#source(site, i))
      return sameDims(x.dims.slice(-2), dims.slice(-2)) ? x.name : this.value(this.#source(site, i))
    }
    const name = this.#writer.node('MatMul', [whole(a!, 0), whole(b!, 1)])
    const batch = broadcast(a!.dims.slice(0, -2), b!.dims.slice(0, -2))
    const full = this.#shape(site)
    return this.#expanded({ name, dims: [...batch, ...full.slice(-2)] }, full)
  }

  // ---- movement
  #reshape(site: Site): string {
    const source = this.#source(site)
    const dims = this.#shape(site)
    const node = first(source)
    if (!leafOf(node) && !this.#values.has(source)) {
      const reduction = this.#users.get(node) === 1 ? this.#reduction(source) : undefined
      if (reduction) {
        const { axes } = first(reduction.site).attrs as NodeOf<'reduce'>['attrs']
        const kept = this.#shape(source).filter((_, a) => !axes.includes(a))
        if (sameDims(kept, dims)) return writeReduction(this.#writing, reduction, false)
      }
      const product = node.prim === 'dot' ? this.#rowsTimesMatrix(source, dims) : undefined
      if (product !== undefined) return product
    }
    return this.#reshaped(this.value(source), dims)
  }

  /** `[…, M, K] · [K, N]`, which the graph computes as one tall product. */
  #rowsTimesMatrix(product: Site, dims: readonly Dim[]): string | undefined {
    const rows = this.#source(product, 0)
    if (first(rows).prim !== 'reshape' || leafOf(first(rows)) || first(product).shape.length !== 2)
      return undefined
    const x = this.#source(rows)
    const from = this.#shape(x)
    const fits =
      dims.length > 2 &&
      sameDims(from.slice(0, -1), dims.slice(0, -1)) &&
      sameDim(from.at(-1)!, this.#shape(rows)[1]!) &&
      sameDim(dims.at(-1)!, this.#shape(product)[1]!)
    return fits
      ? this.#writer.node('MatMul', [this.value(x), this.value(this.#source(product, 1))])
      : undefined
  }

  #slice(site: Site): string {
    const attrs = this.#attrs(site, 'slice')
    const source = this.#source(site)
    const axes = first(site).shape.flatMap((d, a) =>
      site.some((n) => n.shape[a] !== n.src[0]!.shape[a]) ? [a] : [],
    )
    const pick = (of: (i: number, axis: number) => number): string =>
      this.#sizes(this.#steps.dims(site.map((_, i) => axes.map((a) => of(i, a)))))
    return this.#writer.node('Slice', [
      this.value(source),
      pick((i, a) => attrs[i]!.start[a]!),
      pick((i, a) => attrs[i]!.start[a]! + Math.max(0, (site[i]!.shape[a]! - 1) * attrs[i]!.stride[a]! + 1)),
      this.#writer.ints(axes),
      pick((i, a) => attrs[i]!.stride[a]!),
    ])
  }

  #reverse(site: Site, axes: readonly number[]): string {
    const all = (value: number): string => this.#writer.ints(axes.map(() => value))
    return this.#writer.node('Slice', [
      this.value(this.#source(site)),
      all(-1),
      all(TO_THE_START),
      this.#writer.ints(axes),
      all(-1),
    ])
  }

  // ---- composites
  #composite(site: Site, bias?: string): string | undefined {
    const node = first(site) as NodeOf<'composite'>
    const write = COMPOSITES.get(node.attrs.definition.name)
    return write?.({
      writer: this.#writer,
      config: JSON.parse(node.attrs.config) as Record<string, unknown>,
      inputs: this.#steps.sources(site).slice(1),
      dtype: node.dtype,
      shape: (x) => this.#shape(x),
      value: (x) => this.value(x),
      reshaped: (x, dims) => this.#inShape(x, dims),
      bias,
      transposed: (x, perm) => this.#transposed(x, perm),
      filled: (value, dims) => {
        const name = this.#writer.constant(scalarTensor(value, node.dtype))
        return this.#expanded({ name, dims: [] }, dims)
      },
    })
  }

  #transposed(site: Site, perm: readonly number[]): string {
    const node = first(site)
    if (node.prim === 'transpose' && !leafOf(node)) {
      const inner = node.attrs.perm
      return this.#transposed(
        this.#source(site),
        perm.map((p) => inner[p]!),
      )
    }
    return this.#writer.transpose(this.value(site), perm)
  }

  /** A convolution and a number added to each channel as one node, where nobody else needs the convolution. */
  #convolution(site: Site, sources: readonly Site[]): string | undefined {
    for (const [i, product] of sources.entries()) {
      const node = first(product)
      if (node.prim !== 'composite' || leafOf(node) || !TAKE_BIAS.has(node.attrs.definition.name)) continue
      if (this.#values.has(product) || this.#users.get(node) !== 1) continue
      const { channelsLast } = JSON.parse(node.attrs.config) as { readonly channelsLast: boolean }
      const bias = this.#perChannel(sources[1 - i]!, site, channelsLast ? node.shape.length - 1 : 1)
      const name = bias === undefined ? undefined : this.#composite(product, bias)
      if (name !== undefined) return name
    }
    return undefined
  }

  /** The vector that `offset` repeats along `axis` of `site`, if it does that. */
  #perChannel(offset: Site, site: Site, axis: number): string | undefined {
    let source = offset
    for (let node = first(source); node.prim === 'broadcast' && !leafOf(node); node = first(source))
      source = this.#source(source)
    const dims = this.#shape(source)
    const rank = first(site).shape.length
    const full = [...Array<number>(rank - dims.length).fill(1), ...dims]
    const channels = this.#shape(site)[axis]!
    const fits = full.every((d, a) => (a === axis ? sameDim(d, channels) : d === 1))
    if (!fits || isFree(channels)) return undefined
    return this.#inShape(source, [channels])
  }

  #inShape(site: Site, dims: readonly Dim[]): string {
    if (sameDims(this.#shape(site), dims)) return this.value(site)
    const node = first(site)
    if (node.prim === 'reshape' && !leafOf(node)) return this.#inShape(this.#source(site), dims)
    return this.#reshaped(this.value(site), dims)
  }
}
