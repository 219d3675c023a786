// The kernel language for people: one line an expression, loops and addresses spelled out.
import type {
  Affine,
  AttentionGradKernel,
  AttentionKernel,
  ContractKernel,
  CumulateKernel,
  Expr,
  Kernel,
  LoopKernel,
  Operand,
  Place,
  Program,
  RowKernel,
  ScatterKernel,
  SortKernel,
} from '../backend/ir.ts'
import { bytesOf } from '../graph/dtype.ts'

/** `4·i + j + 2` for `[2, 4, 1]` over loops `i`, `j`. */
export function showAffine(form: Affine, names: readonly string[]): string {
  const terms = form.slice(1).flatMap((c, i) => (c === 0 ? [] : [c === 1 ? names[i]! : `${c}·${names[i]!}`]))
  if (form[0] !== 0 || !terms.length) terms.push(String(form[0]))
  return terms.join(' + ').replaceAll('+ -', '- ')
}

function showExpr(e: Expr, names: readonly string[]): string {
  switch (e.op) {
    case 'load': {
      const picks = (e.dynamic ?? []).map((d) => ` + ${d.stride}·clamp(e${d.value}, ${d.limit})`)
      return `b${e.buffer}[${showAffine(e.addr, names)}${picks.join('')}]`
    }
    case 'const':
      return Object.is(e.value, -0) ? '-0' : String(e.value)
    case 'scalar':
      return `scalar ${e.slot}`
    case 'index':
      return showAffine(e.addr, names)
    case 'map':
      return `${e.fn === 'cast' || e.fn === 'bitcast' ? `${e.fn} ${e.dtype} of ` : `${e.fn} `}${e.args.map((a) => `e${a}`).join(', ')}`
    case 'reduce':
      return `${e.kind} over the row of e${e.args[0]}`
    case 'acc':
      return 'the product'
  }
}

function showBody(kernel: RowKernel | ContractKernel, names: readonly string[]): string[] {
  return [
    ...kernel.exprs.map((e, i) => `  e${i} = ${showExpr(e, names)}`),
    ...kernel.stores.map((s) => {
      const fill = s.fill === undefined ? '' : ` (rest ${String(s.fill)})`
      return `  b${s.buffer}[${showAffine(s.addr, names)}] = e${s.expr}${fill}`
    }),
  ]
}

function showRow(kernel: RowKernel): string[] {
  const names = kernel.sizes.map((_, i) => (i < kernel.outer ? `i${i}` : `k${i - kernel.outer}`))
  const loop = (from: number, to: number): string =>
    names
      .slice(from, to)
      .map((name, i) => `${name} < ${kernel.sizes[from + i]}`)
      .join(', ') || 'once'
  const reduced = kernel.outer < kernel.sizes.length ? `; reduced ${loop(kernel.outer, names.length)}` : ''
  return [`row ${kernel.name}: ${loop(0, kernel.outer)}${reduced}`, ...showBody(kernel, names)]
}

function showOperand({ buffer, base, batch, rows, ks, bounds = [] }: Operand): string {
  const axis = ({ sizes, strides }: Operand['rows']): string =>
    sizes.map((n, i) => `${n}·${strides[i]}`).join(' ')
  const inside = bounds.map(
    (b) => ` | 0 ≤ ${b.base} + rows ${b.rows.join(' ')} + terms ${b.ks.join(' ')} < ${b.limit}`,
  )
  return `b${buffer}${base ? ` + ${base}` : ''} (batch ${axis(batch)} | rows ${axis(rows)} | terms ${axis(ks)}${inside.join('')})`
}

function showContract(kernel: ContractKernel): string[] {
  const { name, batch, m, n, k } = kernel
  return [
    `product ${name}: ${batch > 1 ? `${batch} × ` : ''}${m} × ${n}, ${k} terms`,
    `  left ${showOperand(kernel.a)}`,
    `  right ${showOperand(kernel.b)}`,
    ...showBody(kernel, ['batch', 'm', 'n']),
  ]
}

function showScatter({
  name,
  outer,
  limit,
  count,
  inner,
  out,
  operand,
  indices,
  updates,
}: ScatterKernel): string[] {
  const start = operand === null ? 'zeros' : `b${operand}`
  return [
    `scatter ${name}: b${out} = ${start}, b${updates} added at b${indices}; ${outer} × ${count} of ${limit} × ${inner}`,
  ]
}

