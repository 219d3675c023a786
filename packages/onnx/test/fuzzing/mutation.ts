// What a fuzzer does to a model file: structural changes that keep it readable (nodes, names, attributes, sizes, types, versions)
// and changes of bytes that lie about lengths and contents.
import { decodeModel, encodeModel } from '../../src/schema/codec.ts'
import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
} from '../../src/schema/messages.ts'
import type { Choices } from './random.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Change<T> = (it: Mutable<T>, choose: Choices, context: Context) => void

/** Material from the whole model, for confusions. */
interface Context {
  readonly names: readonly string[]
  readonly opTypes: readonly string[]
  readonly graph: GraphProto
}

const INTEGERS = [
  -2n,
  -1n,
  0n,
  1n,
  2n,
  3n,
  7n,
  64n,
  1000n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
]
const FLOATS = [0, -0, 1, -1, 0.5, 1e-45, 1e38, Number.NaN, Infinity, -Infinity]
const NAMES = ['', '__proto__', 'constructor', 'toString', 'x', '\u0000', '\ud83d\ude00']
const DTYPES = [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 16, 23, 99, -1]
const OPSETS = [-1n, 0n, 1n, 6n, 7n, 9n, 11n, 12n, 13n, 17n, 18n, 19n, 20n, 21n, 23n, 26n, 27n, 2n ** 62n]

const clone = <T extends object>(x: T): Mutable<T> => ({ ...x })
/** A copy of `list` with one element changed, gone, twice, or two of them swapped. */
function shaken<T>(list: readonly T[] | undefined, choose: Choices, change: (x: T) => T): T[] {
  const out = [...(list ?? [])]
  if (out.length === 0) return out
  const [i, j] = [choose.below(out.length), choose.below(out.length)]
  const kind = choose.below(10)
  if (kind === 0) out.splice(i, 1)
  else if (kind === 1) out.splice(j, 0, out[i]!)
  else if (kind === 2) [out[i], out[j]] = [out[j]!, out[i]!]
  else out[i] = change(out[i]!)
  return out
}

const integers = (list: readonly bigint[] | undefined, choose: Choices): bigint[] =>
  choose.chance(0.2)
    ? [...(list ?? []), choose.of(INTEGERS)]
    : shaken(list, choose, () => choose.of(INTEGERS))

const onTensor: readonly Change<TensorProto>[] = [
  (t, choose) => (t.dims = integers(t.dims, choose)),
  (t, choose) => (t.dataType = choose.of(DTYPES)),
  (t, choose) => (t.rawData = (t.rawData ?? new Uint8Array()).slice(0, choose.below(16))),
  (t, choose) => {
    const raw = Uint8Array.from(t.rawData ?? [])
    if (raw.length > 0) raw[choose.below(raw.length)] = choose.below(256)
    t.rawData = raw
  },
  (t, choose) => (t.name = choose.of(NAMES)),
  (t, choose) => {
    t.dataType = 7
    t.rawData = new Uint8Array()
    t.int64Data = [choose.of(INTEGERS), choose.of(INTEGERS)].slice(0, 1 + choose.below(2))
    t.dims = [BigInt(t.int64Data.length)]
  },
  (t, choose) => {
    t.dataLocation = 1
    t.externalData = [{ key: 'location', value: choose.of(['../x', '/etc/passwd', 'weights.bin']) }]
  },
  (t, choose) => (t.floatData = [choose.of(FLOATS)]),
]

const onAttribute: readonly Change<AttributeProto>[] = [
  (a, choose) => (a.i = choose.of(INTEGERS)),
  (a, choose) => (a.f = choose.of(FLOATS)),
  (a, choose) => (a.ints = integers(a.ints, choose)),
  (a, choose) => (a.ints = integers(a.ints, choose)),
  (a, choose) => (a.floats = [...(a.floats ?? []), choose.of(FLOATS)]),
  (a, choose) =>
    (a.s = new TextEncoder().encode(
      choose.of(['', 'SAME_UPPER', 'VALID', 'nearest', 'linear', 'reflect', 'x']),
    )),
  (a, choose) => (a.type = choose.below(9)),
  (a, choose) =>
    (a.name = choose.of([...NAMES, 'axis', 'axes', 'kernel_shape', 'pads', 'to', 'value', 'perm'])),
  (a, choose, context) => {
    a.type = 5
    a.g = context.graph
    a.name = choose.of(['body', 'then_branch', 'else_branch'])
  },
  (a, choose, context) => {
    if (a.t) a.t = changed(a.t, onTensor, choose, context)
  },
]

