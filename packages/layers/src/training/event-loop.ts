// Long loops give the event loop a turn now and then, so that timers, signals and pages stay alive while a model trains. The
// clock is one for all loops: many short ones in a row must yield as one long one does.
const immediate = (globalThis as { setImmediate?: (fn: () => void) => unknown }).setImmediate

/** Milliseconds between two turns. */
const TURN_EVERY = 50
let lastTurn = performance.now()

/** Lets other events have a turn when the last one is long ago. */
export async function giveTurnWhenDue(): Promise<void> {
  if (performance.now() - lastTurn < TURN_EVERY) return
  await new Promise<void>((resolve) => {
    if (immediate) immediate(resolve)
    else setTimeout(resolve, 0)
  })
  lastTurn = performance.now()
}
