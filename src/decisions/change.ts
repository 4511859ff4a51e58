import { blankOf, runtimeColumns } from '../columns/index.ts'
import { AppError, type ErrorCode } from '../ground/errors.ts'
import { foldProjectPause, foldUntil, slotOfPause, unpause } from './attend.ts'
import { addRun, close, type Draft, openDraft, startAttempt, touch } from './draft.ts'
import { beginsAt, isProjectPaused, runsLeft } from './project.ts'
import { endAttempt } from './settle.ts'
import { later, slotAfter, withinBounds } from './slots.ts'
import type { Decision, JobRule, Runtime, Trigger, View } from './types.ts'

/** The runtime of a job that begins at `now`. A one-shot that is a little late (the parser bounds it) is due at once. */
export function firstRuntime(job: JobRule, now: Date): Runtime {
  const { schedule } = job
  const nextSlot =
    schedule.kind === 'once' ? withinBounds(job, schedule.runAt) : slotAfter(job, begunAt(job, now))
  const isWaiting = nextSlot !== null || schedule.kind === 'after'
  return { ...blankOf(runtimeColumns), state: isWaiting ? 'scheduled' : 'completed', nextSlot }
}

/** Steps of the calendar may have their first slot at the very instant at which the job is made. */
function begunAt({ schedule }: JobRule, now: Date): Date {
  return schedule.kind === 'calendar' ? new Date(now.getTime() - 1) : now
}

/**
 * The job under a changed rule (`view.job` is the new one). Slots that were due under the old rule and not yet taken
 * are superseded; the next slot is the first of the new rule after now and after every slot already spoken for.
 * A paused job stays paused; a finished one comes alive where the new rule has slots left, and so does one that was
 * stopped because nothing could be decided about it: its old rule cannot be asked for the slots that passed.
 */
export function reschedule(view: View, old: JobRule): Decision | null {
  const draft = openDraft({ ...view, job: old })
  const { runtime } = draft
  if (runtime.state === 'error') runtime.state = 'scheduled'
  else foldPassed(draft, view.now)
  draft.view = view
  const { schedule } = view.job
  const isAhead = schedule.kind === 'once' && (!runtime.lastSlot || schedule.runAt > runtime.lastSlot)
  return continueFrom(
    draft,
    isAhead ? withinBounds(view.job, schedule.runAt) : slotAfter(view.job, later(view.now, runtime.lastSlot)),
  )
}

/**
 * The job with another number of repeats, or another policy (`view.job` is the new one). A slot that is due stays due,
 * unless the new bounds leave it out: then it is superseded. A later one follows the new bounds.
 */
export function recount(view: View, old: JobRule): Decision | null {
  const draft = openDraft({ ...view, job: old })
  const { runtime } = draft
  if (runtime.state === 'error') {
    // nothing can be decided about it before its schedule is changed or it is resumed
    touch(draft)
    return close(draft)
  }
  const until = leftOutUntil(view, runtime.slotsUsed)
  if (until) foldPassed(draft, until)
  draft.view = view
  const isDue = runtime.nextSlot !== null && runtime.nextSlot <= view.now
  return continueFrom(
    draft,
    isDue ? runtime.nextSlot : slotAfter(view.job, later(view.now, runtime.lastSlot)),
  )
}

/** Up to which instant slots that are due have no place in the job as it is now; null: none of them. */
function leftOutUntil({ job, now }: View, slotsUsed: number): Date | null {
  const { startsAt, endsAt } = job.policy
  if (endsAt && endsAt < now) return now
  if (job.repeatTimes !== null && slotsUsed >= job.repeatTimes) return now
  if (!startsAt) return null
  return startsAt > now ? now : new Date(startsAt.getTime() - 1)
}

/** Slots up to `until` that no process took: those of a pause are skipped, and the others are superseded by the change. */
function foldPassed(draft: Draft, until: Date) {
  if (draft.runtime.state === 'paused') return foldUntil(draft, until, slotOfPause)
  foldProjectPause(draft)
  foldUntil(draft, until, superseded)
}

const superseded = {
  verdict: 'superseded',
  reason: 'the job was changed before it was taken',
} as const

function continueFrom(draft: Draft, slot: Date | null): Decision | null {
  const { runtime, view } = draft
  const { repeatTimes } = view.job
  const isUsedUp = repeatTimes !== null && runtime.slotsUsed >= repeatTimes
  runtime.nextSlot = isUsedUp ? null : slot
  const canRun = runtime.nextSlot !== null || (view.job.schedule.kind === 'after' && !isUsedUp)
  if (runtime.state === 'completed' && canRun) runtime.state = 'scheduled'
  touch(draft)
  return close(draft)
}

