// NumPy's broadcasting on sizes of which one may be free.
import { type Dim, sameDims } from './lockstep.ts'

/** Whether a reshape only puts dimensions of 1 in front. */
export const addsLeadingOnes = (from: readonly Dim[], to: readonly Dim[]): boolean =>
  to.length >= from.length &&
  sameDims(to.slice(to.length - from.length), from) &&
  to.slice(0, to.length - from.length).every((d) => d === 1)

/** NumPy's rule on sizes that are known to fit. */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1]
    return x === 1 ? y : x
  })
}
