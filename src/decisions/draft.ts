import { blankOf, liveRunColumns, outcomeColumns, pick, writtenRunColumns } from '../columns/index.ts'
import { jitterMs } from './slots.ts'
import { beginsAt, isProjectPaused } from './project.ts'
import type {
  Attempt,
  Decision,
  DeliveryWrite,
  Fold,
  LiveRun,
  OutcomeColumns,
  PendingDelivery,
  Runtime,
  RunWrite,
  TerminalState,
  View,
} from './types.ts'

/** After a lease has ended, how long until a process has to look: room for clocks and for a renewal in flight. */
export const leaseMarginMs = 2_000

/** How long a try to deliver is held; its sender ends long before. */
export const deliveryLeaseMs = 60_000

/** How an attempt ended, as its action (or the process that found it dead) reports. */
export type Outcome = OutcomeColumns & {
  state: Exclude<TerminalState, 'skipped'> | 'waiting'
  error?: { code: string; message: string }
  output?: string
  /** The whole log of the attempt, if it is to be stored with the outcome. */
  log?: Buffer
  /** The target's own wish (`Retry-After`); the next attempt waits at least so long. */
  retryAfterMs?: number
  /** The failure would only repeat itself: no further attempt. */
  final?: boolean
  /** `waiting`: the target has to report within so many milliseconds from now. */
  waitMs?: number
  /** It succeeded, as there was nothing to do. */
  skippedReason?: string
}

/** A decision in the making. Changed in place by the rules of this folder, closed once by `close`. */
export type Draft = {
  view: View
  runtime: Runtime
  live: Map<string, LiveRun>
  writes: Map<string, RunWrite>
  pending: Map<string, PendingDelivery>
  deliveryWrites: Map<string, DeliveryWrite>
  folds: Fold[]
  stops: string[]
  touched: boolean
}

export function openDraft(view: View): Draft {
  return {
    view,
    runtime: { ...view.runtime },
    live: new Map(view.live.map((run) => [run.id, run])),
    writes: new Map(),
    pending: new Map(view.deliveries.map((delivery) => [delivery.id, delivery])),
    deliveryWrites: new Map(),
    folds: [],
    stops: [],
    touched: false,
  }
}

/** Gives the draft its wake time and final state. Null where nothing was changed. */
export function close(draft: Draft): Decision | null {
  if (!draft.touched) return null
  const { runtime } = draft
  if (runtime.state === 'scheduled' && isUsedUp(draft)) runtime.state = 'completed'
  const runs = [...draft.writes.values()]
  const deliveries = [...draft.deliveryWrites.values()]
  return {
    runtime,
    runs,
    folds: draft.folds,
    deliveries,
    wakeTerm: wakeTerm(draft),
    starts: runs.filter((run) => run.leased),
    sends: deliveries.filter((delivery) => delivery.leased),
    stops: draft.stops,
  }
}

/** Nothing is left to run. A job that only another one's outcome starts is never without a next time, but for `repeat`. */
function isUsedUp({ view: { job }, runtime, live }: Draft): boolean {
  if (runtime.nextSlot || live.size > 0) return false
  return job.schedule.kind !== 'after' || (job.repeatTimes !== null && runtime.slotsUsed >= job.repeatTimes)
}

/** Writes the end of a live run's attempt that was not (or cannot be) tried again. */
export function finishRun(draft: Draft, run: LiveRun, outcome: Outcome, reason: string | null = null) {
  writeRun(draft, run, {
    ...pick(outcomeColumns, { ...noOutcome, ...outcome }),
    state: outcome.state,
    finished: true,
    reason: outcome.skippedReason ?? reason,
    error: outcome.error ?? null,
    attemptDueAt: null,
    attempts: [...run.attempts, ...finishedAttempt(draft, run, outcome)],
  })
  draft.live.delete(run.id)
}

/** Leaves the run live without a lease, to be tried again at `dueAt`. Without an outcome the attempt never began. */
export function parkRun(draft: Draft, run: LiveRun, dueAt: Date, outcome: Outcome | null = null) {
  writeRun(draft, run, {
    state: 'claimed',
    attemptDueAt: dueAt,
    attempt: outcome ? run.attempt : run.attempt - 1,
    error: outcome?.error ?? null,
    attempts: outcome ? [...run.attempts, ...finishedAttempt(draft, run, outcome)] : run.attempts,
  })
}

/** Leaves the run to its target, which has taken the work: it reports within `waitMs`, or the attempt has timed out. */
export function awaitCallback(draft: Draft, run: LiveRun, waitMs: number) {
  const callbackUntil = new Date(draft.view.now.getTime() + waitMs)
  writeRun(draft, run, { state: 'waiting', callbackUntil, attemptDueAt: null })
}

/** Takes the next attempt of a waiting run for this process, under a new fence. */
export function startAttempt(draft: Draft, run: LiveRun) {
  draft.runtime.fence += 1
  writeRun(draft, run, {
    state: 'claimed',
    fence: draft.runtime.fence,
    attempt: run.attempt + 1,
    leased: true,
    attemptDueAt: null,
  })
}

