// What is printed once the network is trained: score, digits, confusion matrix, and what to try next.
import { commonConfusions, confusionMatrix, drawConfusion } from './confusion.ts'
import { digitsPerRow, drawDigits } from './digits.ts'
import type { NetworkName } from './network.ts'
import type { LabelledImages, Predictions } from './predictions.ts'
import { firstOfEach, surestMistakes } from './predictions.ts'
import type { Terminal } from './terminal.ts'
import { paint, percent, withCommas } from './terminal.ts'

export interface Outcome {
  readonly epochs: number
  readonly trainingImages: number
  /** Seconds of training in this run, and epochs that it took; undefined when nothing was left to train. */
  readonly spent?: { readonly seconds: number; readonly epochs: number } | undefined
  readonly testImages: number
  readonly loss: number
  readonly accuracy: number
}

export function scoreText(outcome: Outcome, terminal: Terminal): string {
  const { epochs, trainingImages, spent, testImages, loss, accuracy } = outcome
  const seen = `${withCommas(epochs * trainingImages)} training images seen (${epochs} × ${withCommas(trainingImages)})`
  const speed =
    spent === undefined
      ? ''
      : ` in ${spent.seconds.toFixed(1)} s, ${(spent.seconds / spent.epochs).toFixed(2)} s an epoch`
  return [
    `${seen}${speed}`,
    `${withCommas(testImages)} test images: accuracy ${paint(terminal, 'bold', percent(accuracy))}, loss ${loss.toFixed(4)}`,
  ].join('\n')
}

/** Test digits with predictions: a row of each kind of digit, a row of the surest mistakes. */
export function digitsText(images: LabelledImages, predictions: Predictions, terminal: Terminal): string {
  const perRow = digitsPerRow(terminal)
  const mistakes = surestMistakes(images, predictions, perRow)
  const parts = [
    paint(terminal, 'bold', 'Some digits it has not seen before'),
    drawDigits(firstOfEach(images, predictions, perRow * (perRow < 5 ? 2 : 1)), terminal),
  ]
  if (mistakes.length > 0)
    parts.push(paint(terminal, 'bold', 'Wrong, and sure of it'), drawDigits(mistakes, terminal))
  return parts.join('\n\n')
}

export function confusionText(images: LabelledImages, predictions: Predictions, terminal: Terminal): string {
  const matrix = confusionMatrix(images.digits, predictions.digits)
  const often = commonConfusions(matrix, 3).map(
    ({ label, predicted, count }) => `${label} taken for ${predicted} (${count}×)`,
  )
  return [
    paint(terminal, 'bold', 'Confusion matrix'),
    drawConfusion(matrix, terminal),
    ...(often.length > 0 ? [`Most often: ${often.join(', ')}.`] : []),
  ].join('\n')
}

/** A file that was written, and read back to see that it holds what it should. */
export interface SavedFile {
  readonly name: string
  readonly bytes: number
  /** What was compared after reading it. */
  readonly proof: string
}

export function savedText(folder: string, files: readonly SavedFile[], terminal: Terminal): string {
  const size = ({ bytes }: SavedFile): string => `${withCommas(bytes)} bytes`
  const width = Math.max(...files.map(({ name }) => name.length))
  const sizeWidth = Math.max(...files.map((file) => size(file).length))
  const lines = files.map((file) =>
    [
      paint(terminal, 'green', '  ✓'),
      paint(terminal, 'cyan', file.name.padEnd(width)),
      ` ${size(file).padStart(sizeWidth)} `,
      file.proof,
    ].join(' '),
  )
  return [
    `${paint(terminal, 'bold', 'Saved')} in ${folder}, and read back`,
    ...lines,
    '  ONNX Runtime, and everything else that reads ONNX, can run mnist.onnx.',
  ].join('\n')
}

export function nextStepsText(network: NetworkName, epochs: number, terminal: Terminal): string {
  const steps: [command: string, what: string][] = [
    [`npm start -- --resume --epochs ${2 * epochs}`, 'go on where this run ended'],
    network === 'cnn'
      ? ['npm start -- --model dense', 'a network without convolutions: much faster, and wrong more often']
      : ['npm start -- --model cnn', 'a network with convolutions: slower, and wrong half as often'],
    ['npm start -- --batch-size 32 --seed 7', 'smaller steps, other random numbers'],
    ['apps/first-network/src/network.ts', 'the network: give it more units, another layer'],
    ['npm run example 03', 'the training loop written by hand'],
    ['npm run example 06', 'a network from PyTorch learns two more digits and goes back as ONNX'],
  ]
  const width = Math.max(...steps.map(([command]) => command.length))
  return [
    paint(terminal, 'bold', 'Try next'),
    ...steps.map(([command, what]) => `  ${paint(terminal, 'cyan', command.padEnd(width))}  ${what}`),
  ].join('\n')
}
