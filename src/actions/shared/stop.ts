import { type Progress, where } from './progress.ts'
import { type TimeLimit, withTimeLimit } from '../../ground/time-limit.ts'
import type { ActionOutcome } from './outcome.ts'

const stops = {
  TIMEOUT: { state: 'timed_out', says: 'was stopped at its time limit' },
  DEADLINE: { state: 'timed_out', says: 'was stopped at the deadline of its run' },
  CANCELLED: { state: 'cancelled', says: 'was cancelled' },
  LEASE_LOST: { state: 'interrupted', says: 'was stopped, because another process holds the run now' },
  DRAINING: { state: 'interrupted', says: 'was stopped, because this process is shutting down' },
} as const satisfies Record<string, { state: ActionOutcome['state']; says: string }>

type StopCode = keyof typeof stops

class TimeoutReached extends Error {
  readonly code = 'TIMEOUT' satisfies StopCode
}

class NoLongerHeld extends Error {
  readonly code = 'LEASE_LOST' satisfies StopCode
}

/** `notHeld` stops at once: the run belongs to another process by now, or may. */
export type Stop = Pick<TimeLimit, 'signal' | 'release'> & { notHeld(): void }

/** A signal that aborts with `signal`, or after `timeoutMs` with an Error of code TIMEOUT, until it is released. */
export function stopAfter(timeoutMs: number, signal: AbortSignal): Stop {
  const limit = withTimeLimit(signal, timeoutMs, () => new TimeoutReached(`${timeoutMs} ms are over`))
  return { ...limit, notHeld: () => limit.stop(new NoLongerHeld('the lease is lost, or may be')) }
}

/**
 * The outcome of a stopped call.
 *
 * @throws Error: the reason is none that this service stops a call for (it is the `cause`).
 */
export function stopOutcome(
  reason: unknown,
  origin: string,
  progress: Progress,
  tookMs: number,
): ActionOutcome {
  return stopped(reason, `the call of ${origin}`, `after ${Math.round(tookMs)} ms, ${where(progress)}`)
}

/** The same of anything else that an attempt does; `extent` says how far it had come. @throws Error: as `stopOutcome` */
export function stopped(reason: unknown, subject: string, extent: string): ActionOutcome {
  const code = codeOf(reason)
  const { state, says } = stops[code]
  return { state, error: { code, message: `${subject} ${says}, ${extent}` } }
}

function codeOf(reason: unknown): StopCode {
  const code = reason instanceof Error && 'code' in reason ? reason.code : null
  if (isStopCode(code)) return code
  throw new Error('a call was aborted for a reason without a known code', { cause: reason })
}

function isStopCode(code: unknown): code is StopCode {
  return typeof code === 'string' && Object.hasOwn(stops, code)
}
