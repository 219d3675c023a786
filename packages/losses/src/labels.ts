// What labels and predictions must have in common. Losses and metrics ask here, so that a mistake reads the same everywhere.
import { cast, expandDims, ShapeError, squeeze, type Tensor } from '@dl/tensor/core'

const show = (x: Tensor): string => `${x.dtype} [${x.shape.join(',')}]`
const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i])

/**
 * Labels as floats with the shape of the predictions. As in Keras a last dimension of 1 that only one of the two has is
 * added or removed: labels `[batch]` fit predictions `[batch, 1]`.
 *
 * @throws ShapeError when the shapes differ otherwise
 */
export function alignLabels(op: string, labels: Tensor, predictions: Tensor): Tensor {
  let y = cast(labels, predictions.dtype)
  if (y.rank === predictions.rank - 1 && predictions.shape[predictions.rank - 1] === 1) y = expandDims(y, -1)
  else if (y.rank === predictions.rank + 1 && y.shape[y.rank - 1] === 1) y = squeeze(y, [y.rank - 1])
  if (!same(y.shape, predictions.shape))
    throw new ShapeError(
      `[${op}] labels and predictions must have equal shapes, got labels ${show(labels)} and predictions ${show(predictions)}` +
        hint(labels, predictions),
    )
  return y
}

/** The usual mistake: class numbers given to a loss that wants one-hot labels. */
function hint(labels: Tensor, predictions: Tensor): string {
  const last = predictions.shape[predictions.rank - 1] ?? 1
  const numbers = labels.rank === predictions.rank - 1 || labels.shape[labels.rank - 1] === 1
  return numbers && last > 1
    ? '; for class numbers use sparseCategoricalCrossentropy or oneHot(labels, classes)'
    : ''
}

/**
 * Class numbers as int32 `[batch, ...]` for predictions `[batch, ..., classes]`; a last dimension of 1 is removed.
 *
 * @throws ShapeError when the shapes do not fit
 */
export function classLabels(op: string, labels: Tensor, predictions: Tensor): Tensor {
  let y = cast(labels, 'int32')
  if (y.rank === predictions.rank && y.shape[y.rank - 1] === 1) y = squeeze(y, [y.rank - 1])
  if (!same(y.shape, predictions.shape.slice(0, -1)))
    throw new ShapeError(
      `[${op}] labels are class numbers of shape [${predictions.shape.slice(0, -1).join(',')}] for predictions ` +
        `${show(predictions)}, got ${show(labels)}; for one-hot labels use the categorical form`,
    )
  return y
}