/** @throws AppError JOB_STATE_CONFLICT: the job is finished. Pausing a paused job changes its reason and its end. */
export function pause(view: View, wish: { reason: string | null; until: Date | null }): Decision | null {
  const draft = openDraft(view)
  const { runtime } = draft
  if (runtime.state === 'completed')
    throw conflict('The job is finished: no slot is left. Change its schedule or its repeats.')
  runtime.state = 'paused'
  runtime.pausedAt ??= view.now
  runtime.pausedReason = wish.reason
  runtime.resumeAt = wish.until
  touch(draft)
  return close(draft)
}

/**
 * Null where the job is active already.
 *
 * @throws AppError JOB_STATE_CONFLICT: nothing is left to run (finished, or a one-shot whose instant has passed).
 */
export function resume(view: View): Decision | null {
  const { runtime, job, now } = view
  if (runtime.state === 'scheduled') return null
  const { schedule } = job
  if (schedule.kind === 'once' && schedule.runAt <= now) {
    throw conflict(
      `The instant of this one-shot, ${schedule.runAt.toISOString()}, has passed. Change its schedule.`,
    )
  }
  if (runtime.state === 'completed')
    throw conflict('The job is finished: no slot is left. Change its schedule or its repeats.')
  const draft = openDraft(view)
  unpause(draft)
  draft.runtime.failureStreak = 0
  return close(draft)
}

/**
 * A job that nothing can be decided about (its rule cannot be evaluated any more): it stops, and shows why, so that it
 * never looks healthy and never stands in the way of the others. `resume` tries again.
 */
export function stopBroken(view: View, message: string): Decision {
  const draft = openDraft(view)
  Object.assign(draft.runtime, { state: 'error', lastStatus: 'error', lastError: message })
  touch(draft)
  return close(draft) as Decision
}

/**
 * A run without a slot, at once, unless the project is paused or has begun all runs of this minute; the schedule is not touched, and a paused job stays paused.
 *
 * @throws AppError PROJECT_PAUSED, PROJECT_BUSY; JOB_STATE_CONFLICT: the job is (to be started by another) paused or finished; JOB_BUSY: a run is
 * live, its overlap policy allows no other, and the start may wait (`queue`). Else that is a JOB_STATE_CONFLICT as well.
 */
export function startManual(
  view: View,
  wish: { runId: string; trigger: Trigger; input: unknown },
): Decision | null {
  const { runtime, job, live } = view
  const limit = job.policy.overlap === 'allow' ? job.policy.maxLive : 1
  const isAfter = wish.trigger === 'after'
  checkProject(view)
  if (isAfter && runtime.state === 'paused') throw conflict('The job is paused. Resume it first.')
  const isUsedUp = job.repeatTimes !== null && runtime.slotsUsed >= job.repeatTimes
  if (isAfter && (runtime.state === 'completed' || (job.schedule.kind === 'after' && isUsedUp)))
    throw conflict('The job is finished and cannot run again.')
  if (live.length >= limit) {
    const canWait = isAfter && job.policy.overlap === 'queue'
    throw conflict(
      `Run ${live[0]?.id} has not finished, and the job allows ${limit} at a time (overlap: ${job.policy.overlap}).`,
      canWait ? 'JOB_BUSY' : 'JOB_STATE_CONFLICT',
    )
  }
  const draft = openDraft(view)
  addRun(draft, {
    id: wish.runId,
    slot: null,
    trigger: wish.trigger,
    input: wish.input,
    attempt: 0,
    attemptDueAt: view.now,
  })
  if (job.schedule.kind === 'after' && isAfter) draft.runtime.slotsUsed += 1
  const run = draft.live.get(wish.runId)
  if (run) startAttempt(draft, run)
  return close(draft)
}

/** @throws AppError PROJECT_PAUSED, PROJECT_BUSY */
function checkProject(view: View) {
  if (isProjectPaused(view))
    throw conflict('The project, or the whole service, is paused. Resume it first.', 'PROJECT_PAUSED')
  if (runsLeft(view) > 0) return
  const retryAfterS = Math.ceil((beginsAt(view, view.now).getTime() - view.now.getTime()) / 1000)
  const detail = `Project ${view.project?.name} has begun all runs of this minute (runs_per_minute). Retry in ${retryAfterS} s.`
  throw new AppError('PROJECT_BUSY', detail, { retryAfterS })
}

/** Null where the run is not live (any more). The process that carries it out finds its fence gone and stops. */
export function cancelRun(view: View, runId: string, reason: string): Decision | null {
  const run = view.live.find(({ id }) => id === runId)
  if (!run) return null
  const draft = openDraft(view)
  draft.stops.push(run.id)
  endAttempt(draft, run, { state: 'cancelled', final: true }, reason)
  return close(draft)
}

function conflict(message: string, code: ErrorCode = 'JOB_STATE_CONFLICT'): AppError {
  return new AppError(code, message)
}
