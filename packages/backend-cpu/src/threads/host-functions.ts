// Functions of the host that kernels call and worker threads have too. They equal those of the scalar table, which would
// make the program of a worker far larger.

const OWN: { readonly [name: string]: (...x: number[]) => number } = {
  rem: (a, b) => a! % b!,
  sigmoid: (x) => 1 / (1 + Math.exp(-x!)),
}
const MATH = Math as unknown as { readonly [name: string]: ((...x: number[]) => number) | undefined }

/** The function of this name; undefined where workers have none, so that the main thread does such kernels alone. */
export const workerHostFunction = (name: string): ((...x: number[]) => number) | undefined =>
  OWN[name] ?? MATH[name]
