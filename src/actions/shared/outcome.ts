import type { OutcomeColumns } from '../../decisions/index.ts'
/** The job as far as an action needs it. `timeoutMs`: for one attempt; null: the action's own. */
export type ActionJob = {
  id: string
  /** Whose secrets it names. */
  project: string
  name: string
  action: { type: string; [field: string]: unknown }
  timeoutMs: number | null
  prompt: string | null
  skills: string[]
}

/** The attempt that is made. `slot` is null for a manual run, `input` null or undefined without one. */
export type ActionRun = {
  id: string
  slot: Date | null
  attempt: number
  fence: number
  trigger: string
  input: unknown
  /** A fire waits for its end before it is answered, so the attempt does not wait for the answer. */
  isAwaited?: boolean
}

/**
 * How an attempt ended, or (`waiting`) that its target has taken the work and will report how it ended, no later than
 * `waitMs` milliseconds from now. Fits the outcome that a settle takes; `error` is there in every other state but succeeded.
 */
export type ActionOutcome = OutcomeColumns & {
  state: 'succeeded' | 'failed' | 'timed_out' | 'interrupted' | 'cancelled' | 'waiting'
  error?: { code: string; message: string }
  output?: string
  /** The whole log of the attempt, if it is to be stored with the outcome. */
  log?: Buffer
  waitMs?: number
  /** Only if it succeeded: why there was nothing to do. Nothing is delivered of such a run. */
  skippedReason?: string
  /** The target's own wish (`Retry-After`), at most 24 h. */
  retryAfterMs?: number
  /** The failure would only repeat itself: no further attempt. */
  final?: boolean
}

/** A failure that no repetition mends: the job itself has to be changed. */
export function finalFailure(code: string, message: string): ActionOutcome {
  return { state: 'failed', error: { code, message }, final: true }
}
