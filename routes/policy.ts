import {
  defaultPolicy,
  type Policy,
  policyFrom,
  type Retention,
  type RetryPolicy,
} from '../src/decisions/index.ts'
import { fieldRefused } from '../src/ground/errors.ts'
import { instantIn } from './instant.ts'
import type { RetentionInput, RetryInput } from './schemas/policy.ts'

/** Fields of a job's body that are policies, as the schema has let them through; null stands for the default. */
export type PolicyInput = {
  retry?: RetryInput | null
  overlap?: Policy['overlap'] | null
  max_live?: number | null
  catch_up?: Policy['catchUp'] | null
  catch_up_max?: number | null
  deadline_ms?: number | null
  timeout_ms?: number | null
  lease_ms?: number | null
  jitter_ms?: number | null
  starts_at?: string | null
  ends_at?: string | null
  pause_after?: number | null
  retention?: RetentionInput | null
}

const storedNames = {
  retry: 'retry',
  overlap: 'overlap',
  max_live: 'maxLive',
  catch_up: 'catchUp',
  catch_up_max: 'catchUpMax',
  deadline_ms: 'deadlineMs',
  timeout_ms: 'timeoutMs',
  lease_ms: 'leaseMs',
  jitter_ms: 'jitterMs',
  starts_at: 'startsAt',
  ends_at: 'endsAt',
  pause_after: 'pauseAfter',
  retention: 'retention',
} as const satisfies Record<keyof PolicyInput, keyof Policy>

/**
 * The policies that a body sets, by the names under which they are stored, and what else it has. Null: back to the default.
 *
 * @throws AppError FIELD_INVALID: a retry whose longest wait is shorter than its first
 */
export function splitPolicy<Body extends PolicyInput>(body: Body) {
  const policy: Record<string, unknown> = {}
  const rest: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    const stored = (storedNames as Record<string, string>)[name]
    if (stored) policy[stored] = storedValue(name, value)
    else rest[name] = value
  }
  return { policy, rest: rest as Omit<Body, keyof PolicyInput> }
}

function storedValue(name: string, value: unknown): unknown {
  if (value === null) return null
  if (name === 'retry') return storedRetry(value as RetryInput)
  if (name === 'retention') return storedRetention(value as RetentionInput)
  if (name === 'starts_at' || name === 'ends_at') return instantIn(value as string)?.toISOString()
  return value
}

/** Written out, as an action is. The first wait is never cut by a default maximum. */
function storedRetry(given: RetryInput): RetryPolicy {
  const usual = defaultPolicy.retry
  const delayMs = given.delay_ms ?? Math.min(usual.delayMs, given.max_delay_ms ?? usual.delayMs)
  const maxDelayMs = given.max_delay_ms ?? Math.max(usual.maxDelayMs, delayMs)
  if (maxDelayMs < delayMs) {
    const sentence = `must be at least delay_ms (${delayMs}), not ${maxDelayMs}`
    throw fieldRefused('retry.max_delay_ms', sentence)
  }
  const { attempts = usual.attempts, backoff = usual.backoff, on = usual.on } = given
  return { attempts, backoff, delayMs, maxDelayMs, on }
}

/** Written out, as a retry is. */
function storedRetention(given: RetentionInput): Retention {
  const usual = defaultPolicy.retention
  const { runs = usual.runs, days = usual.days } = given
  const { history_runs: historyRuns = usual.historyRuns, history_days: historyDays = usual.historyDays } =
    given
  return { runs, days, historyRuns, historyDays }
}

/** The policies that hold for a job, defaults included, as clients see them. */
export function policyBody(stored: Record<string, unknown>) {
  const { retry, retention, ...policy } = policyFrom(stored)
  return {
    retry: {
      attempts: retry.attempts,
      backoff: retry.backoff,
      delay_ms: retry.delayMs,
      max_delay_ms: retry.maxDelayMs,
      on: retry.on,
    },
    overlap: policy.overlap,
    max_live: policy.maxLive,
    catch_up: policy.catchUp,
    catch_up_max: policy.catchUpMax,
    deadline_ms: policy.deadlineMs,
    timeout_ms: policy.timeoutMs,
    lease_ms: policy.leaseMs,
    jitter_ms: policy.jitterMs,
    starts_at: policy.startsAt?.toISOString() ?? null,
    ends_at: policy.endsAt?.toISOString() ?? null,
    pause_after: policy.pauseAfter,
    retention: {
      runs: retention.runs,
      days: retention.days,
      history_runs: retention.historyRuns,
      history_days: retention.historyDays,
    },
  }
}
