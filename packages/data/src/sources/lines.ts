// Text files, line by line.
import { Dataset } from '../dataset.ts'
import type { ByteSource } from './bytes.ts'
import { streamBytes } from './bytes.ts'

/** The text of a source piece by piece; a byte order mark at the start is left out. */
export async function* streamText(
  op: string,
  source: ByteSource,
  encoding: string,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder(encoding)
  for await (const piece of streamBytes(op, source)) yield decoder.decode(piece, { stream: true })
  yield decoder.decode()
}

/**
 * A dataset of the lines of a text file, without their line ends (`\n` or `\r\n`). The file is read piece by piece, anew
 * for every pass, and closed when a pass is left early. `encoding` is a label that TextDecoder knows, default UTF-8.
 *
 * @throws DatasetError (`source`) from the pass when the source cannot be read
 * @example
 * ```ts
 * import { fromFile } from '@dl/data'
 * const lines = fromFile(new Blob(['1 2\n3 4\n']))
 * const points = lines.map((line) => Float32Array.from(line.split(' '), Number))
 * console.log(await points.toArray()) // [Float32Array [1, 2], Float32Array [3, 4]]
 * ```
 */
export function fromFile(source: ByteSource, options: { encoding?: string } = {}): Dataset<string> {
  const { encoding = 'utf-8' } = options
  return new Dataset<string>({
    size: undefined,
    async *iterate() {
      let rest = ''
      for await (const text of streamText('fromFile', source, encoding)) {
        const lines = text.split('\n')
        lines[0] = rest + lines[0]!
        rest = lines.pop()!
        for (const line of lines) yield withoutReturn(line)
      }
      if (rest !== '') yield withoutReturn(rest)
    },
  })
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line)
