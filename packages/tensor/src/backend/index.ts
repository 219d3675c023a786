// Door `@dl/tensor/backend`: what a backend, ours or a stranger's, is written against.
export * from './contract.ts'
export * from './ir.ts'
export { type BoundPlaces, boundPlaces } from './bounds.ts'
export { BackendError, backends, getBackend, ready, registerBackend, setBackend } from './registry.ts'
export {
  DTYPES,
  DTYPE_NAMES,
  type DType,
  type DTypeRow,
  type DataOf,
  type Element,
  type TypedArray,
  allocate,
  bytesOf,
  isFloat,
  isInteger,
  promote,
  toElement,
} from '../graph/dtype.ts'
export {
  SCALARS,
  SCALAR_NAMES,
  type ScalarName,
  type ScalarRow,
  type FormulaOps,
  erf,
  evaluateScalar,
  roundHalfEven,
  threefry2x32,
} from '../graph/scalar-table.ts'
export type {
  CumulateKind,
  Leaf,
  Node,
  NodeOf,
  PrimitiveName,
  ReduceKind,
  ScalarLeaf,
} from '../graph/node.ts'
export {
  type GraphInput,
  hostValue,
  leafOf,
  leafValue,
  traceGraph,
  type TracedGraph,
} from '../compile/trace-graph.ts'
