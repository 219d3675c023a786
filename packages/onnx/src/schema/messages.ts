// The messages of an ONNX file as this package reads and writes them: those parts of proto/onnx.proto that it understands.
// 64-bit integers are bigint. A field that the file leaves out is absent here.

export interface ModelProto {
  readonly irVersion?: bigint
  readonly producerName?: string
  readonly producerVersion?: string
  readonly domain?: string
  readonly modelVersion?: bigint
  readonly docString?: string
  readonly graph?: GraphProto | null
  readonly opsetImport?: readonly OperatorSetIdProto[]
  readonly metadataProps?: readonly StringStringEntryProto[]
  readonly trainingInfo?: readonly object[]
  readonly functions?: readonly object[]
}

export interface OperatorSetIdProto {
  readonly domain?: string
  readonly version?: bigint
}

export interface StringStringEntryProto {
  readonly key?: string
  readonly value?: string
}

export interface GraphProto {
  readonly node?: readonly NodeProto[]
  readonly name?: string
  readonly initializer?: readonly TensorProto[]
  readonly sparseInitializer?: readonly object[]
  readonly docString?: string
  readonly input?: readonly ValueInfoProto[]
  readonly output?: readonly ValueInfoProto[]
  readonly valueInfo?: readonly ValueInfoProto[]
}

export interface NodeProto {
  readonly input?: readonly string[]
  readonly output?: readonly string[]
  readonly name?: string
  readonly opType?: string
  readonly domain?: string
  readonly attribute?: readonly AttributeProto[]
}

/** Values of `AttributeProto.type`. */
export const ATTRIBUTE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const

export interface AttributeProto {
  readonly name?: string
  readonly type?: number
  readonly refAttrName?: string
  readonly f?: number
  readonly i?: bigint
  readonly s?: Uint8Array
  readonly t?: TensorProto | null
  readonly g?: GraphProto | null
  readonly floats?: readonly number[]
  readonly ints?: readonly bigint[]
  readonly strings?: readonly Uint8Array[]
}

export interface TensorProto {
  readonly dims?: readonly bigint[]
  readonly dataType?: number
  readonly name?: string
  readonly segment?: object | null
  readonly rawData?: Uint8Array
  readonly floatData?: readonly number[]
  readonly int32Data?: readonly number[]
  readonly int64Data?: readonly bigint[]
  readonly doubleData?: readonly number[]
  readonly uint64Data?: readonly bigint[]
  readonly stringData?: readonly Uint8Array[]
  readonly externalData?: readonly StringStringEntryProto[]
  /** 0: in the file; 1: in `externalData`. */
  readonly dataLocation?: number
}

export interface DimensionProto {
  readonly dimValue?: bigint
  readonly dimParam?: string
}

export interface TensorTypeProto {
  readonly elemType?: number
  readonly shape?: { readonly dim?: readonly DimensionProto[] } | null
}

export interface ValueInfoProto {
  readonly name?: string
  readonly type?: { readonly tensorType?: TensorTypeProto | null } | null
  readonly docString?: string
  readonly metadataProps?: readonly StringStringEntryProto[]
}