const onNode: readonly Change<NodeProto>[] = [
  (n, choose, { names }) => (n.input = shaken(n.input, choose, () => choose.of(names))),
  (n, choose, { names }) => (n.input = shaken(n.input, choose, () => choose.of(names))),
  (n, choose, { names }) => (n.input = [...(n.input ?? []), choose.of(names)]),
  (n) => (n.input = (n.input ?? []).slice(0, -1)),
  (n, choose, { names }) => (n.output = shaken(n.output, choose, () => choose.of([...names, ...NAMES]))),
  (n) => (n.output = [...(n.output ?? []), `${n.output?.[0]} more`]),
  (n, choose, { opTypes }) => (n.opType = choose.of(opTypes)),
  (n, choose) => (n.domain = choose.of(['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft'])),
  (n, choose) => (n.name = choose.of(NAMES)),
  (n, choose, context) =>
    (n.attribute = shaken(n.attribute, choose, (a) => changed(a, onAttribute, choose, context))),
  (n, choose, context) =>
    (n.attribute = shaken(n.attribute, choose, (a) => changed(a, onAttribute, choose, context))),
  (n, choose, context) =>
    (n.attribute = [
      ...(n.attribute ?? []),
      changed({ name: 'axis', type: 2, i: 0n }, onAttribute, choose, context),
    ]),
]

type ValueInfoProto = NonNullable<GraphProto['input']>[number]
const onValueInfo: readonly Change<ValueInfoProto>[] = [
  (v, choose) => (v.name = choose.of(NAMES)),
  (v) => (v.type = null),
  (v, choose) => (v.type = { tensorType: { ...v.type?.tensorType, elemType: choose.of(DTYPES) } }),
  (v) => (v.type = { tensorType: { ...v.type?.tensorType, shape: null } }),
  (v, choose) => {
    const { tensorType } = v.type ?? {}
    const dim = shaken(tensorType?.shape?.dim, choose, () => ({ dimValue: choose.of(INTEGERS) }))
    v.type = { tensorType: { ...tensorType, shape: { dim } } }
  },
]

const onGraph: readonly Change<GraphProto>[] = [
  ...Array<Change<GraphProto>>(6).fill(
    (g, choose, context) => (g.node = shaken(g.node, choose, (n) => changed(n, onNode, choose, context))),
  ),
  (g, choose, context) =>
    (g.initializer = shaken(g.initializer, choose, (t) => changed(t, onTensor, choose, context))),
  (g, choose, context) =>
    (g.initializer = shaken(g.initializer, choose, (t) => changed(t, onTensor, choose, context))),
  (g, choose, context) =>
    (g.input = shaken(g.input, choose, (v) => changed(v, onValueInfo, choose, context))),
  (g, choose, context) =>
    (g.output = shaken(g.output, choose, (v) => changed(v, onValueInfo, choose, context))),
]

function changed<T extends object>(
  it: T,
  changes: readonly Change<T>[],
  choose: Choices,
  context: Context,
): T {
  const copy = clone(it)
  choose.of(changes)(copy, choose, context)
  return copy
}

/** One to four structural changes. */
export function mutateStructure(bytes: Uint8Array, opTypes: readonly string[], choose: Choices): Uint8Array {
  const model: Mutable<ModelProto> = clone(decodeModel(bytes).model)
  for (let i = choose.chance(0.5) ? 1 : 1 + choose.below(4); i > 0; i--) {
    const graph = model.graph ?? {}
    const names = (graph.node ?? []).flatMap((n) => [...(n.input ?? []), ...(n.output ?? [])])
    const context = { names: names.length > 0 ? names : NAMES, opTypes, graph }
    if (choose.chance(0.06)) model.opsetImport = [{ version: choose.of(OPSETS) }]
    else if (choose.chance(0.03)) model.metadataProps = [{ key: choose.of(NAMES), value: 'v' }]
    else model.graph = changed(graph, onGraph, choose, context)
  }
  return encodeModel(model)
}

/** One to four changes of bytes, mostly one. */
export function mutateBytes(bytes: Uint8Array, choose: Choices): Uint8Array {
  let out = Array.from(bytes)
  for (let i = choose.chance(0.5) ? 1 : 1 + choose.below(4); i > 0 && out.length > 0; i--) {
    const [at, length] = [choose.below(out.length), 1 + choose.below(8)]
    const kind = choose.below(7)
    if (kind === 0) out[at] = out[at]! ^ (1 << choose.below(8))
    else if (kind === 1) out[at] = choose.of([0, 1, 127, 128, 255, choose.below(256)])
    else if (kind === 2) out.splice(at, length)
    else if (kind === 3) out.splice(at, 0, ...Array.from({ length }, () => choose.below(256)))
    else if (kind === 4) out.splice(at, 0, ...out.slice(at, at + length))
    else if (kind === 5) out.splice(at, 1, ...Array<number>(choose.below(9)).fill(255), 127) // a length that lies
    else if (choose.chance(0.3)) out = out.slice(0, at)
  }
  return Uint8Array.from(out)
}
