// Functions of the host that kernels call and worker threads have too. They equal those of the scalar table, which would
// make the program of a worker far larger.

type HostFunction = (...x: number[]) => number

const rem = (a: number, b: number): number => a % b
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const OWN: { readonly [name: string]: HostFunction | undefined } = { rem, sigmoid }
const MATH = Math as unknown as { readonly [name: string]: HostFunction | undefined }

/** The function of this name; undefined where workers have none, so that the main thread does such kernels alone. */
export const workerHostFunction = (name: string): HostFunction | undefined => OWN[name] ?? MATH[name]