function showLine(kernel: CumulateKernel | SortKernel): string[] {
  const { name, outer, length, inner, source, out } = kernel
  const what =
    kernel.kind === 'sort'
      ? `positions of the ${kernel.count} ${kernel.descending ? 'greatest' : 'least'}`
      : `running ${kernel.reduction}${kernel.exclusive ? ', exclusive' : ''}${kernel.reverse ? ', from the end' : ''}`
  return [`${kernel.kind} ${name}: b${out} = ${what} of b${source}; ${outer} × ${length} × ${inner}`]
}

function showAttention(kernel: AttentionKernel | AttentionGradKernel): string[] {
  const { kind, name, batch, queries, keys, depth, valueDepth, causal, scale, dropout } = kernel
  const head = `${kind} ${name}: ${batch} × ${queries} queries × ${keys} keys, depth ${depth}, values ${valueDepth}`
  const how = `  scale ${scale}${causal ? ', causal' : ''}${dropout ? `, dropout ${dropout.rate}` : ''}`
  const results =
    kind === 'attention'
      ? { out: kernel.out, logSum: kernel.logSum }
      : { dq: kernel.dq, dk: kernel.dk, dv: kernel.dv }
  return [
    head,
    how,
    ...(['q', 'k', 'v', 'mask'] as const).flatMap((x) =>
      kernel[x] ? [`  ${x} ${showOperand(kernel[x])}`] : [],
    ),
    ...(kind === 'attentionGrad'
      ? [`  ct ${showOperand(kernel.ct)}`, `  logSum b${kernel.logSum}, delta b${kernel.delta}`]
      : []),
    ...Object.entries(results).flatMap(([part, b]) => (b === null ? [] : [`  b${b} = ${part}`])),
  ]
}

const indented = (kernels: readonly Kernel[]): string[] =>
  kernels.flatMap((k) => linesOf(k).map((line) => `  ${line}`))

function showLoop({ name, count, condition, kernels, windows, carries }: LoopKernel): string[] {
  return [
    condition ? `loop ${name}: while b${condition.buffer}` : `loop ${name}: ${count} times`,
    ...windows.map((w) => `  b${w.buffer} = b${w.of} from ${w.start}, ${w.step} a step`),
    ...carries.map(
      (c) => `  b${c.buffer} = b${c.initial}, then b${c.next} of the step before (b${c.last}, b${c.spare})`,
    ),
    ...(condition ? ['  condition:', ...indented(condition.kernels), '  body:'] : []),
    ...indented(kernels),
  ]
}

function linesOf(kernel: Kernel): string[] {
  switch (kernel.kind) {
    case 'row':
      return showRow(kernel)
    case 'contract':
      return showContract(kernel)
    case 'scatter':
      return showScatter(kernel)
    case 'cumulate':
    case 'sort':
      return showLine(kernel)
    case 'attention':
    case 'attentionGrad':
      return showAttention(kernel)
    case 'loop':
      return showLoop(kernel)
    case 'branch':
      return [
        `branch ${kernel.name}: if b${kernel.predicate}`,
        ...indented(kernel.yes),
        'else',
        ...indented(kernel.no),
      ]
  }
}

/** One kernel as lines of text. */
export const showKernel = (kernel: Kernel): string => linesOf(kernel).join('\n')

function showPlace(place: Place): string {
  if (place.kind === 'loop') return 'where its loop says'
  return place.kind === 'param' ? `slot ${place.slot}` : `arena ${place.offset}`
}

/** Kernels in execution order, then buffers with their places. `names` says what lies in each buffer. */
export function showProgram(program: Program, names: readonly string[] = []): string {
  const kernels = program.kernels.map((k, i) => `#${i} ${showKernel(k)}`)
  const buffers = program.buffers.map(({ dtype, size, place }, i) => {
    const where = showPlace(place)
    return `b${i} ${names[i] ?? ''} ${dtype} × ${size} (${size * bytesOf(dtype)} bytes) at ${where}`
  })
  return [...kernels, '', ...buffers, `arena: ${program.arenaBytes} bytes`].join('\n')
}
