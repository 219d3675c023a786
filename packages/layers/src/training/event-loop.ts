// Long loops give the event loop a turn now and then, so that timers, signals and pages stay alive while a model trains.
const immediate = (globalThis as { setImmediate?: (fn: () => void) => unknown }).setImmediate

/** Resolves after other events had a turn. */
export function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => {
    if (immediate) immediate(resolve)
    else setTimeout(resolve, 0)
  })
}

/** Milliseconds between two turns. */
export const YIELD_EVERY = 50
