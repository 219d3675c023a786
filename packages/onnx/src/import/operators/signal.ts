// Fourier transforms and windows. Complex numbers are pairs on the last axis, as in ONNX. A transform of composite length is
// two rounds of shorter ones (Cooley–Tukey), one of prime or short length a product with its matrix: all of it differentiates.
import {
  add,
  cast,
  concat,
  gather,
  matMul,
  mul,
  neg,
  pad,
  reshape,
  reverse,
  slice,
  stack,
  sub,
  tensor,
  type Tensor,
  transpose,
} from '@dl/tensor/core'
import { dtypeOf, elementTypeName } from '../../schema/data-types.ts'
import { dtypeOfTensor, type Operator, type OperatorCall, shapeOf } from '../operator.ts'

/** Lengths that are one product with a matrix. */
const SHORT = 64

interface Complex {
  readonly real: Tensor
  readonly imaginary: Tensor
}

/** `exp(±2πi · row · column / n)` for all rows and columns. */
function roots(rows: number, columns: number, n: number, sign: number, like: Tensor): Complex {
  const turn = (i: number): number => (2 * Math.PI * ((Math.floor(i / columns) * (i % columns)) % n)) / n
  const table = (f: (angle: number) => number): Tensor =>
    tensor(
      Float64Array.from({ length: rows * columns }, (_, i) => f(turn(i))),
      [rows, columns],
      'float64',
    )
  const dtype = dtypeOfTensor(like)
  return {
    real: cast(table(Math.cos), dtype),
    imaginary: cast(
      table((angle) => sign * Math.sin(angle)),
      dtype,
    ),
  }
}

function times(a: Complex, b: Complex, product: (x: Tensor, y: Tensor) => Tensor): Complex {
  return {
    real: sub(product(a.real, b.real), product(a.imaginary, b.imaginary)),
    imaginary: add(product(a.real, b.imaginary), product(a.imaginary, b.real)),
  }
}
const each = ({ real, imaginary }: Complex, f: (x: Tensor) => Tensor): Complex => ({
  real: f(real),
  imaginary: f(imaginary),
})

/** The divisor of `n` nearest to its root; 1 for primes. */
function divisor(n: number): number {
  let d = Math.floor(Math.sqrt(n))
  while (n % d !== 0) d--
  return d
}

/** The transform of each row of `[rows, n]`, not scaled. */
function transformRows(x: Complex, sign: number): Complex {
  const [rows, n] = shapeOf(x.real) as [number, number]
  const p = n <= SHORT ? 1 : divisor(n)
  if (p === 1) return times(x, roots(n, n, n, sign, x.real), (a, b) => matMul(a, b))
  const m = n / p
  const turned = each(x, (t) => reshape(transpose(reshape(t, [rows, p, m]), [0, 2, 1]), [rows * m, p]))
  const inner = each(transformRows(turned, sign), (t) => reshape(t, [rows, m, p]))
  const twisted = times(inner, roots(m, p, n, sign, x.real), (a, b) => mul(a, b))
  const back = each(twisted, (t) => reshape(transpose(t, [0, 2, 1]), [rows * p, m]))
  const outer = transformRows(back, sign)
  return each(outer, (t) => reshape(transpose(reshape(t, [rows, p, m]), [0, 2, 1]), [rows, n]))
}

/** `x` `[…, n, 1 or 2]` with axis `axis` last, as rows: cut or filled with zeros to `length`. */
function asRows(x: Tensor, axis: number, length: number): { rows: Complex; order: number[] } {
  const rank = x.rank
  const order = [...Array(rank).keys()].filter((a) => a !== axis && a !== rank - 1)
  order.push(axis)
  const at = (part: number): Tensor => {
    const column = slice(
      x,
      shapeOf(x).map((_, a) => (a === rank - 1 ? part : 0)),
      shapeOf(x).map((d, a) => (a === rank - 1 ? 1 : d)),
    )
    const shape = shapeOf(x).slice(0, -1)
    const turned = transpose(reshape(column, shape), order)
    const n = shape[axis]!
    const rows = reshape(turned, [-1, n])
    const count = shapeOf(rows)[0]!
    return n > length
      ? slice(rows, [0, 0], [count, length])
      : pad(rows, [
          [0, 0],
          [0, length - n],
        ])
  }
  const real = at(0)
  return { rows: { real, imaginary: shapeOf(x).at(-1) === 2 ? at(1) : mul(real, 0) }, order }
}

/** Half a spectrum completed: the missing half mirrors it, conjugated. */
function completed({ real, imaginary }: Complex, length: number): Complex {
  const [rows, half] = shapeOf(real) as [number, number]
  const missing = length - half
  const mirror = (x: Tensor): Tensor =>
    reverse(slice(x, [0, half - missing - (length % 2 === 0 ? 1 : 0)], [rows, missing]), 1)
  return { real: concat([real, mirror(real)], 1), imaginary: concat([imaginary, neg(mirror(imaginary))], 1) }
}

