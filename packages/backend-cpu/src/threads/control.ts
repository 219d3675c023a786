// The control block: a few words of the shared memory through which the main thread and its workers talk. `NEXT` says
// which job runs and how many of its units nobody has taken; what the job is stands behind it. docs/design/threads.md
// explains the protocol.

/** Most threads, the main one included. */
export const MAX_THREADS = 16

/** Fixed cells below the heap's first block. Address of the shared workspace; of the control block, 0 without workers. */
export const SHARED_WORKSPACE_CELL = 512
export const CONTROL_CELL = 516
/** Address of each thread's own workspace, 4 bytes a thread. */
export const WORKSPACE_CELLS = 520

// Byte offsets in the control block. Words that different threads write lie in different cache lines.

/** i64: number of the job in the high half, units that nobody has taken in the low half. */
export const NEXT = 0
/** i32: units that are done. */
export const DONE = 64
/** i32 each: program, region, units and units of a chunk of the running job. */
export const PROGRAM = 128
export const REGION = 132
export const UNITS = 136
export const CHUNK = 140
/** i32: what sleeping workers wait on. */
export const BELL = 192
/** i32: workers that sleep. */
export const SLEEPERS = 196
/** i32: workers that have started. */
export const READY = 200
/** i32: not 0 when a worker failed; its number. */
export const FAILED = 204
/** i32 a thread: units of the chunk that it has taken. */
export const TAKEN = 256
/** i32 a thread: messages posted to it. A worker that has received fewer returns to its event loop. */
export const MAIL = 320
/** i32 a thread: chunks that it has done. */
export const SERVED = 384
/** i32 a thread: messages that it has taken in. */
export const RECEIVED = 448
/** What a failed worker says: a length (i32) and characters (a byte each). */
export const REASON = 512
export const MOST_REASON = 120
/** i32 each: arguments of the running job. */
export const ARGUMENTS = 640
export const MOST_ARGUMENTS = 96
export const CONTROL_BYTES: number = ARGUMENTS + 4 * MOST_ARGUMENTS
