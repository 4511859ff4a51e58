import { addDeliveries } from './deliver.ts'
import { awaitCallback, close, finishRun, openDraft, parkRun, type Draft, type Outcome } from './draft.ts'
import type { Decision, LiveRun, RetryableState, View } from './types.ts'

/**
 * The end of an attempt, shown by its run and fence, as its process or its target says; or that its target has taken
 * the work and will say. Null: that fence no longer holds the run, so nothing may be written and nothing may be sent on.
 */
export function settle(
  view: View,
  done: { runId: string; fence: number; outcome: Outcome },
): Decision | null {
  const run = view.live.find(
    ({ id, fence, leaseUntil, callbackUntil }) =>
      id === done.runId && fence === done.fence && (leaseUntil || callbackUntil),
  )
  if (!run) return null
  const draft = openDraft(view)
  if (done.outcome.state === 'waiting') awaitCallback(draft, run, done.outcome.waitMs ?? 0)
  else endAttempt(draft, run, done.outcome)
  return close(draft)
}

/**
 * Gives a claimed run back before its attempt began: another process takes it, and the attempt does not count. Null:
 * the fence no longer holds it.
 */
export function release(view: View, held: { runId: string; fence: number }): Decision | null {
  const run = view.live.find(
    ({ id, fence, leaseUntil }) => id === held.runId && fence === held.fence && leaseUntil,
  )
  if (!run) return null
  const draft = openDraft(view)
  parkRun(draft, run, view.now)
  return close(draft)
}

/** Ends an attempt: the run waits for its next one where the policy grants it, else it is finished and counted. */
export function endAttempt(draft: Draft, run: LiveRun, outcome: Outcome, reason: string | null = null) {
  const waitMs = outcome.final ? null : retryDelayMs(draft, run, outcome)
  if (waitMs !== null) return parkRun(draft, run, new Date(draft.view.now.getTime() + waitMs), outcome)
  finishRun(draft, run, outcome, reason)
  addDeliveries(draft, run, outcome)
  count(draft, outcome)
}

function count(draft: Draft, outcome: Outcome) {
  const { runtime, view } = draft
  runtime.lastRunAt = view.now
  if (outcome.state === 'cancelled') return
  // that there was nothing to do says nothing about whether it would work again
  if (outcome.skippedReason !== undefined && runtime.failureStreak > 0) return
  if (outcome.state === 'succeeded') {
    Object.assign(runtime, { lastStatus: 'ok', lastError: null, failureStreak: 0 })
    return
  }
  runtime.lastStatus = 'error'
  runtime.lastError = outcome.error ? `${outcome.error.code}: ${outcome.error.message}` : outcome.state
  runtime.failureStreak += 1
  const { pauseAfter } = view.job.policy
  if (pauseAfter === null || runtime.failureStreak < pauseAfter || runtime.state !== 'scheduled') return
  Object.assign(runtime, {
    state: 'paused',
    pausedAt: view.now,
    pausedReason: `${runtime.failureStreak} failures in a row; the last: ${runtime.lastError}`,
  })
}

/** Milliseconds until the next attempt; null: there is none. */
function retryDelayMs(draft: Draft, run: LiveRun, outcome: Outcome): number | null {
  const { retry } = draft.view.job.policy
  if (outcome.state === 'succeeded' || outcome.state === 'cancelled' || outcome.state === 'waiting')
    return null
  if (!retry.on.includes(outcome.state satisfies RetryableState)) return null
  if (run.attempt >= retry.attempts) return null
  const factor = retry.backoff === 'exponential' ? 2 ** Math.min(run.attempt - 1, 30) * spread(run) : 1
  const waitMs = Math.min(retry.delayMs * factor, retry.maxDelayMs)
  return Math.max(Math.round(waitMs), outcome.retryAfterMs ?? 0)
}

/** 0.75 … 1.25, the same for the same run and attempt: a decision made again after a lost race stays the same. */
function spread(run: LiveRun): number {
  return 0.75 + ((Number.parseInt(run.id.slice(0, 8), 16) + run.attempt * 7919) % 1000) / 2000
}
