// What the device was asked to do: deterministic figures, the budgets of tests.

export interface Counters {
  /** Compute dispatches since the start. */
  dispatches: number
  /** Command buffers handed to the queue. */
  submits: number
  /** Pipelines compiled; equal shaders share one. */
  pipelines: number
  /** Bind groups made; a replay with known buffers makes none. */
  bindGroups: number
}

export const noCounts = (): Counters => ({ dispatches: 0, submits: 0, pipelines: 0, bindGroups: 0 })
