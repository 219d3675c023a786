// The loop as a program, for engines other than the one that runs the tests: prints its report as one line of JSON.
import { handWrittenLoop } from './hand-written-loop.ts'

console.log(JSON.stringify(await handWrittenLoop(Number(process.argv[2] ?? 10_000))))
