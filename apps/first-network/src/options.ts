// The command line: flags, their defaults, the help text.
import { parseArgs } from 'node:util'

export interface Options {
  readonly epochs: number
  readonly batchSize: number
  readonly seed: number
  /** Folder for the weights and the checkpoint. */
  readonly out: string
  readonly resume: boolean
  readonly help: boolean
}

export const DEFAULTS: Options = {
  epochs: 5,
  batchSize: 128,
  seed: 1,
  out: 'runs/first-network',
  resume: false,
  help: false,
}

export const HELP: string = `Trains a small network on 60,000 handwritten digits and shows what it learned.

usage: npm start [-- options]

  --epochs <n>       passes over the training images (default ${DEFAULTS.epochs})
  --batch-size <n>   images in a step (default ${DEFAULTS.batchSize})
  --seed <n>         decides initial weights, order of the images and dropout (default ${DEFAULTS.seed})
  --out <folder>     where weights and checkpoint go (default ${DEFAULTS.out})
  --resume           go on from the checkpoint in the folder; its seed and batch size are used again
  --help             this text

Ctrl-C stops training; the checkpoint of the last whole epoch stays.`

/** A wrong command line; the message is for the user. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/** @throws UsageError for unknown flags and values that are not whole numbers in range */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args)
  return {
    epochs: whole('--epochs', values.epochs, DEFAULTS.epochs, 1),
    batchSize: whole('--batch-size', values['batch-size'], DEFAULTS.batchSize, 1),
    seed: whole('--seed', values.seed, DEFAULTS.seed, 0),
    out: values.out ?? DEFAULTS.out,
    resume: values.resume ?? false,
    help: values.help ?? false,
  }
}

interface Values {
  values: {
    epochs?: string
    'batch-size'?: string
    seed?: string
    out?: string
    resume?: boolean
    help?: boolean
  }
}

function parse(args: readonly string[]): Values {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      options: {
        epochs: { type: 'string' },
        'batch-size': { type: 'string' },
        seed: { type: 'string' },
        out: { type: 'string' },
        resume: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function whole(flag: string, text: string | undefined, otherwise: number, least: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw new UsageError(`${flag} must be a whole number of ${least} or more, got '${text}'`)
}
