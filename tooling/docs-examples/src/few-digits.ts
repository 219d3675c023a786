// Stands in for '@dl/data/mnist' when examples run under test: the same door with the first 2,000 digits to train and the
// first 500 to test, so that a program written for 60,000 ends within seconds.
import { mnist as allDigits, MnistSplit, type MnistOptions } from '../../../packages/data/src/mnist.ts'

export * from '../../../packages/data/src/mnist.ts'

export async function mnist(options?: MnistOptions): Promise<{ train: MnistSplit; test: MnistSplit }> {
  const { train, test } = await allDigits(options)
  return { train: first(2000, train), test: first(500, test) }
}

function first(size: number, { pixels, digits }: MnistSplit): MnistSplit {
  return new MnistSplit(pixels.subarray(0, (size * pixels.length) / digits.length), digits.subarray(0, size))
}
