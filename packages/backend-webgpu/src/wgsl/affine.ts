// Index arithmetic as text, and the normal form of loop nests: no loops of size 1, neighbours that every address walks as
// one are one.
import type { Affine, Axis, Expr, Store } from '@dl/tensor/backend'

/** Loops, expressions and stores of a row kernel after {@link collapseLoops}. */
export interface LoopNest {
  readonly sizes: readonly number[]
  readonly outer: number
  readonly exprs: readonly Expr[]
  readonly stores: readonly Store[]
}

export const product = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1)

/** `c0 + Σ c · loop` as WGSL in i32 (coefficients may be negative). */
export function affineText(addr: Affine, loops: readonly string[]): string {
  const terms: string[] = []
  for (let i = 1; i < addr.length; i++) {
    const c = addr[i]!
    if (c !== 0) terms.push(c === 1 ? loops[i - 1]! : `${loops[i - 1]!} * ${c}`)
  }
  return sumText(...terms, addr[0]!)
}

/** Terms added, without zeros. */
export const sumText = (...terms: (string | number)[]): string =>
  terms
    .filter((t) => t !== 0 && t !== '0')
    .join(' + ')
    .replaceAll('+ -', '- ') || '0'

/** Names `loops[from … to)` from the running number `linear` (u32): `let i2 = …`, last loop fastest. */
export function splitIndex(
  linear: string,
  sizes: readonly number[],
  loops: readonly string[],
  from: number,
  to: number,
): string[] {
  const lines: string[] = []
  let rest = linear
  for (let i = to - 1; i >= from; i--) {
    const size = sizes[i]!
    if (i === from) lines.push(`let ${loops[i]!} = i32(${rest});`)
    else {
      lines.push(`let ${loops[i]!} = i32(${rest} % ${size}u);`)
      const quotient = `q${i}`
      lines.push(`let ${quotient} = ${rest} / ${size}u;`)
      rest = quotient
    }
  }
  return lines
}

/** Offset of position `index` (an i32 name) along a matrix axis that is itself a loop nest. */
export function axisOffset(axis: Axis, index: string): string {
  const { sizes, strides } = collapseAxis(axis)
  if (!sizes.length) return '0'
  const terms: string[] = []
  let inner = 1
  for (let i = sizes.length - 1; i >= 0; i--) {
    const quotient = inner === 1 ? index : `${index} / ${inner}`
    const position = i === 0 ? quotient : `${quotient} % ${sizes[i]!}`
    const factor = position === index ? position : `(${position})`
    if (strides[i] !== 0) terms.push(strides[i] === 1 ? factor : `${factor} * ${strides[i]!}`)
    inner *= sizes[i]!
  }
  return sumText(...terms)
}

/** The same axis with the fewest loops. */
export function collapseAxis(axis: Axis): Axis {
  const sizes: number[] = []
  const strides: number[] = []
  axis.sizes.forEach((size, i) => {
    const stride = axis.strides[i]!
    const last = sizes.length - 1
    if (size === 1) return
    if (last >= 0 && strides[last] === stride * size) {
      sizes[last]! *= size
      strides[last] = stride
    } else {
      sizes.push(size)
      strides.push(stride)
    }
  })
  return { sizes, strides }
}

/** Step from one element of an axis to the next in its fastest loop. */
export function fastestStride(axis: Axis): number {
  return collapseAxis(axis).strides.at(-1) ?? 0
}

/** Removes loops of size 1 and merges neighbours of one kind that every address walks as one. */
export function collapseLoops(nest: LoopNest): LoopNest {
  const exprs = nest.exprs.map((e) => ('addr' in e ? { ...e, addr: [...e.addr] } : { ...e }))
  const stores = nest.stores.map((s) => ({ ...s, addr: [...s.addr] }))
  const addresses = [
    ...exprs.flatMap((e) => ('addr' in e ? [e.addr] : [])),
    ...stores.map((s) => s.addr),
  ] as number[][]
  const sizes = [...nest.sizes]
  let outer = nest.outer
  const drop = (loop: number): void => {
    sizes.splice(loop, 1)
    for (const addr of addresses) addr.splice(loop + 1, 1)
    if (loop < outer) outer--
  }
  for (let i = sizes.length - 1; i >= 0; i--) if (sizes[i] === 1) drop(i)
  for (let i = sizes.length - 2; i >= 0; i--) {
    const sameKind = i < outer === i + 1 < outer
    if (!sameKind || !addresses.every((addr) => addr[i + 1] === addr[i + 2]! * sizes[i + 1]!)) continue
    sizes[i + 1]! *= sizes[i]!
    drop(i)
  }
  return { sizes, outer, exprs, stores }
}
