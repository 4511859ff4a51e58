import type { ActionJob } from './outcome.ts'

/** So much of an output is kept; it goes into the run's row. */
export const mostOutputBytes = 64 * 1024

// A longer timer fires at once (Node keeps 32 bits).
const longestTimeoutMs = 2 ** 31 - 1

/** For one attempt, in milliseconds: the action's own limit if it has one, and never more than the job's. */
export function timeoutOf(own: number | undefined, job: ActionJob, usualMs: number): number {
  const wanted = own ?? job.timeoutMs ?? usualMs
  return Math.min(wanted, job.timeoutMs ?? wanted, longestTimeoutMs)
}
