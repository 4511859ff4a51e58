import { catchUpGraceMs, countSlots, latestSlot, typicalPeriodMs } from '../schedule/index.ts'
import {
  addRun,
  close,
  type Draft,
  isBusy,
  isFull,
  isHeldBack,
  openDraft,
  startAttempt,
  touch,
} from './draft.ts'
import { takeDeliveries } from './deliver.ts'
import { isProjectPaused, pausedUntil, runsLeft, slotOfProjectPause } from './project.ts'
import { endAttempt } from './settle.ts'
import { jitterMs, slotAfter } from './slots.ts'
import type { Decision, Fold, JobRule, LiveRun, Trigger, View } from './types.ts'

/** Why a process looks at a job: a fire (with the instant that NAS names, if any), the built-in ticker, a boot. */
export type Occasion = {
  trigger: Trigger
  fireAt: Date | null
  /** A slot so far ahead is taken already, because a process is awake anyway; its run waits for the instant. */
  earlyMs: number
  newRunId: () => string
}

/**
 * The due work of a job at `view.now`, independent of the occasion: lapsed leases are ended, a timed pause is ended,
 * due slots get their verdict, waiting attempts and due deliveries are taken. Null: nothing is due.
 *
 * Pure. Written by compare-and-set on the view's `rev`, so of many callers with one view, one decides.
 */
export function attend(view: View, occasion: Occasion): Decision | null {
  const draft = openDraft(view)
  takeDeliveries(draft)
  endLapsed(draft)
  endPause(draft)
  if (draft.runtime.state === 'scheduled') {
    foldProjectPause(draft)
    if (!isProjectPaused(view) && runsLeft(view) > 0) takeDueSlots(draft, occasion)
  }
  if (draft.runtime.state !== 'paused' && !isProjectPaused(view)) startWaiting(draft)
  return close(draft)
}

/** Nothing new but the wake time, derived again: a lease that was renewed since ends later than the watchdog knew. */
export function rearm(view: View): Decision {
  const draft = openDraft(view)
  touch(draft)
  return close(draft) as Decision
}

/**
 * A lease that has ended at the read can never be renewed, so its holder is dead or will stop itself. The time of a
 * target that was to report ends in the same way.
 */
function endLapsed(draft: Draft) {
  for (const run of draft.view.live) {
    const endsAt = run.leaseUntil ?? run.callbackUntil
    if (!endsAt || endsAt > draft.view.now) continue
    if (run.callbackUntil) {
      const message = `the target accepted attempt ${run.attempt} but did not report its outcome by ${endsAt.toISOString()}`
      endAttempt(draft, run, { state: 'timed_out', error: { code: 'CALLBACK_TIMEOUT', message } })
      continue
    }
    draft.stops.push(run.id)
    const message = `the process that held attempt ${run.attempt} did not renew its lease`
    endAttempt(draft, run, { state: 'interrupted', error: { code: 'LEASE_LAPSED', message } })
  }
}

function endPause(draft: Draft) {
  const { runtime, view } = draft
  if (runtime.state !== 'paused' || !runtime.resumeAt || runtime.resumeAt > view.now) return
  unpause(draft)
}

/** The verdict of a slot that passes while its job is paused. */
export const slotOfPause = { verdict: 'skipped', reason: 'paused: the job was paused' } as const

/** Makes a paused job active again; the slots that passed meanwhile are skipped. */
export function unpause(draft: Draft) {
  const { runtime, view } = draft
  Object.assign(runtime, { state: 'scheduled', pausedAt: null, pausedReason: null, resumeAt: null })
  foldUntil(draft, view.now, slotOfPause)
  touch(draft)
}

/** Gives the slots that a pause of the project covers their verdict. */
export function foldProjectPause(draft: Draft) {
  const until = pausedUntil(draft.view)
  if (until) foldUntil(draft, until, slotOfProjectPause)
}

/** Gives all slots from `next_slot` up to `until` (inclusive) one verdict and moves on behind them. */
export function foldUntil(draft: Draft, until: Date, verdict: Pick<Fold, 'verdict' | 'reason'>) {
  const { runtime, view } = draft
  const span = runtime.nextSlot && dueSpan(view.job, runtime.nextSlot, until)
  if (span) foldSpan(draft, span, verdict)
}

function takeDueSlots(draft: Draft, occasion: Occasion) {
  const { runtime, view } = draft
  const first = runtime.nextSlot
  if (!first || isHeldBack(draft)) return
  const dueUntil = new Date(view.now.getTime() - jitterMs(view.job))
  const span = dueSpan(view.job, first, dueUntil)
  if (span) return catchUp(draft, span, dueUntil, occasion)
  // whether another run is in its way is judged at the slot's own instant: that run may be over by then
  const isNear = first.getTime() - dueUntil.getTime() <= occasion.earlyMs && !isFull(draft)
  if (isNear && isMeant(view, first, occasion)) takeSlot(draft, first, occasion.trigger, occasion)
}

