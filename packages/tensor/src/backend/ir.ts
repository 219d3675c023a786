// The kernel language between scheduler and code generators. Two kinds do nearly everything: Row (loops, reductions,
// elementwise chains, softmax, norms) and Contract (a product on a packed template with an elementwise epilogue).
// Every index is affine in the loops: no division, no remainder, no guard.
import type { DType, Element } from '../graph/dtype.ts'
import type { CumulateKind, ReduceKind } from '../graph/node.ts'
import type { ScalarName } from '../graph/scalar-table.ts'

/** `[c0, c1, …]`: element index `c0 + Σ c[i+1] · loop[i]`. */
export type Affine = readonly number[]

interface Facts {
  readonly dtype: DType
  /** Depends on a reduced loop. */
  inner: boolean
  /** How many reductions lie one below the other underneath: 0 can be computed in the first pass over the row. */
  phase: number
}

/** An index computed at run time: `clamp(value, 0, limit - 1) * stride` is added to the address. */
export interface DynamicIndex {
  /** Expression (int32). */
  readonly value: number
  readonly limit: number
  readonly stride: number
}

export type Expr = Facts &
  (
    | {
        readonly op: 'load'
        readonly buffer: number
        addr: Affine
        readonly dynamic?: readonly DynamicIndex[] | undefined
      }
    | { readonly op: 'const'; readonly value: Element }
    /** Run-time scalar number `slot`. */
    | { readonly op: 'scalar'; readonly slot: number }
    /** The value of an affine form of the loops (iota). */
    | { readonly op: 'index'; addr: Affine }
    /** `args` are indices of expressions; functions with a formula never appear. `cast` and `bitcast` go to `dtype`. */
    | { readonly op: 'map'; readonly fn: ScalarName; readonly args: readonly number[] }
    | { readonly op: 'reduce'; readonly kind: ReduceKind; readonly args: readonly [number] }
    /** The finished sum of a Contract kernel. */
    | { readonly op: 'acc' }
  )

export interface Store {
  readonly buffer: number
  readonly expr: number
  addr: Affine
  /** The whole buffer is first set to this (pad, dilation). */
  readonly fill?: Element | undefined
}

/**
 * `outer` loops around reduced loops; expressions in SSA order; a store outside the reduced loops happens once a row. A store
 * inside them happens in the pass of its phase; all values of a pass are computed at an index before one is stored there (the
 * buffer may be one that the kernel reads at that index: an update in place).
 */
export interface RowKernel {
  readonly kind: 'row'
  readonly name: string
  readonly sizes: readonly number[]
  readonly outer: number
  readonly exprs: readonly Expr[]
  readonly stores: readonly Store[]
}

/** One axis of a matrix operand as nested loops: element offset is `Σ stride[i] · index[i]`. */
export interface Axis {
  readonly sizes: readonly number[]
  readonly strides: readonly number[]
}
/**
 * A coordinate at which an operand is read: `base + Σ rows[i] · (loop i of its rows) + Σ ks[i] · (loop i of its terms)`. Where it
 * lies outside 0 … limit - 1 the element counts as 0 and its address means nothing: zero padding without a padded copy.
 */
export interface Bound {
  readonly limit: number
  readonly base: number
  readonly rows: readonly number[]
  readonly ks: readonly number[]
}
/** `boundPlaces` over all bounds of an operand are at most this many: a set of them fits a word. */
export const MOST_BOUND_PLACES = 32
export interface Operand {
  readonly buffer: number
  readonly base: number
  readonly batch: Axis
  /** M for the left operand, N for the right one. */
  readonly rows: Axis
  readonly ks: Axis
  /** Coordinates that may leave their range; none when left out. */
  readonly bounds?: readonly Bound[] | undefined
}

/** `acc[b, m, n] = Σ_k A[b, m, k] · B[b, k, n]`, then the epilogue; addresses in it are `[c0, batch, m, n]`. */
export interface ContractKernel {
  readonly kind: 'contract'
  readonly name: string
  readonly dtype: DType
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly a: Operand
  readonly b: Operand
  readonly exprs: readonly Expr[]
  readonly stores: readonly Store[]
}

/**
 * `out = operand` (or zeros), then for each outer o, j < count, inner i in this order:
 * `out[o, indices[j], i] += updates[o, j, i]`; indices outside 0 … limit-1 are dropped. All buffers contiguous.
 */
export interface ScatterKernel {
  readonly kind: 'scatter'
  readonly name: string
  readonly dtype: DType
  readonly outer: number
  readonly limit: number
  readonly count: number
  readonly inner: number
  readonly out: number
  readonly operand: number | null
  readonly indices: number
  readonly updates: number
}

/** A contiguous `[outer, length, inner]` buffer, of which a kernel walks the lines along the middle. */
interface LineKernel {
  readonly name: string
  /** Of `source`. */
  readonly dtype: DType
  readonly outer: number
  readonly length: number
  readonly inner: number
  readonly source: number
  readonly out: number
}

/**
 * `out[o, j, i]` (of the source's dtype and shape) is the reduction of `source[o, 0 … j, i]`; `exclusive` leaves j itself out,
 * `reverse` starts at the end.
 */
export interface CumulateKernel extends LineKernel {
  readonly kind: 'cumulate'
  readonly reduction: CumulateKind
  readonly exclusive: boolean
  readonly reverse: boolean
}

