// Kernels for people: one line that names a kernel in a profile, and a listing of its loops, expressions and stores.
import type {
  Affine,
  AttentionGradKernel,
  AttentionKernel,
  CumulateKernel,
  Expr,
  Kernel,
  Operand,
  Program,
  RowKernel,
} from '@dl/tensor/backend'

const extent = (sizes: readonly number[]): string => (sizes.length === 0 ? '1' : sizes.join('x'))

export function describeKernel(k: Kernel): {
  readonly name: string
  readonly kind: string
  readonly shape: string
} {
  return { name: k.name, kind: k.kind, shape: shapeOf(k) }
}

function shapeOf(k: Kernel): string {
  switch (k.kind) {
    case 'row':
      return rowShape(k)
    case 'contract':
      return `${k.batch}x${k.m}x${k.n}x${k.k}`
    case 'scatter':
      return `${k.outer}x${k.count}x${k.inner} into ${k.limit}`
    case 'cumulate':
      return `${k.outer}x${k.length}x${k.inner}`
    case 'loop':
      return k.condition ? 'as long as it holds' : `${k.count} times`
    case 'branch':
      return `${k.yes.length} or ${k.no.length} kernels`
    case 'sort':
      return `${k.outer}x${k.length}x${k.inner} to ${k.count}`
    case 'attention':
    case 'attentionGrad':
      return `${k.batch}x${k.queries}x${k.keys}x${k.depth}`
  }
}

function rowShape(k: RowKernel): string {
  const reduced = k.sizes.slice(k.outer)
  return reduced.length === 0 ? extent(k.sizes) : `${extent(k.sizes.slice(0, k.outer))} / ${extent(reduced)}`
}

export function listKernel(k: Kernel, program: Program): string {
  const { name, kind, shape } = describeKernel(k)
  const lines = [`${kind} ${name} [${shape}]`]
  if (k.kind === 'scatter') {
    const start = k.operand === null ? 'zeros' : `b${k.operand}`
    lines.push(`  b${k.out} = scatterAdd(${start}, indices b${k.indices}, updates b${k.updates}): ${k.dtype}`)
    return lines.join('\n')
  }
  if (k.kind === 'cumulate' || k.kind === 'sort') {
    const how = k.kind === 'sort' ? (k.descending ? 'descending' : 'ascending') : cumulation(k)
    lines.push(`  b${k.out} = ${k.kind}(b${k.source}, ${how}): ${k.dtype}`)
    return lines.join('\n')
  }
  if (k.kind === 'attention' || k.kind === 'attentionGrad') return [...lines, ...attention(k)].join('\n')
  if (k.kind === 'loop' || k.kind === 'branch') {
    const parts = k.kind === 'loop' ? [k.condition?.kernels ?? [], k.kernels] : [k.yes, k.no]
    for (const inner of parts.flat())
      lines.push(
        ...listKernel(inner, program)
          .split('\n')
          .map((line) => `  ${line}`),
      )
    return lines.join('\n')
  }
  const loops =
    k.kind === 'contract' ? ['b', 'm', 'n'] : k.sizes.map((_, i) => (i < k.outer ? `i${i}` : `r${i}`))
  if (k.kind === 'contract') lines.push(`  acc = Σk ${operand(k.a, 'm')} · ${operand(k.b, 'n')}: ${k.dtype}`)
  k.exprs.forEach((x, i) => lines.push(`  %${i} = ${expression(x, loops)}: ${x.dtype}`))
  for (const s of k.stores) {
    const fill = s.fill === undefined ? '' : ` (rest ${s.fill})`
    lines.push(
      `  b${s.buffer}[${affine(s.addr, loops)}] = %${s.expr}${fill}  # ${program.buffers[s.buffer]!.dtype}`,
    )
  }
  return lines.join('\n')
}

const cumulation = ({ reduction, exclusive, reverse }: CumulateKernel): string =>
  [reduction, ...(exclusive ? ['exclusive'] : []), ...(reverse ? ['from the end'] : [])].join(' ')
function attention(k: AttentionKernel | AttentionGradKernel): string[] {
  const masked = k.mask ? ` + b${k.mask.buffer}` : ''
  const random = k.dropout ? `, dropout ${k.dropout.rate} of stream b${k.dropout.stream}` : ''
  const lines = [
    `  scores = ${k.scale} * ${operand(k.q, 'q')} · ${operand(k.k, 'k')}${masked}${k.causal ? ', causal' : ''}${random}`,
    `  values = ${operand(k.v, 'k')}`,
  ]
  const results =
    k.kind === 'attention'
      ? { out: k.out, 'log sum': k.logSum }
      : { 'query gradient': k.dq, 'key gradient': k.dk, 'value gradient': k.dv }
  for (const [name, b] of Object.entries(results)) if (b !== null) lines.push(`  b${b} = ${name}`)
  return lines
}

function operand(o: Operand, row: string): string {
  const axis = (name: string, sizes: readonly number[], strides: readonly number[]): string =>
    `${name}(${extent(sizes)} by ${extent(strides)})`
  const bounds = (o.bounds ?? []).map(
    (b) => ` 0 ≤ ${b.base} + ${row}·${extent(b.rows)} + k·${extent(b.ks)} < ${b.limit}`,
  )
  const inside = bounds.length ? ` where${bounds.join(',')}, else 0` : ''
  return `b${o.buffer}[${o.base} + ${axis('b', o.batch.sizes, o.batch.strides)} + ${axis(row, o.rows.sizes, o.rows.strides)} + ${axis('k', o.ks.sizes, o.ks.strides)}]${inside}`
}

function affine(addr: Affine, loops: readonly string[]): string {
  const terms = loops.flatMap((name, i) => {
    const c = addr[i + 1] ?? 0
    return c === 0 ? [] : [c === 1 ? name : `${c}*${name}`]
  })
  if (addr[0] !== 0 || terms.length === 0) terms.unshift(String(addr[0]))
  return terms.join(' + ')
}

function expression(x: Expr, loops: readonly string[]): string {
  switch (x.op) {
    case 'load': {
      const dynamic = (x.dynamic ?? []).map((d) => ` + clamp(%${d.value}, ${d.limit})*${d.stride}`).join('')
      return `b${x.buffer}[${affine(x.addr, loops)}${dynamic}]`
    }
    case 'const':
      return String(x.value)
    case 'scalar':
      return `scalar ${x.slot}`
    case 'index':
      return `index ${affine(x.addr, loops)}`
    case 'map':
      return `${x.fn}(${x.args.map((a) => `%${a}`).join(', ')})`
    case 'reduce':
      return `${x.kind} %${x.args[0]}`
    case 'acc':
      return 'acc'
  }
}
