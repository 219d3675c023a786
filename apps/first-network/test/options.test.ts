// The command line and what the terminal is taken for.
import { describe, expect, test } from 'vitest'
import { HELP, parseOptions, UsageError } from '../src/options.ts'
import { padTo, terminalOf, visibleLength } from '../src/terminal.ts'

describe('options', () => {
  test.each([
    [[], {}],
    [['--epochs', '3', '--batch-size=32'], { plan: { epochs: 3, batchSize: 32 } }],
    [['--seed', '0', '--out', '/tmp/x'], { plan: { seed: 0 }, out: '/tmp/x' }],
    [['--resume', '--epochs', '9'], { plan: { epochs: 9 }, resume: true }],
    [['--model', 'cnn'], { plan: { network: 'cnn' } }],
    [['-h'], { help: true }],
  ])('%o', (args, expected) => {
    expect(parseOptions(args)).toEqual({
      plan: {},
      out: 'runs/first-network',
      resume: false,
      help: false,
      ...expected,
    })
  })

  test.each([
    [['--epochs', '0'], "--epochs must be a whole number of 1 or more, got '0'"],
    [['--epochs', '2.5'], "got '2.5'"],
    [['--batch-size', 'many'], "--batch-size must be a whole number of 1 or more, got 'many'"],
    [['--seed', '-1'], /seed/],
    [['--resume', '--seed', '2'], '--resume takes the seed of the checkpoint; leave --seed out'],
    [['--model', 'rnn'], "--model must be dense or cnn, got 'rnn'"],
    [['--resume', '--model', 'cnn'], '--resume takes the model of the checkpoint; leave --model out'],
    [['--epoch', '3'], /--epoch/],
    [['five'], /five/],
  ])('%o is refused', (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError)
    expect(() => parseOptions(args)).toThrow(message)
  })

  test('the help text names every flag', () => {
    for (const flag of ['--model', '--epochs', '--batch-size', '--seed', '--out', '--resume', '--help'])
      expect(HELP).toContain(flag)
  })
})

describe('terminal', () => {
  const screen = { isTTY: true, columns: 120, getColorDepth: () => 24 }
  test.each([
    ['a terminal', screen, {}, { depth: 24, columns: 120 }],
    ['NO_COLOR', screen, { NO_COLOR: '1' }, { depth: 1, columns: 120 }],
    ['an empty NO_COLOR', screen, { NO_COLOR: '' }, { depth: 24, columns: 120 }],
    ['a pipe', {}, {}, { depth: 1, columns: 80 }],
    ['a pipe with COLUMNS', {}, { COLUMNS: '100' }, { depth: 1, columns: 100 }],
    ['a pipe with FORCE_COLOR', {}, { FORCE_COLOR: '3' }, { depth: 24, columns: 80 }],
    ['FORCE_COLOR=0', screen, { FORCE_COLOR: '0' }, { depth: 1, columns: 120 }],
    ['NO_COLOR over FORCE_COLOR', {}, { NO_COLOR: '1', FORCE_COLOR: '3' }, { depth: 1, columns: 80 }],
  ] as const)('%s', (_, stream, env, expected) => {
    expect(terminalOf(stream, env)).toEqual(expected)
  })

  test('escape codes take no columns', () => {
    expect(visibleLength('\u001B[31mabc\u001B[39m')).toBe(3)
    expect(padTo('\u001B[31mab\u001B[39m', 6, 'center')).toBe('  \u001B[31mab\u001B[39m  ')
  })
})
