// Class numbers from the host are checked before training: in the graph an impossible label would only be no class at all.
import type { HostArray } from '@dl/data'
import { SparseCategoricalCrossentropy, type Loss } from '@dl/losses'
import { TrainingError } from './errors.ts'

/**
 * Throws when a label of a sparse loss is no class of its output.
 *
 * @param classes size of the last dimension of each output, null when unknown
 * @throws TrainingError (`label`) that names the first bad one
 */
export function checkLabels(
  op: string,
  labels: readonly HostArray[],
  losses: readonly Loss[],
  names: readonly string[],
  classes: readonly (number | null)[],
): void {
  labels.forEach((column, output) => {
    const count = classes[output]
    if (!(losses[output] instanceof SparseCategoricalCrossentropy) || typeof count !== 'number') return
    const data = column.data as ArrayLike<number | bigint>
    for (let i = 0; i < data.length; i++) {
      const label = Number(data[i])
      if (Number.isInteger(label) && label >= 0 && label < count) continue
      const perRow = data.length / Math.max(1, (column.shape as readonly number[])[0]!)
      throw new TrainingError(
        'label',
        `[${op}] label ${String(data[i])} of example ${Math.floor(i / perRow)} is outside 0 … ${count - 1}: ` +
          `output '${names[output]}' has ${count} classes`,
      )
    }
  })
}
