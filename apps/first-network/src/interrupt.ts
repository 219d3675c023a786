// Ctrl-C: the first one asks training to stop after the step it is in, a later one ends the program at once.

/** npm hands a Ctrl-C on that the terminal has sent here already; both arrive together and count as one. */
const SAME_KEYSTROKE_MS = 500

/** The parts of `process` that matter here. */
export interface InterruptibleProcess {
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  exit(code: number): void
}

export interface Interrupt extends Disposable {
  /** Aborted once the user wants to stop. */
  readonly signal: AbortSignal
}

/** Listens until disposed. `onStop` is called at the first Ctrl-C. */
export function listenForInterrupt(
  host: InterruptibleProcess,
  onStop: () => void,
  now: () => number = () => performance.now(),
): Interrupt {
  const controller = new AbortController()
  let stoppedAt = -Infinity
  const listener = (): void => {
    if (!controller.signal.aborted) {
      stoppedAt = now()
      onStop()
      controller.abort()
    } else if (now() - stoppedAt > SAME_KEYSTROKE_MS) host.exit(130)
  }
  host.on('SIGINT', listener)
  host.on('SIGTERM', listener)
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      host.off('SIGINT', listener)
      host.off('SIGTERM', listener)
    },
  }
}
