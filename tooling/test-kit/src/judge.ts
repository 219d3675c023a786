// A judge is somebody else's result that our code must reproduce: PyTorch, Keras, Tint, ….
// Its numbers live in ../shared (or wherever DL_SHARED points) or, copied, in the package's own fixtures. The tests of a
// judge run inside `judge(…)`, so that the reporter can print which judges ran and refuse a run that left one out.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The read-only material beside the project; it need not exist. */
export const sharedFolder: string = process.env.DL_SHARED ?? join(root, '../shared')

export interface JudgeOptions {
  /** The folder or file inside `../shared` that holds the judge's numbers, e.g. `'oracles/ops'`. */
  readonly needs: string
  /** A copy of the same numbers inside the project (absolute path); preferred because it is always there. */
  readonly fixture?: string
}

/**
 * A `describe` block whose expectations come from outside. Its body receives the folder with the numbers; where neither the
 * fixture nor the shared folder exists, one visible skipped test stands in its place.
 *
 * ```ts no-run
 * judge('PyTorch operators', { needs: 'oracles/ops' }, (folder) => {
 *   it.each(readCases(folder))('$name', (row) => expect(run(row)).toBeCloseTo(row.expected))
 * })
 * ```
 */
export function judge(name: string, options: JudgeOptions, body: (folder: string) => void): void {
  const folder = judgeFolder(options)
  const title = judgeTitle(name, options.needs)
  if (folder === undefined) {
    describe(title, () => {
      it.skip(`needs ../shared/${options.needs}`, () => {})
    })
    return
  }
  describe(title, () => body(folder))
}

/** Where a judge's numbers are: its fixture, else the shared folder, else nowhere. */
export function judgeFolder({ needs, fixture }: JudgeOptions): string | undefined {
  return [fixture, join(sharedFolder, needs)].find((place) => place !== undefined && existsSync(place))
}

/** The suite name by which the reporter recognizes a judge. */
function judgeTitle(name: string, needs: string): string {
  return `judge: ${name} (${needs})`
}
