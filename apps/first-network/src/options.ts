// The command line: flags, their defaults, the help text.
import { parseArgs } from 'node:util'
import type { Plan } from './checkpoint.ts'
import { NETWORKS } from './network.ts'
import type { NetworkName } from './network.ts'

export interface Options {
  /** What was asked for; the rest comes from {@link DEFAULT_PLAN} or the checkpoint. */
  readonly plan: Partial<Plan>
  /** Folder for the weights and the checkpoint. */
  readonly out: string
  readonly resume: boolean
  readonly help: boolean
}

export const DEFAULT_PLAN: Plan = { network: 'dense', epochs: 5, batchSize: 64, seed: 1 }
const DEFAULT_OUT = 'runs/first-network'

export const HELP: string = `Trains a small network on 60,000 handwritten digits and shows what it learned.

usage: npm start [-- options]

  --model <name>     dense (default): two layers, 98 %; cnn: two convolutions, 99 %
  --epochs <n>       passes over the training images (default ${DEFAULT_PLAN.epochs})
  --batch-size <n>   images in a step (default ${DEFAULT_PLAN.batchSize})
  --seed <n>         decides initial weights, order of the images and dropout (default ${DEFAULT_PLAN.seed})
  --out <folder>     where weights and checkpoint go (default ${DEFAULT_OUT})
  --resume           go on from the checkpoint in the folder, with its model, epochs, batch size and seed;
                     only --epochs can be changed
  --help             this text

Ctrl-C stops training; the checkpoint of the last whole epoch stays.`

/** A wrong command line; the message is for the user. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/** @throws UsageError for unknown flags and values that are not whole numbers in range */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args)
  const resume = values.resume ?? false
  const plan: { -readonly [K in keyof Plan]?: Plan[K] } = {}
  if (values.model !== undefined) {
    if (resume) throw new UsageError('--resume takes the model of the checkpoint; leave --model out')
    plan.network = networkName(values.model)
  }
  if (values.epochs !== undefined) plan.epochs = whole('--epochs', values.epochs, 1)
  for (const [flag, key] of [
    ['batch-size', 'batchSize'],
    ['seed', 'seed'],
  ] as const) {
    const text = values[flag]
    if (text === undefined) continue
    if (resume) throw new UsageError(`--resume takes the ${flag} of the checkpoint; leave --${flag} out`)
    plan[key] = whole(`--${flag}`, text, key === 'seed' ? 0 : 1)
  }
  return { plan, out: values.out ?? DEFAULT_OUT, resume, help: values.help ?? false }
}

interface Values {
  values: {
    model?: string
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
        model: { type: 'string' },
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

function networkName(text: string): NetworkName {
  const name = NETWORKS.find((known) => known === text)
  if (name !== undefined) return name
  throw new UsageError(`--model must be ${NETWORKS.join(' or ')}, got '${text}'`)
}

function whole(flag: string, text: string, least: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw new UsageError(`${flag} must be a whole number of ${least} or more, got '${text}'`)
}
