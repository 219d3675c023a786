// Attributes of a node, read by name with the type and default that the operator's specification gives.
import { OnnxError } from '../errors.ts'
import { ATTRIBUTE, type AttributeProto, type GraphProto } from '../schema/messages.ts'
import { type HostTensor, hostTensor } from '../schema/tensor-values.ts'

const TYPE_NAMES = new Map<number, string>(Object.entries(ATTRIBUTE).map(([name, type]) => [type, name]))

/** Where a message keeps the value of each type. */
const FIELD = {
  float: 'f',
  int: 'i',
  string: 's',
  tensor: 't',
  graph: 'g',
  floats: 'floats',
  ints: 'ints',
  strings: 'strings',
} as const satisfies { readonly [T in keyof typeof ATTRIBUTE]: keyof AttributeProto }

export class Attributes {
  readonly #where: string
  readonly #byName = new Map<string, AttributeProto>()

  /** @param where the node, for errors */
  constructor(protos: readonly AttributeProto[], where: string) {
    this.#where = where
    for (const proto of protos) {
      const name = proto.name ?? ''
      if (this.#byName.has(name))
        throw new OnnxError('invalid', `[importOnnx] ${where} has the attribute '${name}' twice`)
      if (proto.refAttrName)
        throw new OnnxError(
          'unsupported',
          `[importOnnx] ${where}: attribute '${name}' refers to '${proto.refAttrName}' of a function`,
        )
      this.#byName.set(name, proto)
    }
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()]
  }
  has(name: string): boolean {
    return this.#byName.has(name)
  }

  int(name: string, absent: number): number
  int(name: string): number | undefined
  int(name: string, absent?: number): number | undefined {
    const proto = this.#typed(name, 'int')
    return proto ? Number(proto.i ?? 0n) : absent
  }
  flag(name: string, absent: boolean): boolean {
    return this.int(name, absent ? 1 : 0) !== 0
  }
  float(name: string, absent: number): number
  float(name: string): number | undefined
  float(name: string, absent?: number): number | undefined {
    const proto = this.#typed(name, 'float')
    return proto ? (proto.f ?? 0) : absent
  }
  ints(name: string): number[] | undefined {
    return this.#typed(name, 'ints')?.ints?.map(Number)
  }
  /** Whole, where {@link ints} rounds what is beyond 2^53. */
  bigints(name: string): readonly bigint[] | undefined {
    return this.#typed(name, 'ints')?.ints
  }
  bigint(name: string): bigint | undefined {
    const proto = this.#typed(name, 'int')
    return proto && (proto.i ?? 0n)
  }
  floats(name: string): readonly number[] | undefined {
    return this.#typed(name, 'floats')?.floats
  }
  string(name: string, absent: string): string {
    const proto = this.#typed(name, 'string')
    return proto ? new TextDecoder().decode(proto.s ?? new Uint8Array()) : absent
  }
  strings(name: string): readonly string[] | undefined {
    return this.#typed(name, 'strings')?.strings?.map((s) => new TextDecoder().decode(s))
  }
  tensor(name: string): HostTensor | undefined {
    const proto = this.#typed(name, 'tensor')
    return proto && hostTensor(proto.t ?? {}, `attribute '${name}' of ${this.#where}`)
  }

  /** All graphs, by name. */
  graphs(): (readonly [string, GraphProto])[] {
    return [...this.#byName].flatMap(([name, { type, g }]) =>
      type === ATTRIBUTE.graph || (!type && g) ? [[name, g ?? {}] as const] : [],
    )
  }

  #typed(name: string, type: keyof typeof ATTRIBUTE): AttributeProto | undefined {
    const proto = this.#byName.get(name)
    // the first version of the format had no types; there the field that is set tells
    if (proto && !proto.type && proto[FIELD[type]] === undefined)
      throw new OnnxError(
        'invalid',
        `[importOnnx] ${this.#where}: attribute '${name}' must be of type ${type}, the file holds no such value`,
      )
    if (proto?.type && proto.type !== ATTRIBUTE[type])
      throw new OnnxError(
        'invalid',
        `[importOnnx] ${this.#where}: attribute '${name}' must be of type ${type}, the file says ` +
          (TYPE_NAMES.get(proto.type) ?? `number ${proto.type}`),
      )
    return proto
  }
}