/** A transform of this length is a product with a square matrix. */
function largestFactor(length: number): number {
  let [rest, largest] = [length, 1]
  for (let p = 2; p * p <= rest; p++) for (; rest % p === 0; rest /= p) largest = p
  return Math.max(rest, largest)
}

function fourier(call: OperatorCall): Tensor {
  const x = call.input(0)
  const { attributes, opset } = call
  const given = opset < 20 ? attributes.int('axis', 1) : call.has(2) ? call.number(2, 'the axis') : -2
  const axis = call.axis(given, x.rank)
  const [inverse, onesided] = [attributes.flag('inverse', false), attributes.flag('onesided', false)]
  const size = shapeOf(x)[axis]!
  const natural = inverse && onesided ? 2 * (size - 1) : size
  const length = call.has(1) ? call.number(1, 'the length') : natural
  if (!(Number.isInteger(length) && length > 0)) call.fail(`has the length ${length}`)
  call.checkSize(Math.max((x.size / Math.max(1, size)) * length, largestFactor(length) ** 2), 'float64')
  const read = inverse && onesided ? Math.floor(length / 2) + 1 : length
  const { rows, order } = asRows(x, axis, read)
  const spectrum = transformRows(inverse && onesided ? completed(rows, length) : rows, inverse ? 1 : -1)
  const scaled = inverse ? each(spectrum, (t) => mul(t, 1 / length)) : spectrum
  const kept = onesided && !inverse ? Math.floor(length / 2) + 1 : length
  const sizes = order.map((a) => (a === axis ? kept : shapeOf(x)[a]!))
  const back = order.map((_, a) => order.indexOf(a))
  const { real, imaginary } = each(scaled, (t) =>
    transpose(reshape(slice(t, [0, 0], [shapeOf(t)[0]!, kept]), sizes), back),
  )
  return inverse && onesided ? reshape(real, [...shapeOf(real), 1]) : stack([real, imaginary], real.rank)
}

/** Spectra of overlapping frames `[batch, frames, bins, 2]`. */
function shortTimeFourier(call: OperatorCall): Tensor {
  const signal = call.input(0)
  const [batch, length, parts] = shapeOf(signal) as [number, number, number]
  const step = call.number(1, 'the frame step')
  const window = call.optional(2)
  const size = call.has(3) ? call.number(3, 'the frame length') : window ? window.size : length
  const frames = Math.floor((length - size) / step) + 1
  if (!(frames > 0)) call.fail(`cuts frames of ${size} from a signal of ${length}`)
  call.checkSize(batch * frames * size * parts, dtypeOfTensor(signal))
  const places = Int32Array.from(
    { length: frames * size },
    (_, i) => Math.floor(i / size) * step + (i % size),
  )
  const cut: Tensor = gather(signal, tensor(places, [frames, size], 'int32'), 1)
  const weighed = window ? mul(cut, reshape(window, [size, 1])) : cut
  const { rows } = asRows(weighed, 2, size)
  const bins = call.attributes.flag('onesided', true) ? Math.floor(size / 2) + 1 : size
  const { real, imaginary } = each(transformRows(rows, -1), (t) =>
    reshape(slice(t, [0, 0], [batch * frames, bins]), [batch, frames, bins]),
  )
  return stack([real, imaginary], 3)
}

/** `Σ coefficients[k] · cos(2πk · i / n)`, over a period or up to the last sample. */
const cosineWindow = (coefficients: readonly number[]): Operator => ({
  attributes: ['output_datatype', 'periodic'],
  since: 17,
  host: [0],
  build: (call) => {
    const size = call.number(0, 'the size')
    const code = call.attributes.int('output_datatype', 1)
    const dtype =
      dtypeOf(code) ?? call.fail(`makes elements of type ${elementTypeName(code)}, which is not supported`)
    if (!(size >= 0)) call.fail(`makes a window of ${size} elements`)
    call.checkSize(size, 'float64')
    const period = call.attributes.flag('periodic', true) ? size : size - 1
    const values = Float64Array.from({ length: size }, (_, i) =>
      coefficients.reduce((sum, c, k) => sum + c * Math.cos((2 * Math.PI * k * i) / Math.max(1, period)), 0),
    )
    return cast(tensor(values, [size], 'float64'), dtype)
  },
})

export const signals: Readonly<Record<string, Operator>> = {
  DFT: { attributes: ['axis', 'inverse', 'onesided'], since: 17, host: [1, 2], build: fourier },
  STFT: { attributes: ['onesided'], since: 17, host: [1, 3], build: shortTimeFourier },
  HannWindow: cosineWindow([0.5, -0.5]),
  HammingWindow: cosineWindow([25 / 46, -21 / 46]),
  BlackmanWindow: cosineWindow([0.42, -0.5, 0.08]),
}
