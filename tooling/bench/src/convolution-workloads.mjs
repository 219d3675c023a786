// Convolutions as workloads: forward, gradient of the input, gradient of the kernel, of the shapes that networks have, and odd
// shapes beside an aligned neighbour. Checked at a few hundred places against sums in double precision.

/** The same pseudo-random numbers in [-1, 1) for every peer. */
function filled(shape, seed) {
  const data = new Float32Array(shape.reduce((n, d) => n * d, 1))
  let x = seed + data.length
  for (let i = 0; i < data.length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff
    data[i] = (x / 0x7fffffff - 0.5) * 2
  }
  return { shape, data }
}

/** Output sizes and padding before, as 'same' has them. */
function samePadding([h, w], kernel, stride, dilation) {
  const outer = [h, w].map((d) => Math.ceil(d / stride))
  const reach = (kernel - 1) * dilation + 1
  const low = [h, w].map((d, i) => Math.max(0, (outer[i] - 1) * stride + reach - d) >> 1)
  return { outer, low }
}

/** Calls `term(image, kernelElement, place)` for all products of a channel pair; the three are flat indices. */
function eachTerm(g, [n, y, x], o, term) {
  const { h, w, c, o: features, kernel, stride, dilation, groups, outer, low, first } = g
  const [own, per] = [c / groups, features / groups]
  const place = first
    ? ((n * features + o) * outer[0] + y) * outer[1] + x
    : ((n * outer[0] + y) * outer[1] + x) * features + o
  for (let ky = 0; ky < kernel; ky++)
    for (let kx = 0; kx < kernel; kx++) {
      const iy = y * stride + ky * dilation - low[0]
      const ix = x * stride + kx * dilation - low[1]
      if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue
      for (let i = 0; i < own; i++) {
        const channel = Math.floor(o / per) * own + i
        const image = first ? ((n * c + channel) * h + iy) * w + ix : ((n * h + iy) * w + ix) * c + channel
        term(image, ((ky * kernel + kx) * own + i) * features + o, place)
      }
    }
}

/** Sums in double precision at some places of the result. */
function expected(part, g, x, w, ct) {
  const sums = new Map()
  const add = (at, value) => sums.set(at, (sums.get(at) ?? 0) + value)
  const { n, outer, o: features } = g
  if (part === 'forward') {
    for (let s = 0; s < 200; s++) {
      const at = [(s * 3) % n, (s * 7919) % outer[0], (s * 104729) % outer[1]]
      const one = new Map()
      eachTerm(g, at, (s * 31) % features, (image, k, place) =>
        one.set(place, (one.get(place) ?? 0) + x.data[image] * w.data[k]),
      )
      for (const [place, sum] of one) sums.set(place, sum)
    }
    return sums
  }
  // every term of the gradients at a few elements
  const size = part === 'input' ? x.data.length : w.data.length
  const wanted = new Set(Array.from({ length: 60 }, (_, s) => (s * 7919 * 31) % size))
  for (let b = 0; b < n; b++)
    for (let y = 0; y < outer[0]; y++)
      for (let column = 0; column < outer[1]; column++)
        for (let o = 0; o < features; o++)
          eachTerm(g, [b, y, column], o, (image, k, place) => {
            if (part === 'input' && wanted.has(image)) add(image, w.data[k] * ct.data[place])
            if (part === 'kernel' && wanted.has(k)) add(k, x.data[image] * ct.data[place])
          })
  return sums
}

function convolution(title, sizes, part = 'forward') {
  const g = { stride: 1, dilation: 1, groups: 1, first: false, ...sizes }
  const { n, h, w, c, o, kernel, stride, dilation, groups, first } = g
  Object.assign(g, samePadding([h, w], kernel, stride, dilation))
  const x = filled(first ? [n, c, h, w] : [n, h, w, c], 1)
  const filter = filled([kernel, kernel, c / groups, o], 2)
  const ct = filled(first ? [n, o, ...g.outer] : [n, ...g.outer, o], 3)
  const terms = (kernel * kernel * c) / groups
  /** @type {Map<number, number> | undefined} */
  let sums
  return {
    name: `conv ${title}${part === 'forward' ? '' : `, gradient of ${part}`}`,
    kind: 'convolution',
    inputs: part === 'forward' ? [x, filter] : [x, filter, ct],
    options: { part, stride, dilation, groups, first },
    flops: 2 * ct.data.length * terms,
    // TensorFlow.js on WebAssembly has channels last only, and no gradient of kernels; jax-js takes seconds
    peers: first || part === 'kernel' ? ['dl'] : ['dl', 'tfjs'],
    tolerance: 1e-5,
    check: (result) => {
      sums ??= expected(part, g, x, filter, ct)
      const scale = Math.sqrt(part === 'kernel' ? ct.data.length / o : terms)
      return Math.max(...Array.from(sums, ([at, sum]) => Math.abs(result[at] - sum) / scale))
    },
  }
}

const network = { n: 8, h: 56, w: 56, c: 64, o: 64 }
const small = { n: 2, h: 28, w: 28, c: 64, o: 64, kernel: 3 }

export const CONVOLUTION_WORKLOADS = [
  convolution('3×3 8×56×56×64→64', { ...network, kernel: 3 }),
  convolution('3×3 8×56×56×64→64', { ...network, kernel: 3 }, 'input'),
  convolution('3×3 2×28×28×64→64', small, 'kernel'),
  convolution('3×3 8×56×56×64→64 channels first', { ...network, kernel: 3, first: true }),
  convolution('3×3 8×56×56×64→64 stride 2', { ...network, kernel: 3, stride: 2 }),
  convolution('3×3 2×28×28×64→64 stride 2', { ...small, stride: 2 }, 'input'),
  convolution('3×3 8×56×56×64→64 dilation 2', { ...network, kernel: 3, dilation: 2 }),
  convolution('1×1 8×56×56×64→64', { ...network, kernel: 1 }),
  convolution('depthwise 3×3 8×56×56×64', { ...network, kernel: 3, groups: 64 }),
  convolution('depthwise 3×3 8×56×56×64', { ...network, kernel: 3, groups: 64 }, 'input'),
  convolution('3×3 1×56×56×64→64', { ...network, n: 1, kernel: 3 }),
  convolution('3×3 1×55×57×63→65', { n: 1, h: 55, w: 57, c: 63, o: 65, kernel: 3 }),
  convolution('5×5 1×56×56×64→64', { ...network, n: 1, kernel: 5 }),
  convolution('3×3 64×8×8×4→8', { n: 64, h: 8, w: 8, c: 4, o: 8, kernel: 3 }),
  convolution('3×3 64×7×7×3→5', { n: 64, h: 7, w: 7, c: 3, o: 5, kernel: 3 }),
]
