// The first network: learns 60,000 handwritten digits, shows what it learned, saves and reloads its weights.
// This is the program behind `npm start`.
import '@dl/backend-cpu'
import { mnist } from '@dl/data/mnist'
import type { MnistSplit } from '@dl/data/mnist'
import { sequential, setRandomSeed } from '@dl/layers'
import type { Sequential } from '@dl/layers'
import { exportOnnx, importOnnx } from '@dl/onnx'
import { random } from '@dl/tensor/core'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from './atomic-file.ts'
import type { Plan } from './checkpoint.ts'
import { CheckpointError, readCheckpoint, restoreCheckpoint, saveCheckpoint } from './checkpoint.ts'
import { listenForInterrupt } from './interrupt.ts'
import { compileFor, digitNetwork } from './network.ts'
import type { Options } from './options.ts'
import { DEFAULT_PLAN, HELP, parseOptions, UsageError } from './options.ts'
import { mostLikely } from './predictions.ts'
import { confusionText, digitsText, nextStepsText, type SavedFile, savedText, scoreText } from './report.ts'
import { paint, terminalOf, withCommas } from './terminal.ts'
import type { Trained, Training } from './training.ts'
import { EVALUATION_BATCH, trainOn } from './training.ts'

const terminal = terminalOf(process.stdout, process.env)
const say = (text: string): void => console.log(text)

/** @returns the exit code: 130, as shells expect, when Ctrl-C stopped training */
async function run(options: Options): Promise<number> {
  const { train, test } = await mnist()
  say(
    `${withCommas(train.size)} training images, ${withCommas(test.size)} test images, 28 × 28 pixels each\n`,
  )
  const checkpoint = join(options.out, 'checkpoint.safetensors')
  const start = await (options.resume ? resumed : fresh)(checkpoint, options, train.size)
  start.model.summary()
  say('')
  const trained = await trainRest({ ...start, train, test, checkpoint })
  if (trained.stopped) {
    say(`Stopped. ${checkpoint} holds the network after epoch ${trained.epoch}; to go on:`)
    say(`  ${paint(terminal, 'cyan', 'npm start -- --resume')}`)
    return 130
  }
  await show(start, train, test, trained)
  const saved = [
    await saveAndReload(start, test, options.out),
    await exportAndReadBack(start, test, options.out),
  ]
  say(`\n${savedText(options.out, saved, terminal)}`)
  say(`\n${nextStepsText(start.plan.network, trained.epoch, terminal)}`)
  return 0
}

type Start = Pick<Training, 'model' | 'plan' | 'initialEpoch'>

function compiledNetwork({ network, epochs, batchSize, seed }: Plan, images: number): Sequential {
  setRandomSeed(seed)
  random.seed(seed)
  const model = digitNetwork(network)
  compileFor(model, epochs * Math.ceil(images / batchSize))
  return model
}

/** A new network; its first checkpoint takes the place of one that an older run left. */
async function fresh(checkpoint: string, options: Options, images: number): Promise<Start> {
  const plan = { ...DEFAULT_PLAN, ...options.plan }
  const model = compiledNetwork(plan, images)
  await saveCheckpoint(checkpoint, model, plan, 0)
  return { model, plan, initialEpoch: 0 }
}

async function resumed(path: string, options: Options, images: number): Promise<Start> {
  const checkpoint = await readCheckpoint(path)
  const { epoch } = checkpoint
  const plan = { ...checkpoint.plan, ...options.plan }
  const model = compiledNetwork(plan, images)
  await restoreCheckpoint(path, checkpoint, model)
  if (epoch >= plan.epochs)
    say(`All ${plan.epochs} epochs are done; for more: --resume --epochs ${epoch + 5}\n`)
  else
    say(`Going on after epoch ${epoch} of ${plan.epochs} (batch size ${plan.batchSize}, seed ${plan.seed})\n`)
  return { model, plan, initialEpoch: epoch }
}

async function trainRest(training: Omit<Training, 'signal'>): Promise<Trained> {
  const { initialEpoch, plan } = training
  if (initialEpoch >= plan.epochs) return { epoch: initialEpoch, seconds: 0, stopped: false }
  using interrupt = listenForInterrupt(process, () => say('\nStopping …'))
  return await trainOn({ ...training, signal: interrupt.signal })
}

async function show(
  { model, initialEpoch }: Start,
  train: MnistSplit,
  test: MnistSplit,
  trained: Trained,
): Promise<void> {
  const { loss, accuracy } = await model.evaluate(test.images, test.labels, { batchSize: EVALUATION_BATCH })
  const epochs = trained.epoch - initialEpoch
  const outcome = {
    epochs: trained.epoch,
    trainingImages: train.size,
    spent: epochs > 0 ? { seconds: trained.seconds, epochs } : undefined,
    testImages: test.size,
    loss,
    accuracy,
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
async function saveAndReload({ model, plan }: Start, test: MnistSplit, folder: string): Promise<SavedFile> {
  const name = 'weights.safetensors'
  const path = join(folder, name)
  const bytes = await model.weightsToSafetensors()
  await writeAtomically(path, bytes)
  const reloaded = digitNetwork(plan.network)
  await reloaded.loadWeights(path)
  const [before, after] = [await predict(model, test), await predict(reloaded, test)]
  const different = before.findIndex((p, i) => !Object.is(p, after[i]))
  if (different !== -1)
    throw new Error(
      `image ${Math.floor(different / 10)}: the reloaded network says ${after[different]}, not ${before[different]}`,
    )
  const proof = `in a new network: predictions for ${withCommas(test.size)} test images are equal bit for bit`
  return { name, bytes: bytes.length, proof }
}

/** Writes the network as ONNX, reads the file back and compares what the two say about every test image. */
async function exportAndReadBack({ model }: Start, test: MnistSplit, folder: string): Promise<SavedFile> {
  const name = 'mnist.onnx'
  const path = join(folder, name)
  const bytes = exportOnnx(model)
  await writeAtomically(path, bytes)
  const imported = sequential([await importOnnx(await readFile(path))])
  const [ours, theirs] = [await predict(model, test), await predict(imported, test)]
  const [before, after] = [mostLikely(ours).digits, mostLikely(theirs).digits]
  const different = before.findIndex((digit, i) => digit !== after[i])
  if (different !== -1)
    throw new Error(
      `image ${different}: the imported network says ${after[different]}, not ${before[different]}`,
    )
  const apart = ours.reduce((most, p, i) => Math.max(most, Math.abs(p - theirs[i]!)), 0)
  const distance = apart === 0 ? 'equal bit for bit' : `at most ${apart.toExponential(0)} apart`
  const proof = `imported: the same ${withCommas(test.size)} predictions, probabilities ${distance}`
  return { name, bytes: bytes.length, proof }
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
