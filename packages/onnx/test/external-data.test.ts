// Weights beside the file: as bytes by location, through a function, and by path in Node; and locations that must not be read.
import '@dl/backend-cpu'
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Module, ready } from '@dl/tensor/core'
import { layers, sequential } from '@dl/layers'
import { exportOnnx, exportOnnxFiles, importOnnx, OnnxError } from '../src/index.ts'
import { decodeModel } from '../src/schema/codec.ts'
import { ATTRIBUTE, type StringStringEntryProto, type TensorProto } from '../src/schema/messages.ts'
import { file, info, node } from './support/model-files.ts'

beforeAll(() => ready())

const outside = (entries: Readonly<Record<string, string>>, name?: string): TensorProto => ({
  dims: [2n],
  dataType: 1,
  ...(name === undefined ? {} : { name }),
  dataLocation: 1,
  externalData: Object.entries(entries).map(([key, value]): StringStringEntryProto => ({ key, value })),
})
/** `y = x · w + c`, w a weight and c a Constant node, both elsewhere. */
const model = (w: Readonly<Record<string, string>>, c: Readonly<Record<string, string>> = w): Uint8Array =>
  file({
    node: [
      node('Constant', [], ['c'], { attribute: [{ name: 'value', type: ATTRIBUTE.tensor, t: outside(c) }] }),
      node('Mul', ['x', 'w'], ['p']),
      node('Add', ['p', 'c'], ['y']),
    ],
    initializer: [outside(w, 'w')],
    input: [info('x', [2])],
    output: [info('y', [2])],
  })
const data = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)
const split = model(
  { location: 'weights.bin', offset: '8', length: '8' },
  { location: 'weights.bin', offset: '16' },
)

async function computed(imported: ReturnType<typeof importOnnx>): Promise<unknown> {
  return (await (await imported).run({ x: [10, 100] }))['y']!.data()
}
const expected = Float32Array.of(10 * 3 + 5, 100 * 4 + 6)

describe('data beside the model', () => {
  it.each([
    ['bytes by location', { 'weights.bin': data }],
    ['a buffer', { 'weights.bin': data.slice().buffer }],
    ['a function', (location: string) => (location === 'weights.bin' ? data : new Uint8Array())],
    [
      'a function that waits',
      (location: string) => Promise.resolve(location === 'weights.bin' ? data : new Uint8Array()),
    ],
  ])('as %s', async (_, externalData) => {
    expect(await computed(importOnnx(split, { externalData }))).toEqual(expected)
  })

  it('is fetched once for each location', async () => {
    const asked: string[] = []
    await importOnnx(split, { externalData: (location) => (asked.push(location), data) })
    expect(asked).toEqual(['weights.bin'])
  })
})

