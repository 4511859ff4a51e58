import type { ActionJob } from './outcome.ts'

/** So much of an output is kept; it goes into the run's row. */
export const mostOutputBytes = 64 * 1024

export const areOff = 'a command was given; commands are off here (COMMANDS is not "on")'

// A longer timer fires at once (Node keeps 32 bits).
const longestTimeoutMs = 2 ** 31 - 1

/** For one attempt, in milliseconds: the action's own limit where it has one, and never more than the job's. */
export function timeoutOf(own: number | undefined, job: ActionJob, usualMs: number): number {
  const wanted = own ?? job.timeoutMs ?? usualMs
  return Math.min(wanted, job.timeoutMs ?? wanted, longestTimeoutMs)
}

/** The text as Postgres can keep it, at most so many bytes of UTF-8; no character is split. */
export function cappedText(text: string, mostBytes = mostOutputBytes): string {
  // no character has less than one byte, so that a text of any size costs no more than this
  const clean = text.slice(0, mostBytes).replaceAll('\0', '').toWellFormed()
  const bytes = Buffer.from(clean)
  if (bytes.length <= mostBytes) return clean
  return new TextDecoder().decode(bytes.subarray(0, mostBytes), { stream: true })
}
