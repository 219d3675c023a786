// Slices as Python writes them: begin, end and stride an axis, with TensorFlow's masks for what is left out.
import { ShapeError } from '../errors.ts'
import type { Node } from '../graph/node.ts'
import * as graph from '../graph/primitives.ts'
import { type Dims, showShape } from '../graph/shape.ts'
import type { StridedSlice } from '../tensor/op-types.ts'
import { given, result } from './operands.ts'

/** What happens to one axis of the source; `drop` removes it from the result. */
interface Walk {
  readonly start: number
  readonly count: number
  readonly stride: number
  readonly drop: boolean
}
/** An axis of size 1 that the source does not have. */
const NEW_AXIS = 'new'

interface Ranges {
  readonly begin: Dims
  readonly end: Dims
  readonly strides: Dims
  /** Whether bit `i` of each mask is set. */
  readonly open: (i: number) => { readonly begin: boolean; readonly end: boolean }
  readonly isEllipsis: (i: number) => boolean
  readonly isNew: (i: number) => boolean
  readonly isShrunk: (i: number) => boolean
}

/**
 * Every `strides[i]`-th element from `begin[i]` up to, not including, `end[i]`, as Python's `x[begin:end:stride]`: negative
 * positions count from the back, a negative stride walks backward, positions outside are clamped. Axes without an entry are
 * taken whole. Bit `i` of a mask concerns entry `i`, as in TensorFlow.
 * @param strides default 1 everywhere; never 0
 * @param beginMask the entry's begin is left out (`x[:end]`)
 * @param endMask the entry's end is left out (`x[begin:]`)
 * @param ellipsisMask the entry stands for all axes that the others do not name (`x[..., 0]`)
 * @param newAxisMask the entry is a new axis of size 1
 * @param shrinkAxisMask the entry picks one element, and the axis disappears (`x[i]`)
 * @throws when a stride is 0, there are more entries than axes, or a picked element is outside
 * @example
 * ```ts
 * stridedSlice(tensor([0, 1, 2, 3, 4, 5]), [1], [6], [2]).print() // [1, 3, 5]
 * stridedSlice(tensor([0, 1, 2, 3]), [-1], [0], [-1]).print() // [3, 2, 1]
 * ```
 */
export const stridedSlice: StridedSlice = (
  x,
  begin,
  end,
  strides,
  beginMask,
  endMask,
  ellipsisMask,
  newAxisMask,
  shrinkAxisMask,
) => {
  const node = given('stridedSlice', 'x', x)
  const steps = strides ?? begin.map(() => 1)
  if (begin.length !== end.length || steps.length !== begin.length)
    throw new ShapeError(
      `[stridedSlice] begin, end and strides need equal lengths, got ${begin.length}, ${end.length} and ${steps.length}`,
    )
  const ellipsis = ellipsisMask ?? 0
  if ((ellipsis & (ellipsis - 1)) !== 0)
    throw new ShapeError('[stridedSlice] Multiple ellipses in slice is not allowed.')
  const bit = (mask: number | undefined, i: number): boolean => (((mask ?? 0) >> i) & 1) === 1
  const ranges: Ranges = {
    begin,
    end,
    strides: steps,
    open: (i) => ({ begin: bit(beginMask, i), end: bit(endMask, i) }),
    isEllipsis: (i) => bit(ellipsis, i),
    isNew: (i) => !bit(ellipsis, i) && bit(newAxisMask, i),
    isShrunk: (i) => bit(shrinkAxisMask, i),
  }
  return result(walked(node, entries(node.shape, ranges)))
}

/** One entry for each axis of the source, in order, with new axes between. */
function entries(shape: Dims, ranges: Ranges): (Walk | typeof NEW_AXIS)[] {
  const out: (Walk | typeof NEW_AXIS)[] = []
  const count = ranges.begin.length
  let axis = 0
  const takeWhole = (until: number): void => {
    for (; axis < until; axis++) out.push({ start: 0, count: shape[axis]!, stride: 1, drop: false })
  }
  for (let i = 0; i < count; i++) {
    if (ranges.isEllipsis(i)) {
      let named = 0
      for (let j = i + 1; j < count; j++) if (!ranges.isNew(j)) named++
      takeWhole(shape.length - named)
    } else if (ranges.isNew(i)) out.push(NEW_AXIS)
    else {
      if (axis >= shape.length)
        throw new ShapeError(
          `[stridedSlice] ${count} entries name more axes than ${showShape(shape)} has; use newAxisMask for new ones`,
        )
      out.push(ranges.isShrunk(i) ? picked(shape, axis, ranges.begin[i]!) : walk(shape[axis]!, ranges, i))
      axis++
    }
  }
  takeWhole(shape.length)
  return out
}

function picked(shape: Dims, axis: number, index: number): Walk {
  const start = index < 0 ? index + shape[axis]! : index
  if (start < 0 || start >= shape[axis]!)
    throw new ShapeError(
      `[stridedSlice] slice index ${index} of dimension ${axis} out of bounds (shape ${showShape(shape)})`,
    )
  return { start, count: 1, stride: 1, drop: true }
}

function walk(dim: number, { begin, end, strides, open }: Ranges, i: number): Walk {
  const stride = strides[i]!
  if (stride === 0 || !Number.isInteger(stride))
    throw new ShapeError(`[stridedSlice] strides are integers other than 0, got ${stride}`)
  const [low, high] = stride > 0 ? [0, dim] : [-1, dim - 1]
  const [first, last] = stride > 0 ? [low, high] : [high, low]
  const clamp = (p: number): number => Math.min(Math.max(p < 0 ? p + dim : p, low), high)
  const start = open(i).begin ? first : clamp(begin[i]!)
  const stop = open(i).end ? last : clamp(end[i]!)
  return { start, count: Math.max(0, Math.ceil((stop - start) / stride)), stride, drop: false }
}

/** A backward walk is a forward walk over the reversed axis. */
function walked(x: Node, steps: readonly (Walk | typeof NEW_AXIS)[]): Node {
  const walks = steps.filter((step) => step !== NEW_AXIS)
  const backward = [...walks.keys()].filter((a) => walks[a]!.stride < 0)
  const sliced = graph.slice(
    graph.reverse(x, backward),
    walks.map((w, a) => (w.count === 0 ? 0 : w.stride < 0 ? x.shape[a]! - 1 - w.start : w.start)),
    walks.map((w) => w.count),
    walks.map((w) => Math.abs(w.stride)),
  )
  return graph.reshape(
    sliced,
    steps.flatMap((step) => (step === NEW_AXIS ? [1] : step.drop ? [] : [step.count])),
  )
}
