// Functions that WGSL lacks, or whose accuracy its specification leaves too loose (exp: 3 + 2|x| ulp, sin: 2^-11 absolute).
// Each is emitted once in a module that uses it, with what it needs. Polynomials are Cephes' unless a line says otherwise.
import { threefrySource } from './threefry.ts'

/** Every function of the library. */
export type LibraryName =
  | 'from_bits'
  | 'is_nan'
  | 'below_infinity'
  | 'exact'
  | 'max_f32'
  | 'min_f32'
  | 'i32_from_f32'
  | 'div_i32'
  | 'rem_i32'
  | 'div_u32'
  | 'rem_u32'
  | 'pow_u32'
  | 'pow_i32'
  | 'rem_f32'
  | 'exp_f32'
  | 'log_f32'
  | 'pow_f32'
  | 'tanh_f32'
  | 'sigmoid_f32'
  | 'erf_f32'
  | 'circle_f32'
  | 'sin_f32'
  | 'cos_f32'
  | 'threefry'

interface LibraryFunction {
  readonly needs?: readonly LibraryName[]
  readonly code: string
}

/** Joins polynomial coefficients, highest power first, to Horner's scheme in `x`. */
const horner = (x: string, ...coefficients: string[]): string =>
  coefficients.reduce((sum, c) => (sum ? `fma(${sum}, ${x}, ${c})` : c), '')