/** Adds a run that no row exists for yet. */
export function addRun(draft: Draft, run: Pick<RunWrite, 'id' | 'slot' | 'trigger'> & Partial<RunWrite>) {
  const write: RunWrite = {
    ...unwritten,
    state: 'claimed',
    fence: draft.runtime.fence,
    startedAt: null,
    ...run,
  }
  draft.touched = true
  draft.writes.set(write.id, write)
  if (!write.finished) draft.live.set(write.id, { ...asLive(write) })
}

export function touch(draft: Draft) {
  draft.touched = true
}

function writeRun(draft: Draft, run: LiveRun, change: Partial<RunWrite>) {
  const write = { ...rewritten(run), callbackUntil: null, ...draft.writes.get(run.id), ...change }
  draft.touched = true
  draft.writes.set(run.id, write)
  if (!write.finished) draft.live.set(run.id, asLive(write))
}

const noOutcome = blankOf(outcomeColumns)
/** A write that changes nothing yet. */
export const unwritten = {
  ...blankOf(writtenRunColumns),
  seenFence: null,
  leased: false,
  error: null,
  finished: false,
}

/** A live run as it is, to be written again with the caller's changes. */
export function rewritten(run: LiveRun): RunWrite {
  const { owner: _, leaseUntil: __, ...kept } = run
  return { ...unwritten, ...kept, seenFence: kept.fence }
}

/** A new delivery, or a change of one. */
export function writeDelivery(draft: Draft, write: DeliveryWrite) {
  draft.touched = true
  draft.deliveryWrites.set(write.id, write)
  if (write.state === 'pending') draft.pending.set(write.id, write)
  else draft.pending.delete(write.id)
}

/** `leaseUntil` of a lease that this very write takes is not known yet: Postgres' clock sets it. */
function asLive(write: RunWrite): LiveRun {
  const state: LiveRun['state'] = write.callbackUntil ? 'waiting' : 'claimed'
  return pick(liveRunColumns, { ...write, state, owner: null, leaseUntil: null })
}

function finishedAttempt(draft: Draft, run: LiveRun, outcome: Outcome): Attempt[] {
  // between two attempts: the last one has been told already
  if (run.attemptDueAt) return []
  return [
    {
      attempt: run.attempt,
      fence: run.fence,
      state: outcome.state as TerminalState,
      started_at: run.startedAt?.toISOString() ?? null,
      finished_at: draft.view.now.toISOString(),
      error: outcome.error ?? null,
    },
  ]
}

/**
 * The earliest instant at which this job needs a process: next slot, end of a timed pause, due attempt, end of a
 * lease (plus the margin) or of the time that a target has to report, due delivery. Leases that the decision itself takes are added by the write, from Postgres' clock.
 */
function wakeTerm(draft: Draft): Date | null {
  const { runtime, view } = draft
  const terms: Date[] = []
  const isPaused = isProjectPaused(view)
  if (runtime.state === 'scheduled' && runtime.nextSlot && !isHeldBack(draft) && !isPaused) {
    terms.push(beginsAt(view, new Date(runtime.nextSlot.getTime() + jitterMs(view.job))))
  }
  if (runtime.resumeAt) terms.push(runtime.resumeAt)
  const isBlocked = isFull(draft)
  for (const run of draft.live.values()) {
    if (run.leaseUntil) terms.push(new Date(run.leaseUntil.getTime() + leaseMarginMs))
    if (run.callbackUntil) terms.push(run.callbackUntil)
    if (!run.attemptDueAt || runtime.state === 'paused' || isPaused) continue
    if (run.attempt > 0 && !isBusy(draft)) terms.push(run.attemptDueAt)
    if (run.attempt === 0 && !isBlocked) terms.push(beginsAt(view, run.attemptDueAt))
  }
  for (const { dueAt, leaseUntil } of draft.pending.values()) {
    if (dueAt) terms.push(dueAt)
    if (leaseUntil) terms.push(new Date(leaseUntil.getTime() + leaseMarginMs))
  }
  return terms.reduce<Date | null>((least, term) => (least && least <= term ? least : term), null)
}

/**
 * With catch-up `all`: the next slot was due before the runs that are live had all begun, so it did not come while one
 * was running. It is no case of overlap: it waits until there is room, and until then only the ends of those runs count.
 */
export function isHeldBack(draft: Draft): boolean {
  const { runtime, view } = draft
  if (view.job.policy.catchUp !== 'all' || !runtime.nextSlot || !isFull(draft)) return false
  const dueAt = runtime.nextSlot.getTime() + jitterMs(view.job)
  const begun = [...draft.live.values()].filter((run) => run.attempt > 0)
  // one that has not begun will, at an instant that is not before this look
  return begun.some(({ startedAt }) => dueAt <= (startedAt ?? view.now).getTime())
}

/** True if no further run of this job may begin: those held or between two attempts fill its limit. */
export function isFull(draft: Draft): boolean {
  return [...draft.live.values()].filter((run) => run.attempt > 0).length >= limitOf(draft)
}

/** True where as many runs are held as the job allows: a limit that was lowered lets a due attempt wait for one's end. */
export function isBusy(draft: Draft): boolean {
  return [...draft.live.values()].filter((run) => run.attemptDueAt === null).length >= limitOf(draft)
}

function limitOf({ view }: Draft): number {
  const { policy } = view.job
  return policy.overlap === 'allow' ? policy.maxLive : 1
}
