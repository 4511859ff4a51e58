import type { Policy, Retention, RetryPolicy } from './types.ts'

/** The defaults of a job. Documented as a table in docs/policies.md. */
export const defaultPolicy: Policy = {
  retry: {
    attempts: 1,
    backoff: 'exponential',
    delayMs: 10_000,
    maxDelayMs: 3_600_000,
    on: ['failed', 'timed_out', 'interrupted'],
  },
  overlap: 'skip',
  maxLive: 10,
  catchUp: 'latest',
  catchUpMax: 100,
  deadlineMs: null,
  timeoutMs: null,
  leaseMs: null,
  jitterMs: 0,
  startsAt: null,
  endsAt: null,
  pauseAfter: null,
  retention: { runs: 1_000, days: 90, historyRuns: 10_000, historyDays: 90 },
}

/** The policy of a job from the author's settings (`jobs.policy`: a part of Policy as JSON), defaults filled in. */
export function policyFrom(stored: Record<string, unknown>): Policy {
  const policy: Policy = { ...defaultPolicy, ...stored }
  return {
    ...policy,
    retry: { ...defaultPolicy.retry, ...(stored['retry'] as Partial<RetryPolicy> | undefined) },
    startsAt: policy.startsAt && new Date(policy.startsAt),
    endsAt: policy.endsAt && new Date(policy.endsAt),
    retention: { ...defaultPolicy.retention, ...(stored['retention'] as Partial<Retention> | undefined) },
  }
}
