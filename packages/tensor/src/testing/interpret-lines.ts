// Kernels along lines, interpreted: running reductions by the plain loop, sorting by counting what comes before.
import type { CumulateKernel, SortKernel } from '../backend/ir.ts'
import { type Element, isFloat, toElement, type TypedArray } from '../graph/dtype.ts'
import { evaluateScalar } from '../graph/scalar-table.ts'

type Elements = { [index: number]: Element; readonly length: number }

/** Calls `body` with the addresses of the elements of each line, and with the number of its first element in `[outer, count, inner]`. */
function forEachLine(
  { outer, length, inner }: CumulateKernel | SortKernel,
  count: number,
  body: (line: readonly number[], first: number) => void,
): void {
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++)
      body(
        Array.from({ length }, (_, j) => (o * length + j) * inner + i),
        o * count * inner + i,
      )
}

/** @param start the value over no elements */
export function runCumulate(kernel: CumulateKernel, views: readonly TypedArray[], start: Element): void {
  const { reduction, dtype, exclusive, reverse } = kernel
  const fn = reduction === 'sum' ? 'add' : reduction === 'prod' ? 'mul' : reduction
  const [source, out] = [views[kernel.source]!, views[kernel.out]! as Elements]
  forEachLine(kernel, kernel.length, (line) => {
    let sum = start
    for (const at of reverse ? line.toReversed() : line) {
      const x = source[at]!
      if (exclusive) out[at] = toElement(dtype, sum)
      const next = evaluateScalar(fn, dtype, [sum, x])
      sum = isFloat(dtype) ? next : toElement(dtype, next)
      if (!exclusive) out[at] = toElement(dtype, sum)
    }
  })
}

export function runSort(kernel: SortKernel, views: readonly TypedArray[]): void {
  const { descending, count, inner } = kernel
  const [source, out] = [views[kernel.source]!, views[kernel.out]! as Elements]
  forEachLine(kernel, count, (line, first) => {
    line.forEach((at, j) => {
      let before = 0
      line.forEach((other, l) => {
        const [a, b] = descending ? [source[at]!, source[other]!] : [source[other]!, source[at]!]
        if (isLess(a, b) || (l < j && !isLess(b, a))) before++
      })
      if (before < count) out[first + before * inner] = j
    })
  })
}

/** NaN is greater than every number and equal to itself. */
const isLess = (a: Element, b: Element): boolean => (b !== b ? a === a : a < b)