describe('data that are refused', () => {
  const whole = { location: 'weights.bin' }
  it.each<[string, Uint8Array, Parameters<typeof importOnnx>[1], string]>([
    ['not given', model(whole), undefined, "in another file ('weights.bin')"],
    ['missing', model(whole), { externalData: {} }, 'which externalData does not have'],
    ['a name of a prototype', model({ location: 'constructor' }), { externalData: {} }, 'does not have'],
    [
      'a function that fails',
      model(whole),
      {
        externalData: () => {
          throw new Error('offline')
        },
      },
      'cannot be read: offline',
    ],
    [
      'an offset beyond the end',
      model({ ...whole, offset: '25' }),
      { externalData: { 'weights.bin': data } },
      'only 24',
    ],
    [
      'a length beyond the end',
      model({ ...whole, offset: '20', length: '8' }),
      { externalData: { 'weights.bin': data } },
      'bytes 20 to 28',
    ],
    [
      'a negative offset',
      model({ ...whole, offset: '-8' }),
      { externalData: { 'weights.bin': data } },
      "offset '-8'",
    ],
    ['a length that is no number', model({ ...whole, length: 'all' }), { externalData: {} }, "length 'all'"],
    [
      'an offset beyond 2^53',
      model({ ...whole, offset: '99999999999999999999' }),
      { externalData: { 'weights.bin': data } },
      'offset',
    ],
  ])('%s', async (_, bytes, options, message) => {
    const imported = importOnnx(bytes, options)
    await expect(imported).rejects.toThrow(OnnxError)
    await expect(imported).rejects.toThrow(message)
    await expect(imported).rejects.toMatchObject({ code: 'externalData' })
  })

  it('whose length is not that of the tensor', async () => {
    const imported = importOnnx(model(whole), { externalData: { 'weights.bin': data } })
    await expect(imported).rejects.toThrow('that is 8 bytes, but its raw data has 24')
  })

  it.each([
    '../secret',
    'sub/../../secret',
    '..\\secret',
    '/etc/passwd',
    '\\\\server\\share',
    'C:\\secret',
    'file:///etc/passwd',
    'https://example.invalid/w',
    '..',
    '',
    'a\u0000b',
  ])('in a place outside the folder: %j', async (location) => {
    const asked: string[] = []
    const imported = importOnnx(model({ location }), { externalData: (name) => (asked.push(name), data) })
    await expect(imported).rejects.toMatchObject({ code: 'externalData' })
    expect(asked).toEqual([])
  })
})

describe('a model by its path', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dl-external-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'model/sub'), { recursive: true })
  const write = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }
  write('model/weights.bin', data)
  write('model/sub/weights.bin', data)
  write('secret.bin', data)
  symlinkSync(join(folder, 'secret.bin'), join(folder, 'model/link.bin'))
  symlinkSync(join(folder, 'model/weights.bin'), join(folder, 'model/inside.bin'))
  const at = (location: string): Uint8Array =>
    model({ location, offset: '8', length: '8' }, { location, offset: '16' })

  it.each(['weights.bin', 'sub/weights.bin', './weights.bin', 'inside.bin'])('reads %s', async (location) => {
    const path = write('model/m.onnx', at(location))
    expect(await computed(importOnnx(path))).toEqual(expected)
    expect(await computed(importOnnx(pathToFileURL(path)))).toEqual(expected)
  })

  it.each([
    ['link.bin', 'a link that leaves'],
    ['missing.bin', 'cannot be read'],
    ['sub', 'cannot be read'],
    ['../secret.bin', 'leaves the folder'],
  ])('refuses %s', async (location, message) => {
    const imported = importOnnx(write('model/m.onnx', at(location)))
    await expect(imported).rejects.toMatchObject({ code: 'externalData' })
    await expect(imported).rejects.toThrow(message)
  })

  it('says when the model itself is not there', async () => {
    await expect(importOnnx(join(folder, 'nothing.onnx'))).rejects.toThrow(
      '[importOnnx] the file cannot be read',
    )
  })
})

describe('a model written in two files', () => {
  const network = (): Module =>
    sequential([
      layers.dense({ units: 200, inputShape: [100] }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ])

  it('computes the same, weights on their alignment, small ones inside', async () => {
    const source = network()
    const { model: bytes, data: weights } = exportOnnxFiles(source, { location: 'w.bin' })
    expect(bytes.length).toBeLessThan(3000)
    const again = await importOnnx(bytes, { externalData: { 'w.bin': weights } })
    expect(exportOnnx(again)).toEqual(exportOnnx(source))
    const { initializer } = decodeModel(bytes).model.graph!
    const offsets = initializer!.map(
      ({ externalData }) => externalData?.find(({ key }) => key === 'offset')?.value,
    )
    expect(offsets).toEqual(
      ['0', undefined, '80000', undefined].map((o, i) => (i === 2 ? String(Math.ceil(80000 / 64) * 64) : o)),
    )
    await expect(importOnnx(bytes)).rejects.toThrow("in another file ('w.bin')")
  })

  it('refuses a location outside the folder', () => {
    expect(() => exportOnnxFiles(network(), { location: '../w.bin' })).toThrow('which leaves the folder')
  })
})
