// Short ways to write kernels by hand in tests.
import type {
  Affine,
  DType,
  DynamicIndex,
  Element,
  Expr,
  Kernel,
  Program,
  ScalarName,
  Store,
} from '@dl/tensor/backend'

const facts = (dtype: DType): { dtype: DType; inner: boolean; phase: number } => ({
  dtype,
  inner: false,
  phase: 0,
})

export const load = (
  buffer: number,
  addr: Affine,
  dtype: DType = 'float32',
  dynamic?: readonly DynamicIndex[],
): Expr => ({
  op: 'load',
  buffer,
  addr,
  ...(dynamic ? { dynamic } : {}),
  ...facts(dtype),
})
export const constant = (value: Element, dtype: DType = 'float32'): Expr => ({
  op: 'const',
  value,
  ...facts(dtype),
})
export const scalar = (slot: number, dtype: DType = 'float32'): Expr => ({
  op: 'scalar',
  slot,
  ...facts(dtype),
})
export const index = (addr: Affine, dtype: DType = 'int32'): Expr => ({ op: 'index', addr, ...facts(dtype) })
export const map = (fn: ScalarName, args: readonly number[], dtype: DType = 'float32'): Expr => ({
  op: 'map',
  fn,
  args,
  ...facts(dtype),
})
export const reduce = (
  kind: 'sum' | 'prod' | 'max' | 'min' | 'maxNumber',
  arg: number,
  dtype: DType = 'float32',
): Expr => ({
  op: 'reduce',
  kind,
  args: [arg],
  ...facts(dtype),
})
export const acc = (dtype: DType = 'float32'): Expr => ({ op: 'acc', ...facts(dtype) })
export const store = (buffer: number, expr: number, addr: Affine, fill?: Element): Store => ({
  buffer,
  expr,
  addr,
  ...(fill === undefined ? {} : { fill }),
})

export const row = (
  name: string,
  sizes: readonly number[],
  outer: number,
  exprs: readonly Expr[],
  stores: readonly Store[],
): Kernel => ({
  kind: 'row',
  name,
  sizes,
  outer,
  exprs,
  stores,
})

/** A program whose buffers are its parameters in order: `[dtype, elements]`, or `[dtype, elements, slot]` for a shared place. */
export function program(
  buffers: readonly (readonly [DType, number] | readonly [DType, number, number])[],
  kernels: readonly Kernel[],
  scalars: readonly DType[] = [],
): Program {
  return {
    buffers: buffers.map(([dtype, size, slot], i) => ({
      dtype,
      size,
      place: { kind: 'param', slot: slot ?? i },
    })),
    kernels,
    scalars,
    params: buffers.length,
    arenaBytes: 0,
  }
}
