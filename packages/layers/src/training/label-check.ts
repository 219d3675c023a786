// Class numbers from the host are checked before they are trained on: in the graph an impossible label would only be no class
// at all.
import { SparseCategoricalCrossentropy, type Loss } from '@dl/losses'
import { TrainingError } from './errors.ts'

/** Labels of one output on the host; undefined when they are not there. */
export type HostLabels = { readonly data: unknown; readonly shape: readonly number[] } | undefined

/** Whether there is anything to check. */
export const hasClassNumbers = (losses: readonly Loss[]): boolean =>
  losses.some((loss) => loss instanceof SparseCategoricalCrossentropy)

/**
 * Throws when a label of a sparse loss is no class of its output.
 *
 * @param labels for each output
 * @param classes size of the last dimension of each output, null when unknown
 * @param place where the examples are, for the error: `' of batch 3'`
 * @throws TrainingError (`label`) that names the first bad one
 */
export function checkLabels(
  op: string,
  labels: readonly HostLabels[],
  losses: readonly Loss[],
  names: readonly string[],
  classes: readonly (number | null)[],
  place: string = '',
): void {
  labels.forEach((column, output) => {
    const count = classes[output]
    if (!column || !(losses[output] instanceof SparseCategoricalCrossentropy) || typeof count !== 'number')
      return
    const data = column.data as ArrayLike<number | bigint>
    for (let i = 0; i < data.length; i++) {
      const label = Number(data[i])
      if (Number.isInteger(label) && label >= 0 && label < count) continue
      const perRow = data.length / Math.max(1, column.shape[0]!)
      throw new TrainingError(
        'label',
        `[${op}] label ${String(data[i])} of example ${Math.floor(i / perRow)}${place} is outside 0 … ${count - 1}: ` +
          `output '${names[output]}' has ${count} classes`,
      )
    }
  })
}