/**
 * `out[o, 0 … count-1, i]` (int32) are the positions of the first `count` elements of `source[o, :, i]` in ascending (or
 * `descending`) order: equal elements keep their order, NaN is greater than all, −0 equals 0.
 */
export interface SortKernel extends LineKernel {
  readonly kind: 'sort'
  readonly descending: boolean
  readonly count: number
}

/**
 * What the attention kernels share. All of it is float32; query i of a batch element sees key j with the score
 * `s = scale · q[i]·k[j]`, plus a float mask, or -∞ where a bool mask is false or `causal` is set and j > i.
 */
interface AttentionProblem {
  readonly name: string
  /** Independent elements: one for each head of each example. */
  readonly batch: number
  readonly queries: number
  readonly keys: number
  readonly depth: number
  readonly valueDepth: number
  readonly scale: number
  readonly causal: boolean
  /** Rows are queries, terms depth. */
  readonly q: Operand
  /** Rows are keys, terms depth. */
  readonly k: Operand
  /** Rows are keys, terms the depth of values. */
  readonly v: Operand
  /** Rows are queries, terms keys; bool or float32. */
  readonly mask: Operand | null
  /**
   * Probability of `(batch, i, j)` is kept, divided by `1 - rate`, where the uniform number of `random/stream.ts` at element
   * `(batch · queries + i) · keys + j` of the stream is below `1 - rate`, else 0. The words are int32, three in a buffer.
   */
  readonly dropout: { readonly rate: number; readonly stream: number } | null
}

/**
 * `out[b, i] = Σ_j p[i, j] v[j]` with `p[i, j] = exp(s[i, j]) / Σ_j exp(s[i, j])`, `logSum[b, i] = log Σ_j exp(s[i, j])`. A query
 * that sees no key gets zeros and +∞. Results are contiguous: `[batch, queries, valueDepth]` and `[batch, queries]`.
 */
export interface AttentionKernel extends AttentionProblem {
  readonly kind: 'attention'
  readonly out: number | null
  readonly logSum: number | null
}

/**
 * Gradients for the cotangent `ct` of `out`, with `p = exp(s - logSum)`, `dp[i, j] = ct[i]·v[j]` (after dropout) and
 * `ds = p (dp - delta)`: `dq = scale · ds k`, `dk = scale · dsᵀ q`, `dv = pᵀ ct` (p after dropout). `logSum` and `delta`
 * are contiguous `[batch, queries]`, the results `[batch, …]` of their inputs' shapes.
 */
export interface AttentionGradKernel extends AttentionProblem {
  readonly kind: 'attentionGrad'
  readonly logSum: number
  readonly delta: number
  /** Rows are queries, terms the depth of values. */
  readonly ct: Operand
  readonly dq: number | null
  readonly dk: number | null
  readonly dv: number | null
}

/** In iteration i `buffer` is what lies `start + i · step` elements behind the start of `of`. */
export interface LoopWindow {
  readonly buffer: number
  readonly of: number
  readonly start: number
  readonly step: number
}

/**
 * A value that goes from one iteration to the next: kernels read it as `buffer` and write the next one as `next`, which are never
 * one place. The first iteration reads `initial`; then `last` and `spare` take turns. After the loop the value is in `last`.
 */
export interface LoopCarry {
  readonly buffer: number
  readonly next: number
  readonly initial: number
  readonly last: number
  readonly spare: number
}

/**
 * Runs `kernels` in order, again and again: `count` times (1 or more), or, where `condition` is given, as long as the bool that
 * its kernels compute before each iteration is not 0.
 */
export interface LoopKernel {
  readonly kind: 'loop'
  readonly name: string
  readonly count: number
  readonly condition: { readonly kernels: readonly Kernel[]; readonly buffer: number } | null
  readonly kernels: readonly Kernel[]
  readonly windows: readonly LoopWindow[]
  readonly carries: readonly LoopCarry[]
}

/** Runs `yes` where the bool in `predicate` is not 0, else `no`. */
export interface BranchKernel {
  readonly kind: 'branch'
  readonly name: string
  readonly predicate: number
  readonly yes: readonly Kernel[]
  readonly no: readonly Kernel[]
}

export type Kernel =
  | RowKernel
  | ContractKernel
  | ScatterKernel
  | CumulateKernel
  | SortKernel
  | AttentionKernel
  | AttentionGradKernel
  | LoopKernel
  | BranchKernel

/** Where a buffer of a program lies: a pointer given at each run, a place in the program's own arena, or where the loop around says. */
export type Place =
  | { readonly kind: 'param'; readonly slot: number }
  | { readonly kind: 'arena'; readonly offset: number }
  | { readonly kind: 'loop' }

export interface ProgramBuffer {
  readonly dtype: DType
  /** Elements. Every buffer is followed by at least 64 bytes that may be read (not written) past its end. */
  readonly size: number
  readonly place: Place
}

/** Kernels in execution order over planned buffers. */
export interface Program {
  readonly buffers: readonly ProgramBuffer[]
  readonly kernels: readonly Kernel[]
  /** Dtypes of the run-time scalars by slot. */
  readonly scalars: readonly DType[]
  /** How many pointers `run` takes. */
  readonly params: number
  readonly arenaBytes: number
}
