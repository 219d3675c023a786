// What training reports: numbers by name.

/** Loss and metrics by name. `accuracy` may be read only if it was compiled; reading it otherwise throws and says so. */
export interface Logs {
  readonly loss: number
  readonly accuracy: number
  readonly [name: string]: number
}

/** Logs of these values. */
export function logsOf(values: Readonly<Record<string, number>>): Logs {
  const logs = { ...values }
  if (!('accuracy' in logs))
    Object.defineProperty(logs, 'accuracy', {
      enumerable: false,
      configurable: true,
      get(): never {
        throw new Error(
          `[logs] there is no 'accuracy'; compile with metrics: ['accuracy'] (here are ${Object.keys(values).join(', ')})`,
        )
      },
    })
  return logs as unknown as Logs
}
