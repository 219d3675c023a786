// Finds the examples that readers see: ```ts blocks in Markdown and in the /** … */ comments of sources.
// A block marked ```ts no-run is type-checked only (it needs a browser, a network or hours); one marked ```ts continued goes on
// where the last block that runs ended, as one program.

export interface Example {
  /** Where the block begins, relative to the repository: `packages/tensor/README.md:12`. */
  readonly place: string
  readonly code: string
  readonly run: boolean
}

/** The examples of one file, by its extension. */
export function examplesIn(path: string, text: string): Example[] {
  return path.endsWith('.md')
    ? blocks(path, text, 1)
    : docComments(text).flatMap(({ body, line }) => blocks(path, body, line))
}

function blocks(path: string, text: string, firstLine: number): Example[] {
  const found: Example[] = []
  let open: { line: number; run: boolean; continues: boolean; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^\s*```(?<info>.*)$/.exec(line)?.groups?.['info']?.trim()
    if (open === undefined) {
      if (fence === 'ts' || fence === 'ts no-run' || fence === 'ts continued')
        open = {
          line: firstLine + index,
          run: fence === 'ts',
          continues: fence === 'ts continued',
          lines: [],
        }
    } else if (fence === '') {
      addBlock(`${path}:${open.line}`, open, found)
      open = undefined
    } else open.lines.push(line)
  }
  return found
}

interface Block {
  readonly run: boolean
  readonly continues: boolean
  readonly lines: readonly string[]
}

/** Adds a block to `found`: an example of its own, or the rest of the last one that runs. */
function addBlock(place: string, { run, continues, lines }: Block, found: Example[]): void {
  const code = lines.join('\n')
  const last = found.findLastIndex((example) => example.run)
  if (!continues) found.push({ place, code, run })
  else if (last < 0) throw new Error(`${place} continues a block that runs, but there is none before it`)
  else found[last] = { ...found[last]!, code: `${found[last]!.code}\n${code}` }
}

/** Bodies of doc comments without their leading stars; a line keeps its number. */
function docComments(source: string): { body: string; line: number }[] {
  return [...source.matchAll(/\/\*\*[\s\S]*?\*\//g)].map((match) => ({
    body: match[0].replace(/^\/\*\*|\*\/$/g, '').replace(/^[ \t]*\* ?/gm, ''),
    line: source.slice(0, match.index).split('\n').length,
  }))
}

/**
 * Docstrings may leave out the imports that their place makes obvious. Adds one import for each door whose exports the code
 * uses without importing or declaring them; the first door that has a name provides it.
 */
export function withImports(code: string, doors: Readonly<Record<string, readonly string[]>>): string {
  const known = new Set([
    ...[...code.matchAll(/import\s+(?:type\s+)?\{([^}]*)\}/g)].flatMap(
      ([, names = '']) => names.match(/\w+/g) ?? [],
    ),
    ...[...code.matchAll(/\b(?:const|let|var|function|class|type|interface)\s+(\w+)/g)].map(
      ([, name = '']) => name,
    ),
    ...[...code.matchAll(/\b(?:const|let)\s+[{[]([^}\]]*)[}\]]\s*=/g)].flatMap(
      ([, names = '']) => names.match(/\w+/g) ?? [],
    ),
  ])
  const used = new Set(withoutStrings(code).match(/(?<![.\w$])[A-Za-z_$][\w$]*(?!\s*:(?!:))/g))
  const lines: string[] = []
  for (const [door, names] of Object.entries(doors)) {
    const needed = names.filter((name) => used.has(name) && !known.has(name))
    for (const name of needed) known.add(name)
    if (needed.length > 0) lines.push(`import { ${needed.join(', ')} } from '${door}'`)
  }
  return [...lines, code].join('\n')
}

function withoutStrings(code: string): string {
  return code.replace(/\/\/.*$/gm, '').replace(/'[^'\n]*'|"[^"\n]*"/g, "''")
}
