// Where the samples of a resized axis lie and what they weigh, as ONNX's reference implementation of Resize has it
// (onnx/reference/ops/op_resize.py): linear, cubic (Keys 1981) and nearest, in seven systems of coordinates, with antialiasing.

/** One axis: `size` elements become `outer`; a crop sees it from `start` to `end` (parts of the axis). */
export interface AxisSampling {
  readonly size: number
  readonly outer: number
  /** `outer / size` before rounding. */
  readonly scale: number
  readonly start: number
  readonly end: number
}

export interface Interpolation {
  readonly mode: 'nearest' | 'linear' | 'cubic'
  readonly coordinates:
    | 'half_pixel'
    | 'half_pixel_symmetric'
    | 'pytorch_half_pixel'
    | 'align_corners'
    | 'asymmetric'
    | 'tf_crop_and_resize'
    | 'tf_half_pixel_for_nn'
  readonly nearest: 'round_prefer_floor' | 'round_prefer_ceil' | 'floor' | 'ceil'
  readonly cubicCoefficient: number
  readonly excludeOutside: boolean
  readonly antialias: boolean
}

/** Result `j` is the sum of `weights[i][j] · x[picks[i][j]]`. `inside[j]` is false where a crop leaves the axis. */
export interface Samples {
  readonly picks: readonly (readonly number[])[]
  readonly weights: readonly (readonly number[])[]
  readonly inside: readonly boolean[]
}

/** The place of result `j` on the axis, in elements. */
function placeOf(j: number, axis: AxisSampling, { coordinates }: Interpolation): number {
  const { size, outer, scale, start, end } = axis
  const exact = scale * size
  switch (coordinates) {
    case 'asymmetric':
      return j / scale
    case 'align_corners':
      return outer === 1 ? 0 : (j * (size - 1)) / (exact - 1)
    case 'tf_crop_and_resize': {
      if (outer === 1) return ((start + end) * (size - 1)) / 2
      return (j * (end - start) * (size - 1)) / (exact - 1) + start * (size - 1)
    }
    case 'pytorch_half_pixel':
      return outer === 1 ? -0.5 : (j + 0.5) / scale - 0.5
    case 'tf_half_pixel_for_nn':
      return (j + 0.5) / scale
    case 'half_pixel_symmetric':
      return (size / 2) * (1 - outer / exact) + (j + 0.5) / scale - 0.5
    case 'half_pixel':
      return (j + 0.5) / scale - 0.5
  }
}

/** Cubic convolution (Keys 1981) at distance `d`. */
function cubic(d: number, a: number): number {
  const x = Math.abs(d)
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
}

/** Weights of the elements from `first` on, counted from the element left of the place, which is `ratio` away. */
function kernelAt(ratio: number, scale: number, how: Interpolation): { first: number; weights: number[] } {
  if (how.mode === 'nearest') return { first: 0, weights: nearestWeights(ratio, how.nearest) }
  // antialiasing widens the kernel to the distance of the results
  const width = how.antialias ? Math.min(scale, 1) : 1
  const reach = how.mode === 'linear' ? 1 : 2
  const first = Math.floor(-reach / width) + 1
  const weights = Array.from({ length: 2 - 2 * first }, (_, i) => {
    const distance = (first + i - ratio) * width
    return how.mode === 'linear' ? Math.max(0, 1 - Math.abs(distance)) : cubic(distance, how.cubicCoefficient)
  })
  if (!how.antialias) return { first, weights }
  const sum = weights.reduce((a, b) => a + b, 0)
  return { first, weights: weights.map((w) => w / sum) }
}

function nearestWeights(ratio: number, rounding: Interpolation['nearest']): number[] {
  const right =
    ratio > 0 &&
    (rounding === 'ceil' ||
      (rounding === 'round_prefer_floor' && ratio > 0.5) ||
      (rounding === 'round_prefer_ceil' && ratio >= 0.5))
  return right ? [0, 1] : [1, 0]
}

/** Picks and weights of one result: elements outside count as the nearest one inside, or not at all. */
function sample(place: number, axis: AxisSampling, how: Interpolation): Map<number, number> {
  const left = Math.floor(place)
  const { first, weights } = kernelAt(place - left, axis.scale, how)
  const sampled = new Map<number, number>()
  let sum = 0
  weights.forEach((weight, i) => {
    const at = left + first + i
    if (weight === 0 || (how.excludeOutside && (at < 0 || at >= axis.size))) return
    const pick = Math.min(Math.max(at, 0), axis.size - 1)
    sampled.set(pick, (sampled.get(pick) ?? 0) + weight)
    sum += weight
  })
  if (how.excludeOutside) for (const [pick, weight] of sampled) sampled.set(pick, weight / sum)
  return sampled
}

/** Samples of one axis. All results get as many picks as the widest one; the missing ones weigh nothing. */
export function sampleAxis(axis: AxisSampling, how: Interpolation): Samples {
  const places = Array.from({ length: axis.outer }, (_, j) => placeOf(j, axis, how))
  const found = places.map((place) => [...sample(place, axis, how)])
  const count = Math.max(1, ...found.map(({ length }) => length))
  const slots = Array.from({ length: count }, (_, i) => i)
  const crop = how.coordinates === 'tf_crop_and_resize'
  return {
    picks: slots.map((i) => found.map((entries) => (entries[i] ?? entries[0] ?? [0])[0])),
    weights: slots.map((i) => found.map((entries) => entries[i]?.[1] ?? 0)),
    inside: places.map((place) => !crop || (place >= 0 && place <= axis.size - 1)),
  }
}
