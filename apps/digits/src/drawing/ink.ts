// From a drawing to what the network was trained on: MNIST scales a digit into 20 × 20 pixels and puts its centre of mass into
// the middle of 28 × 28 (LeCun, Cortes, Burges).

const SIDE = 28
const BOX = 20

/** The smallest rectangle around everything darker than almost nothing; null for an empty drawing. */
function extent(ink: Float32Array, side: number): { left: number; top: number; size: number } | null {
  let [left, top, right, bottom] = [side, side, -1, -1]
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      if (ink[y * side + x]! > 0.05) {
        left = Math.min(left, x)
        right = Math.max(right, x)
        top = Math.min(top, y)
        bottom = Math.max(bottom, y)
      }
  if (right < 0) return null
  const [width, height] = [right - left + 1, bottom - top + 1]
  const size = Math.max(width, height)
  return { left: left - (size - width) / 2, top: top - (size - height) / 2, size }
}

/** Mean ink of the part of a drawing under each of `BOX` × `BOX` pixels. */
function shrink(
  ink: Float32Array,
  side: number,
  box: { left: number; top: number; size: number },
): Float32Array {
  const small = new Float32Array(BOX * BOX)
  const step = box.size / BOX
  for (let y = 0; y < BOX; y++)
    for (let x = 0; x < BOX; x++) {
      const [x0, y0] = [Math.floor(box.left + x * step), Math.floor(box.top + y * step)]
      const [x1, y1] = [
        Math.max(x0 + 1, Math.ceil(box.left + (x + 1) * step)),
        Math.max(y0 + 1, Math.ceil(box.top + (y + 1) * step)),
      ]
      let sum = 0
      for (let v = y0; v < y1; v++)
        for (let u = x0; u < x1; u++) if (u >= 0 && v >= 0 && u < side && v < side) sum += ink[v * side + u]!
      small[y * BOX + x] = sum / ((x1 - x0) * (y1 - y0))
    }
  return small
}

/**
 * A drawing as an image of MNIST.
 *
 * @param ink `[side · side]` values in [0, 1], 1 is ink
 * @returns `[784]`; all zeros for an empty drawing
 */
export function toDigit(ink: Float32Array, side: number): Float32Array {
  const out = new Float32Array(SIDE * SIDE)
  const box = extent(ink, side)
  if (!box) return out
  const small = shrink(ink, side, box)
  let [mass, cx, cy] = [0, 0, 0]
  for (let y = 0; y < BOX; y++)
    for (let x = 0; x < BOX; x++) {
      const m = small[y * BOX + x]!
      mass += m
      cx += m * x
      cy += m * y
    }
  const dx = Math.round((SIDE - 1) / 2 - cx / mass)
  const dy = Math.round((SIDE - 1) / 2 - cy / mass)
  for (let y = 0; y < BOX; y++)
    for (let x = 0; x < BOX; x++) {
      const [u, v] = [x + dx, y + dy]
      if (u >= 0 && v >= 0 && u < SIDE && v < SIDE) out[v * SIDE + u] = small[y * BOX + x]!
    }
  return out
}
