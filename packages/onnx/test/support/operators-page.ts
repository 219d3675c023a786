// docs/onnx-operators.md as text: which operators the import knows, from which version on, and how many of ONNX's own tests they pass.
import { OPERATORS } from '../../src/import/operators/index.ts'

/** Tests whose main operator it is. */
export interface Tally {
  /** In the suite. */
  given: number
  /** Of those, ones that need an element type, or another operator, that is not there. */
  beyond: number
  /** Random by definition. */
  random: number
  passed: number
}

const TITLE = `# ONNX operators

What \`importOnnx\` of [@dl/onnx](../packages/onnx) knows of ONNX's own operators (domain \`ai.onnx\`), operator sets 7 to 26, and how
many of the backend tests of ONNX 1.22 (the public ones in \`../shared/onnx-conformance\`, operator sets 7 to 26) each passes. Every
operator is a composition of tensor operations, so it runs on every backend and, where mathematics says so, differentiates.

A file with other operators is refused with one error that lists them all, with the names of their nodes.

- **from**: the operator set that introduced it, where that is later than 7.
- **passed / tests**: tests of the operator. Those in brackets need an element type that tensors do not have yet (float16, int8,
  strings, …) or draw random numbers, which no runtime can repeat; they are not in the count.
- **needs values**: the shape of the result depends on values, which must be constants, or else are computed on the way when the
  model runs (\`run\`); a trace (\`call\`, \`jit\`) says that it needs them.

Written by \`packages/onnx/test/conformance.test.ts\`, which fails when this page is out of date. This writes it again:

    DL_WRITE_DOCS=1 npx vitest run --project onnx test/conformance
`

/** Results as large as values decide. */
const BY_VALUE = new Set(['Compress', 'NonMaxSuppression', 'NonZero', 'Unique'])

const row = (name: string, { given, beyond, random, passed }: Tally): string => {
  const aside = beyond + random
  const from = OPERATORS.get(name)?.since ?? ''
  const count = given === 0 ? '' : `${passed} / ${given - aside}${aside > 0 ? ` (${aside})` : ''}`
  return `| ${name} | ${from} | ${count} | ${BY_VALUE.has(name) ? 'values' : ''} |`
}
const plain = (operator: string): string => operator.replace('ai.onnx::', '')
const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1)

/** @param tallies by `domain::operator`; tests of several operators by `multi:group` */
export function operatorsPage(tallies: ReadonlyMap<string, Tally>): string {
  const none: Tally = { given: 0, beyond: 0, random: 0, passed: 0 }
  const known = [...OPERATORS.keys()].map((name): [string, Tally] => [
    name,
    tallies.get(`ai.onnx::${name}`) ?? none,
  ])
  const groups = [...tallies].filter(([name]) => name.startsWith('multi:'))
  const unknown = [...tallies].filter(([name]) => !name.startsWith('multi:') && !OPERATORS.has(plain(name)))
  const all = [...known, ...groups].map(([, tally]) => tally)
  const total = (part: (tally: Tally) => number): number => all.reduce((sum, tally) => sum + part(tally), 0)
  const comparable = total(({ given, beyond, random }) => given - beyond - random)
  return [
    TITLE,
    `${known.length} operators; ${total(({ passed }) => passed)} of ${comparable} tests pass (${total(({ given }) => given) - comparable} more in brackets).`,
    '',
    '| operator | from | passed / tests | needs |',
    '| --- | --- | --- | --- |',
    ...known.toSorted(byName).map(([name, tally]) => row(name, tally)),
    '',
    '## Whole networks and combinations',
    '',
    '| group | passed / tests |',
    '| --- | --- |',
    ...groups
      .toSorted(byName)
      .map(
        ([name, { given, beyond, passed }]) =>
          `| ${name.replace('multi:', '')} | ${passed} / ${given - beyond}${beyond > 0 ? ` (${beyond})` : ''} |`,
      ),
    '',
    '## Not there',
    '',
    'Operators of the suite that are not imported, with their number of tests:',
    unknown
      .toSorted(byName)
      .map(([name, { given }]) => `${plain(name)} ${given}`)
      .join(', ') + '.',
    '',
  ].join('\n')
}