/** Which of the overdue slots run is the job's catch-up policy; the others are missed, and say why. */
function catchUp(draft: Draft, due: Span, dueUntil: Date, occasion: Occasion) {
  const { view } = draft
  const { policy } = view.job
  const oldest = policy.catchUp === 'all' ? oldestToRun(view.job, due, policy.catchUpMax) : due.last
  if (oldest > due.first) {
    const reason =
      policy.catchUp === 'all' ? 'more slots were missed than catch_up allows' : 'a later slot was due too'
    foldSpan(
      draft,
      { first: due.first, last: slotBefore(view.job, due.first, oldest) },
      { verdict: 'missed', reason },
    )
  }
  if (dueUntil.getTime() - oldest.getTime() > graceMs(view.job, oldest)) {
    const until =
      policy.catchUp === 'all' ? new Date(dueUntil.getTime() - graceMs(view.job, oldest)) : due.last
    const late = dueSpan(view.job, oldest, until) ?? { first: oldest, last: oldest }
    foldSpan(draft, late, { verdict: 'missed', reason: 'no process handled it in time' })
    return
  }
  takeSlot(draft, oldest, due.first < due.last ? 'catch_up' : occasion.trigger, occasion)
}

/** How late a slot of this job may still run. A one-shot without a deadline runs however late it is. */
export function graceMs(job: JobRule, slot: Date): number {
  if (job.policy.deadlineMs !== null) return job.policy.deadlineMs
  const periodMs = typicalPeriodMs(job, slot)
  if (periodMs === null || job.policy.catchUp === 'all') return Number.POSITIVE_INFINITY
  return job.policy.catchUp === 'none' ? catchUpGraceMs(0) : catchUpGraceMs(periodMs)
}

function takeSlot(draft: Draft, slot: Date, trigger: Trigger, occasion: Occasion) {
  const { runtime, view } = draft
  const { policy, repeatTimes } = view.job
  runtime.lastSlot = slot
  runtime.nextSlot = slotAfter(view.job, slot)
  const base = { id: occasion.newRunId(), slot, trigger }
  if (policy.overlap === 'cancel_running') cancelLive(draft)
  if (isFull(draft)) {
    const isQueued = [...draft.live.values()].some((run) => run.attempt === 0)
    if (policy.overlap !== 'queue' || isQueued) {
      const reason = [...draft.live.values()].some((run) => isWithoutPlace(view, run))
        ? noPlace
        : `overlap: ${isQueued ? 'one run was live and one was queued' : 'the previous run was still live'}`
      return addRun(draft, { ...base, state: 'skipped', finished: true, reason })
    }
  }
  runtime.slotsUsed += 1
  if (repeatTimes !== null && runtime.slotsUsed >= repeatTimes) runtime.nextSlot = null
  // attempt 0, due at once: `startWaiting` takes it in this same decision unless another run is live
  addRun(draft, { ...base, attempt: 0, attemptDueAt: slot })
}

/** Why a slot was skipped whose job's run before had not begun yet, because its process had no place for it. */
export const noPlace = 'no place: the previous run was still waiting for one'

/** Claimed, due, and not begun: a run that has a place begins at once. */
function isWithoutPlace({ job, now }: View, { state, leaseUntil, slot }: LiveRun): boolean {
  const isDue = slot === null || slot.getTime() + jitterMs(job) <= now.getTime()
  return state === 'claimed' && leaseUntil !== null && isDue
}

function cancelLive(draft: Draft) {
  for (const run of draft.live.values()) {
    draft.stops.push(run.id)
    endAttempt(draft, run, { state: 'cancelled', final: true }, 'overlap: a newer slot took its place')
  }
}

/** Takes every waiting attempt that is due, oldest first, as far as the limits of the job and of its project go. */
function startWaiting(draft: Draft) {
  let left = runsLeft(draft.view)
  for (const run of [...draft.live.values()]) {
    if (!run.attemptDueAt) continue
    const isNew = run.attempt === 0
    if (isNew ? isFull(draft) || left <= 0 : isBusy(draft) || run.attemptDueAt > draft.view.now) continue
    if (isNew) left -= 1
    startAttempt(draft, run)
  }
}

/** A fire is meant for the slot that is nearest to the instant it names: a repeated one never takes the next slot. */
function isMeant(view: View, slot: Date, occasion: Occasion): boolean {
  const { lastSlot } = view.runtime
  if (!lastSlot) return true
  const hint = (occasion.fireAt ?? view.now).getTime()
  return slot.getTime() - hint < hint - lastSlot.getTime()
}

type Span = { first: Date; last: Date }

/** All slots of the job from `first` (a slot) to `until`, both inclusive, as a span; null: `first` is later. */
function dueSpan(job: JobRule, first: Date, until: Date): Span | null {
  if (first > until) return null
  const { endsAt } = job.policy
  const bound = endsAt && endsAt < until ? endsAt : until
  return { first, last: latestSlot(job, { after: justBefore(first), until: bound }) ?? first }
}

function slotBefore(job: JobRule, first: Date, slot: Date): Date {
  return latestSlot(job, { after: justBefore(first), until: justBefore(slot) }) ?? first
}

function oldestToRun(job: JobRule, due: Span, max: number): Date {
  let oldest = due.last
  for (let n = 1; n < max && oldest > due.first; n++) oldest = slotBefore(job, due.first, oldest)
  return oldest
}

function foldSpan(draft: Draft, span: Span, verdict: Pick<Fold, 'verdict' | 'reason'>) {
  const { runtime, view } = draft
  const count = countSlots(view.job, { after: justBefore(span.first), until: span.last })
  draft.folds.push({ firstSlot: span.first, lastSlot: span.last, count: Math.max(1, count), ...verdict })
  runtime.lastSlot = span.last
  runtime.nextSlot = slotAfter(view.job, span.last)
  touch(draft)
}

const justBefore = (instant: Date) => new Date(instant.getTime() - 1)