const FUNCTIONS: Readonly<Record<LibraryName, LibraryFunction>> = {
  from_bits: {
    // a call is no constant expression, so NaN and infinity pass
    code: 'fn from_bits(bits: u32) -> f32 { return bitcast<f32>(bits); }',
  },
  is_nan: {
    code: 'fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }',
  },
  below_infinity: {
    code: 'fn below_infinity(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) <= 0x7f800000u && bitcast<u32>(x) != 0x7f800000u; }',
  },
  exact: {
    // Compilers may regroup float sums: (x + 1) - 1 becomes x, two-part constants melt into one. They cannot look through an
    // exclusive or with a word that they do not know to be zero (`zero_bits`, see module.ts).
    code: 'fn exact(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ zero_bits); }',
  },
  max_f32: {
    // NaN wins, and +0 is greater than -0
    needs: ['is_nan'],
    code: `fn max_f32(a: f32, b: f32) -> f32 {
  let larger = select(max(a, b), bitcast<f32>(bitcast<u32>(a) & bitcast<u32>(b)), a == b);
  return select(select(larger, b, is_nan(b)), a, is_nan(a));
}`,
  },
  min_f32: {
    needs: ['is_nan'],
    code: `fn min_f32(a: f32, b: f32) -> f32 {
  let smaller = select(min(a, b), bitcast<f32>(bitcast<u32>(a) | bitcast<u32>(b)), a == b);
  return select(select(smaller, b, is_nan(b)), a, is_nan(a));
}`,
  },
  i32_from_f32: {
    needs: ['is_nan'],
    code: `fn i32_from_f32(x: f32) -> i32 {
  let inside = i32(clamp(x, -2147483648.0f, 2147483520.0f));
  let clamped = select(select(inside, 2147483647i, x >= 2147483648.0f), i32(-2147483648), x <= -2147483648.0f);
  return select(clamped, 0i, is_nan(x));
}`,
  },
  div_i32: {
    code: `fn div_i32(a: i32, b: i32) -> i32 {
  if (b == 0i) { return 0i; }
  if (b == -1i) { return -a; }
  return a / b;
}`,
  },
  rem_i32: {
    code: `fn rem_i32(a: i32, b: i32) -> i32 {
  if (b == 0i || b == -1i) { return 0i; }
  return a % b;
}`,
  },
  div_u32: { code: 'fn div_u32(a: u32, b: u32) -> u32 { return select(a / max(b, 1u), 0u, b == 0u); }' },
  rem_u32: { code: 'fn rem_u32(a: u32, b: u32) -> u32 { return select(a % max(b, 1u), 0u, b == 0u); }' },
  pow_u32: {
    code: `fn pow_u32(a: u32, b: u32) -> u32 {
  var result = 1u;
  var square = a;
  for (var rest = b; rest > 0u; rest = rest >> 1u) {
    if ((rest & 1u) != 0u) { result = result * square; }
    square = square * square;
  }
  return result;
}`,
  },
  pow_i32: {
    needs: ['pow_u32'],
    code: `fn pow_i32(a: i32, b: i32) -> i32 {
  if (b >= 0i) { return bitcast<i32>(pow_u32(bitcast<u32>(a), u32(b))); }
  if (a == 1i) { return 1i; }
  return select(0i, select(1i, -1i, (b & 1i) != 0i), a == -1i);
}`,
  },
  rem_f32: {
    // long division by subtracting y · 2^n: every difference is exact (Sterbenz), as C's fmod
    needs: ['from_bits'],
    code: `fn rem_f32(a: f32, b: f32) -> f32 {
  let sign = bitcast<u32>(a) & 0x80000000u;
  var x = bitcast<u32>(a) & 0x7fffffffu;
  let y = bitcast<u32>(b) & 0x7fffffffu;
  if (x >= 0x7f800000u || y > 0x7f800000u || y < 0x00800000u) { return from_bits(0x7fc00000u); }
  for (var step = 0; step < 300 && x >= y; step++) {
    var t = bitcast<f32>(y + (((x >> 23u) - (y >> 23u)) << 23u));
    if (t > bitcast<f32>(x)) { t = t * 0.5f; }
    x = bitcast<u32>(bitcast<f32>(x) - t);
  }
  return bitcast<f32>(x | sign);
}`,
  },
  exp_f32: {
    needs: ['is_nan', 'exact'],
    code: `fn exp_f32(x: f32) -> f32 {
  let y = clamp(x, -104.0f, 89.0f);
  let n = round(y * 1.44269504f);
  let r = fma(n, 2.12194440e-4f, exact(fma(n, -0.693359375f, y)));
  let p = ${horner('r', '1.9875691500e-4f', '1.3981999507e-3f', '8.3334519073e-3f', '4.1665795894e-2f', '1.6666665459e-1f', '5.0000001201e-1f')};
  let q = fma(p, r * r, r) + 1.0f;
  let i = i32(n);
  let half = i >> 1u;
  let scaled = q * bitcast<f32>((half + 127i) << 23u) * bitcast<f32>((i - half + 127i) << 23u);
  return select(scaled, x, is_nan(x));
}`,
  },
  log_f32: {
    needs: ['is_nan', 'from_bits', 'exact'],
    code: `fn log_f32(x: f32) -> f32 {
  if (is_nan(x) || x < 0.0f) { return from_bits(0x7fc00000u); }
  if (x == 0.0f) { return from_bits(0xff800000u); }
  if (bitcast<u32>(x) == 0x7f800000u) { return x; }
  let subnormal = bitcast<u32>(x) < 0x00800000u;
  let bits = bitcast<u32>(select(x, x * 8388608.0f, subnormal));
  var e = f32(i32(bits >> 23u) - 126i - select(0i, 23i, subnormal));
  var m = bitcast<f32>((bits & 0x007fffffu) | 0x3f000000u);
  if (m < 0.70710678f) {
    e = e - 1.0f;
    m = m + m - 1.0f;
  } else {
    m = m - 1.0f;
  }
  let z = m * m;
  let p = ${horner('m', '7.0376836292e-2f', '-1.1514610310e-1f', '1.1676998740e-1f', '-1.2420140846e-1f', '1.4249322787e-1f', '-1.6668057665e-1f', '2.0000714765e-1f', '-2.4999993993e-1f', '3.3333331174e-1f')};
  let low = fma(z, -0.5f, fma(e, -2.12194440e-4f, p * m * z));
  return fma(e, 0.693359375f, exact(m + low));
}`,
  },
  pow_f32: {
    needs: ['exp_f32', 'log_f32', 'is_nan', 'from_bits'],
    code: `fn pow_f32(a: f32, b: f32) -> f32 {
  if (b == 0.0f) { return 1.0f; }
  if (is_nan(a) || is_nan(b)) { return from_bits(0x7fc00000u); }
  let whole = trunc(b) == b;
  if (a < 0.0f && !whole && bitcast<u32>(a) != 0xff800000u) { return from_bits(0x7fc00000u); }
  let size = exp_f32(b * log_f32(abs(a)));
  let odd = whole && trunc(b * 0.5f) != b * 0.5f;
  return select(size, -size, odd && (bitcast<u32>(a) >> 31u) == 1u);
}`,
  },
  tanh_f32: {
    needs: ['exp_f32'],
    code: `fn tanh_f32(x: f32) -> f32 {
  let size = abs(x);
  if (size < 0.625f) {
    let z = x * x;
    let p = ${horner('z', '-5.70498872745e-3f', '2.06390887954e-2f', '-5.37397155531e-2f', '1.33314422036e-1f', '-3.33332819422e-1f')};
    return fma(p * z, x, x);
  }
  let t = 1.0f - 2.0f / (exp_f32(size + size) + 1.0f);
  return select(t, -t, x < 0.0f);
}`,
  },
  sigmoid_f32: {
    needs: ['exp_f32'],
    code: 'fn sigmoid_f32(x: f32) -> f32 { return 1.0f / (1.0f + exp_f32(-x)); }',
  },
  erf_f32: {
    // N. Juffa's approximation: about 1 ulp
    needs: ['exp_f32'],
    code: `fn erf_f32(x: f32) -> f32 {
  let t = abs(x);
  let s = x * x;
  if (t > 0.927734375f) {
    let u = min(t, 4.0f);
    let v = u * u;
    var r = fma(fma(-1.72853470e-5f, u, 3.83197126e-4f), v, fma(-3.88396438e-3f, u, 2.42546219e-2f));
    r = ${horner('u', 'r', '-1.06777877e-1f', '-6.34846687e-1f', '-1.28717512e-1f')};
    let tail = 1.0f - exp_f32(fma(r, u, -u));
    return select(tail, -tail, x < 0.0f);
  }
  let p = ${horner('s', '-5.96761703e-4f', '4.99119423e-3f', '-2.67681349e-2f', '1.12819925e-1f', '-3.76125336e-1f', '1.28379166e-1f')};
  return fma(p, x, x);
}`,
  },
  circle_f32: {
    // sin(x + turns · π/2): Cody and Waite's reduction in three parts
    needs: ['exact'],
    code: `fn circle_f32(x: f32, turns: i32) -> f32 {
  let n = round(x * 0.636619772f);
  let first = exact(fma(n, -1.5703125f, x));
  let second = exact(fma(n, -4.837512969970703125e-4f, first));
  let r = fma(n, -7.54978995489e-8f, second);
  let z = r * r;
  let s = fma(${horner('z', '-1.9515295891e-4f', '8.3321608736e-3f', '-1.6666654611e-1f')} * z, r, r);
  let c = fma(${horner('z', '2.443315711809948e-5f', '-1.388731625493765e-3f', '4.166664568298827e-2f')}, z * z, fma(z, -0.5f, 1.0f));
  let quadrant = (i32(n) + turns) & 3i;
  let value = select(s, c, (quadrant & 1i) == 1i);
  return select(value, -value, quadrant >= 2i);
}`,
  },
  sin_f32: {
    needs: ['circle_f32'],
    code: `fn sin_f32(x: f32) -> f32 {
  if (abs(x) > 32768.0f) { return sin(x); }
  return circle_f32(x, 0i);
}`,
  },
  cos_f32: {
    needs: ['circle_f32'],
    code: `fn cos_f32(x: f32) -> f32 {
  if (abs(x) > 32768.0f) { return cos(x); }
  return circle_f32(x, 1i);
}`,
  },
  threefry: { code: threefrySource() },
}

/** Collects the library functions that one module calls. */
export class Library {
  readonly #used = new Set<LibraryName>()

  /** Marks `name` and what it needs as used; returns the name to call. */
  use(name: LibraryName): LibraryName {
    if (this.#used.has(name)) return name
    for (const other of FUNCTIONS[name].needs ?? []) this.use(other)
    this.#used.add(name)
    return name
  }

  /** True when the module needs the word that is always zero. */
  get needsZero(): boolean {
    return this.#used.has('exact')
  }

  /** Definitions of everything used, callees first. */
  definitions(): string[] {
    return [...this.#used].map((name) => FUNCTIONS[name].code)
  }
}
