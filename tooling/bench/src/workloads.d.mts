// Types of workloads.mjs for the programs written in TypeScript.
export function numbers(length: number, scale?: number, seed?: number): Float32Array
