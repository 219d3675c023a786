// Weights beside the file: a tensor may say where its bytes lie instead of holding them. They are fetched once a location,
// checked against what the tensor says, and put where the rest of the import expects them. Locations come from a stranger's
// file, so one that could leave the model's folder is refused before anybody opens it.
import { OnnxError } from '../errors.ts'
import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from '../schema/messages.ts'

type Bytes = Uint8Array | ArrayBuffer

/**
 * Where the data are that a model keeps in other files: bytes by location (the name that the model uses, relative to its
 * folder), or a function that fetches them. A location that leaves the model's folder never reaches the function.
 */
export type ExternalData = Readonly<Record<string, Bytes>> | ((location: string) => Bytes | Promise<Bytes>)

/**
 * The same model with all its data inside.
 * @throws OnnxError (`externalData`) when a file is missing or outside, or shorter than a tensor says
 */
export async function withExternalData(
  model: ModelProto,
  source: ExternalData | undefined,
): Promise<ModelProto> {
  const { graph } = model
  if (!graph) return model
  const outside = tensorsOutside(graph)
  if (outside.length === 0 || source === undefined) return model // hostTensor names the first one that is used
  const files = new Map<string, Uint8Array>()
  const data = new Map<TensorProto, TensorProto>()
  for (const tensor of outside) {
    const place = placeOf(tensor)
    let file = files.get(place.location)
    if (!file) files.set(place.location, (file = await fetched(source, place.location, tensor)))
    data.set(tensor, { ...tensor, dataLocation: 0, externalData: [], rawData: cutOut(file, place, tensor) })
  }
  return { ...model, graph: replaced(graph, data) }
}

// ---- finding and replacing
const isOutside = (tensor: TensorProto): boolean =>
  tensor.dataLocation === 1 || (tensor.externalData?.length ?? 0) > 0

function tensorsOutside(graph: GraphProto): TensorProto[] {
  const found = (graph.initializer ?? []).filter(isOutside)
  for (const { attribute = [] } of graph.node ?? [])
    for (const { t, g } of attribute) {
      if (t && isOutside(t)) found.push(t)
      if (g) for (const tensor of tensorsOutside(g)) found.push(tensor)
    }
  return found
}

function replaced(graph: GraphProto, data: ReadonlyMap<TensorProto, TensorProto>): GraphProto {
  const inAttribute = (attribute: AttributeProto): AttributeProto => {
    const { t, g } = attribute
    if (t && data.has(t)) return { ...attribute, t: data.get(t)! }
    return g ? { ...attribute, g: replaced(g, data) } : attribute
  }
  const inNode = (node: NodeProto): NodeProto =>
    node.attribute?.length ? { ...node, attribute: node.attribute.map(inAttribute) } : node
  return {
    ...graph,
    initializer: (graph.initializer ?? []).map((t) => data.get(t) ?? t),
    node: (graph.node ?? []).map(inNode),
  }
}

// ---- one tensor
interface Place {
  readonly location: string
  readonly offset: number
  /** Undefined: to the end of the file. */
  readonly length: number | undefined
}

const named = ({ name }: TensorProto): string => `tensor '${name ?? ''}'`

function placeOf(tensor: TensorProto): Place {
  const entries = new Map((tensor.externalData ?? []).map(({ key, value }) => [key ?? '', value ?? '']))
  const count = (key: string): number | undefined => {
    const text = entries.get(key)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
      throw new OnnxError(
        'externalData',
        `[importOnnx] ${named(tensor)} has the ${key} '${text}' in its data file`,
      )
    return value
  }
  const location = entries.get('location') ?? ''
  const problem = locationProblem(location)
  if (problem !== undefined)
    throw new OnnxError(
      'externalData',
      `[importOnnx] ${named(tensor)} keeps its data in '${location}', ${problem}; only files in the model's folder are read`,
    )
  return { location, offset: count('offset') ?? 0, length: count('length') }
}

/** Why a location may not be opened: it must stay in the folder on every system. */
export function locationProblem(location: string): string | undefined {
  if (location === '') return 'which is no name'
  if (/[\u0000-\u001f]/.test(location)) return 'which has control characters'
  if (/^[/\\]/.test(location)) return 'an absolute path'
  if (/^[a-z][a-z\d+.-]*:/i.test(location)) return 'an address or an absolute path'
  return location.split(/[/\\]/).includes('..') ? 'which leaves the folder' : undefined
}

async function fetched(source: ExternalData, location: string, tensor: TensorProto): Promise<Uint8Array> {
  const missing = (cause?: unknown): OnnxError =>
    new OnnxError(
      'externalData',
      `[importOnnx] ${named(tensor)} keeps its data in '${location}', which ` +
        (cause === undefined ? 'externalData does not have' : `cannot be read: ${textOf(cause)}`),
      { cause },
    )
  if (typeof source !== 'function') {
    if (!Object.hasOwn(source, location)) throw missing()
    return bytesOf(source[location], location)
  }
  let given: Bytes
  try {
    given = await source(location)
  } catch (error) {
    if (error instanceof OnnxError) throw error
    throw missing(error)
  }
  return bytesOf(given, location)
}
const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

function bytesOf(given: unknown, location: string): Uint8Array {
  if (given instanceof Uint8Array) return given
  if (given instanceof ArrayBuffer) return new Uint8Array(given)
  throw new OnnxError(
    'usage',
    `[importOnnx] externalData must give a Uint8Array or an ArrayBuffer for '${location}', got ${typeof given}`,
  )
}

function cutOut(file: Uint8Array, { location, offset, length }: Place, tensor: TensorProto): Uint8Array {
  const end = length === undefined ? file.length : offset + length
  if (offset > file.length || end > file.length)
    throw new OnnxError(
      'externalData',
      `[importOnnx] ${named(tensor)} lies at bytes ${offset} to ${end} of '${location}', which has only ${file.length}`,
    )
  return file.subarray(offset, end)
}
