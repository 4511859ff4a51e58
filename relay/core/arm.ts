/**
 * The one-shot that a relay holds for an (agent, job); there is at most one. All decisions about it are in this file:
 * pure functions that a host applies within one transaction.
 */
export type Arm = {
  agentId: string
  jobId: string
  /** New with each new instant; late outcomes are compared with it. */
  scheduleId: string
  /** As the agent wrote it. */
  fireAt: string
  fireAtMs: number
  /** The base URL; the route of fires is appended. */
  callbackUrl: string
  /** Tries begun. */
  tries: number
  /** When the next try is due. */
  dueMs: number
}

/** `scheduleId`: the id of the arm if it is a new one. */
export type ArmRequest = Pick<Arm, 'agentId' | 'jobId' | 'scheduleId' | 'fireAt' | 'fireAtMs' | 'callbackUrl'>

/** How a try ended. `status` null: without an answer, because of `error`. */
export type FireOutcome = { status: number | null; error: string | null; retryAfterMs: number }

/** `stale`: another arm has taken the place of the one that was tried; nothing changes. */
export type Settled =
  | { verdict: 'delivered' | 'given_up'; arm: null }
  | { verdict: 'retry'; arm: Arm }
  | { verdict: 'stale'; arm: Arm | null }

/**
 * The waits between tries: 20 tries in 58 hours (the contract: seconds, then minutes, then hours, a limited number).
 * A service that was broken for half an hour is back within half an hour more, one that was for a day within six.
 */
export const usualRetryGapsMs: readonly number[] = [
  ...[2, 5, 15, 60, 300, 900, 1_800].map((seconds) => seconds * 1_000),
  ...[1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6].map((hours) => hours * 3_600_000),
]

/**
 * The arm after a provision: the same instant changes nothing but the callback, another one replaces the arm, with the
 * retries that it still owed.
 */
export function provisioned(held: Arm | null, request: ArmRequest): Arm {
  if (held?.fireAtMs === request.fireAtMs) return { ...held, callbackUrl: request.callbackUrl }
  return { ...request, tries: 0, dueMs: request.fireAtMs }
}

/** Whether a try is due. False also for an alarm that comes twice: the first one has moved `dueMs`. */
export function isDue(arm: Arm, nowMs: number): boolean {
  return arm.dueMs <= nowMs
}

/**
 * The arm to store before a try is sent, so that a process that dies in the middle tries again after the gap. Null: its
 * tries are used up, and it is deleted.
 */
export function begun(arm: Arm, nowMs: number, gapsMs: readonly number[]): Arm | null {
  if (arm.tries > gapsMs.length) return null
  const gapMs = gapsMs[Math.min(arm.tries, gapsMs.length - 1)] ?? 0
  return { ...arm, tries: arm.tries + 1, dueMs: nowMs + gapMs }
}

/** The longest of the usual gaps. A `Retry-After` that is wrong must not lose the wake-up. */
const longestRetryAfterMs = 6 * 3_600_000

type Try = { tried: Arm; outcome: FireOutcome; nowMs: number; gapsMs: readonly number[] }

/** The next state of the arm that is `held` now, after a try of `tried` (as `begun` returned it). */
export function settled(held: Arm | null, { tried, outcome, nowMs, gapsMs }: Try): Settled {
  if (held?.scheduleId !== tried.scheduleId) return { verdict: 'stale', arm: held }
  if (isTaken(outcome.status)) return { verdict: 'delivered', arm: null }
  const gapMs = gapsMs[tried.tries - 1]
  if (gapMs === undefined) return { verdict: 'given_up', arm: null }
  const askedMs = Math.min(outcome.retryAfterMs, longestRetryAfterMs)
  return { verdict: 'retry', arm: { ...held, dueMs: nowMs + Math.max(gapMs, askedMs) } }
}

/** Whether the fire was taken: any 2xx. */
export function isTaken(status: number | null): boolean {
  return status !== null && status >= 200 && status < 300
}

/** Milliseconds of a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3); 0 without one. */
export function readRetryAfterMs(header: string | null, nowMs: number): number {
  if (!header) return 0
  if (/^\d+$/.test(header)) return Number(header) * 1_000
  // Date.parse takes much that is no date, such as -5.
  const ms = /^[A-Z][a-z]+,/.test(header) ? Date.parse(header) - nowMs : 0
  return Number.isFinite(ms) ? Math.max(ms, 0) : 0
}
