// The first network: learns 60,000 handwritten digits, shows what it learned, saves and reloads its weights.
// This is the program behind `npm start`.
import '@dl/backend-cpu'
import { mnist } from '@dl/data/mnist'
import type { MnistSplit } from '@dl/data/mnist'
import { setRandomSeed } from '@dl/layers'
import type { Sequential } from '@dl/layers'
import { random } from '@dl/tensor/core'
import { join } from 'node:path'
import { writeAtomically } from './atomic-file.ts'
import type { Progress } from './checkpoint.ts'
import { CheckpointError, loadCheckpoint, saveCheckpoint } from './checkpoint.ts'
import { listenForInterrupt } from './interrupt.ts'
import { digitNetwork } from './network.ts'
import type { Options } from './options.ts'
import { HELP, parseOptions, UsageError } from './options.ts'
import { mostLikely } from './predictions.ts'
import { confusionText, digitsText, nextStepsText, scoreText } from './report.ts'
import { paint, terminalOf, withCommas } from './terminal.ts'
import type { Trained } from './training.ts'
import { trainFrom } from './training.ts'

const terminal = terminalOf(process.stdout, process.env)
const say = (text: string): void => console.log(text)
/** Batch size where nothing is learned and only speed counts. */
const EVALUATION_BATCH = 1000

/** @returns the exit code: 130, as shells expect, when Ctrl-C stopped training */
async function run(options: Options): Promise<number> {
  const checkpoint = join(options.out, 'checkpoint.safetensors')
  const { train, test } = await mnist()
  say(
    `${withCommas(train.size)} training images, ${withCommas(test.size)} test images, 28 × 28 pixels each\n`,
  )

  setRandomSeed(options.seed)
  random.seed(options.seed)
  const model = digitNetwork()
  model.summary()
  const from = options.resume
    ? await loadCheckpoint(checkpoint, model)
    : { epoch: 0, seed: options.seed, batchSize: options.batchSize }
  if (!options.resume) await saveCheckpoint(checkpoint, model, from)

  const trained = await trainRest(model, train, test, from, options, checkpoint)
  if (trained.stopped) {
    say(`\nStopped. ${checkpoint} holds the network after epoch ${trained.epoch}; to go on:`)
    say(`  ${paint(terminal, 'cyan', 'npm start -- --resume')}`)
    return 130
  }
  await show(model, train, test, trained, from)
  await saveAndReload(model, test, options.out)
  say(`\n${nextStepsText(trained.epoch, terminal)}`)
  return 0
}

async function trainRest(
  model: Sequential,
  train: MnistSplit,
  test: MnistSplit,
  from: Progress,
  { epochs }: Options,
  checkpoint: string,
): Promise<Trained> {
  if (from.epoch >= epochs) {
    say(`\nThe checkpoint has ${from.epoch} epochs already; for more: --resume --epochs ${from.epoch + 5}`)
    return { epoch: from.epoch, seconds: 0, stopped: false }
  }
  if (from.epoch > 0)
    say(`\nGoing on after epoch ${from.epoch} (seed ${from.seed}, batch size ${from.batchSize})`)
  say('')
  using interrupt = listenForInterrupt(process, () => say('\nStopping …'))
  return await trainFrom({ model, train, test, from, epochs, checkpoint, signal: interrupt.signal })
}

async function show(
  model: Sequential,
  train: MnistSplit,
  test: MnistSplit,
  trained: Trained,
  from: Progress,
): Promise<void> {
  const evaluated = await model.evaluate(test.images, test.labels, { batchSize: EVALUATION_BATCH })
  const epochs = trained.epoch - from.epoch
  const outcome = {
    epochs: trained.epoch,
    trainingImages: train.size,
    spent: epochs > 0 ? { seconds: trained.seconds, epochs } : undefined,
    testImages: test.size,
    loss: evaluated['loss'],
    accuracy: evaluated['accuracy'],
  }
  say(`\n${scoreText(outcome, terminal)}`)
  const predictions = mostLikely(await predict(model, test))
  say(`\n${digitsText(test, predictions, terminal)}`)
  say(`\n${confusionText(test, predictions, terminal)}`)
}

/** Probabilities of all test images, `[n · 10]`. */
async function predict(model: Sequential, { images }: MnistSplit): Promise<Float32Array> {
  using probabilities = await model.predict(images, { batchSize: EVALUATION_BATCH })
  return (await probabilities.data()) as Float32Array
}

/** Writes the weights, reads them into a new network and compares what the two say about every test image. */
async function saveAndReload(model: Sequential, test: MnistSplit, folder: string): Promise<void> {
  const path = join(folder, 'weights.safetensors')
  const bytes = await model.weightsToSafetensors()
  await writeAtomically(path, bytes)
  const reloaded = digitNetwork()
  await reloaded.loadWeights(path)
  const [before, after] = [await predict(model, test), await predict(reloaded, test)]
  const different = before.findIndex((p, i) => !Object.is(p, after[i]))
  if (different !== -1)
    throw new Error(
      `image ${Math.floor(different / 10)}: the reloaded network says ${after[different]}, not ${before[different]}`,
    )
  say(`\nWeights saved to ${path} (${withCommas(bytes.length)} bytes) and loaded into a new network:`)
  say(`its predictions for ${withCommas(test.size)} test images are equal bit for bit.`)
}

try {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) say(HELP)
  else process.exitCode = await run(options)
} catch (error) {
  if (error instanceof UsageError) console.error(`${error.message}\n\n${HELP}`)
  else if (error instanceof CheckpointError) console.error(error.message)
  else throw error
  process.exitCode = error instanceof UsageError ? 2 : 1
}
