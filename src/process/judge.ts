import type { OwedCounts } from '../../db/index.ts'
import { counted } from '../ground/words.ts'

/** `degraded`: some work is late, skipped or not reported. `failing`: most of it is, or soon will be. */
export type Health = 'ok' | 'degraded' | 'failing'

/** `code` never changes once released; `message` is for people. */
export type Reason = {
  code:
    | 'BACKLOG'
    | 'SLOTS_SKIPPED'
    | 'LATE'
    | 'DELIVERIES_FAILING'
    | 'TIMER_FAILING'
    | 'TIMER_REFUSED'
    | 'KEYS_FAILING'
    | 'ARMS_OWED'
    | 'WAKES_LOST'
    | 'ENCRYPTION_KEY_WRONG'
  health: Exclude<Health, 'ok'>
  message: string
}

/** Of the last ten minutes, and of now. Times in milliseconds. */
export type Facts = {
  /** The run that waits for a place for longest, and the period of its job; null: none waits, or the job has no period. */
  wait: { ms: number; periodMs: number | null } | null
  /** Slots that were skipped because the run before had no place. */
  skipped: number
  /** Runs that began for a slot, and how late after their instants. */
  starts: { count: number; p99LateMs: number }
  /** Deliveries that arrived, and that failed permanently. */
  deliveries: { delivered: number; failed: number }
  /** Jobs that the timer service did not call for, found by a sweep. */
  lost: number
  /** The last call of the timer service failed; `isRefused`: permanently. */
  timer: { message: string; isRefused: boolean } | null
  /** The signing keys of fires could not be fetched. */
  keys: { message: string } | null
}

/** A wake-up that NAS has not confirmed for so long. Until then, and without a failure, its arm is under way. */
export const owedMs = { degraded: 60_000, failing: 600_000 }

/** A run that is later than this, as one in a hundred is. */
const lateMs = { degraded: 30_000, failing: 300_000 }
/** Fewer starts say nothing about one in a hundred. */
const leastStarts = 20
/** A wait is no shorter than this, however often the job is due. */
const leastBacklogMs = 10_000
const longestBacklogMs = 300_000
/** Of a run whose job is not looked at. */
const backlogAnywhereMs = 60_000
/** Of the slots that were due, as a share. */
const failingShare = 0.1

/** The health of the service by what one process has seen. Pure. */
export function judge(facts: Facts): Reason[] {
  return judges.map((one) => one(facts)).filter((reason) => reason !== null)
}

const judges = [backlog, skipped, late, deliveries, lostWakes, timer, keys]

function backlog({ wait }: Facts): Reason | null {
  if (!wait) return null
  const most = Math.max(leastBacklogMs, Math.min(wait.periodMs ?? longestBacklogMs, longestBacklogMs))
  if (wait.ms <= most) return null
  return {
    code: 'BACKLOG',
    health: 'degraded',
    message: `A run waits for a place for ${inSeconds(wait.ms)}, longer than the period of its job allows.`,
  }
}

function skipped({ skipped: slots, starts }: Facts): Reason | null {
  if (slots === 0) return null
  const isMuch = slots > failingShare * (slots + starts.count)
  return {
    code: 'SLOTS_SKIPPED',
    health: isMuch && slots >= leastStarts ? 'failing' : 'degraded',
    message: `${counted(slots, 'slot', ['was', 'were'])} skipped in the last 10 minutes because the run before had no place.`,
  }
}

function late({ starts }: Facts): Reason | null {
  if (starts.count < leastStarts || starts.p99LateMs <= lateMs.degraded) return null
  return {
    code: 'LATE',
    health: starts.p99LateMs > lateMs.failing ? 'failing' : 'degraded',
    message: `One run in a hundred begins ${inSeconds(starts.p99LateMs)} or more after its slot.`,
  }
}

function deliveries({ deliveries: { delivered, failed } }: Facts): Reason | null {
  if (failed === 0 || failed < delivered) return null
  const message = `${failed} of ${failed + delivered} deliveries failed permanently in the last 10 minutes.`
  return { code: 'DELIVERIES_FAILING', health: 'degraded', message }
}

function lostWakes({ lost: jobs }: Facts): Reason | null {
  if (jobs === 0) return null
  const message = `The timer service did not call for ${counted(jobs, 'job')} in the last 10 minutes; ${jobs === 1 ? 'it was' : 'they were'} handled late.`
  return { code: 'WAKES_LOST', health: 'degraded', message }
}

function timer({ timer: failure }: Facts): Reason | null {
  if (!failure) return null
  if (failure.isRefused)
    return {
      code: 'TIMER_REFUSED',
      health: 'failing',
      message: `The timer service refuses this service: ${failure.message}`,
    }
  return { code: 'TIMER_FAILING', health: 'degraded', message: `The timer service fails: ${failure.message}` }
}

function keys({ keys: failure }: Facts): Reason | null {
  return (
    failure && {
      code: 'KEYS_FAILING',
      health: 'degraded',
      message: `The signing keys of fires could not be fetched: ${failure.message}`,
    }
  )
}

/** The same by what Postgres has of all processes; `isKeyWrong`: ENCRYPTION_KEY is not that of the database. Pure. */
export function judgeCounts(
  { now, ...counts }: OwedCounts,
  { isKeyWrong }: { isKeyWrong: boolean },
): Reason[] {
  const { armsOwed, oldestOwedSince, lost, waiting } = counts
  const reasons: Reason[] = []
  const owedForMs = oldestOwedSince ? now.getTime() - oldestOwedSince.getTime() : 0
  if (armsOwed > 0 && owedForMs > owedMs.degraded) {
    const message = `${counted(armsOwed, 'wake-up', ['is', 'are'])} not confirmed by the timer service, the oldest for ${inSeconds(owedForMs)}.`
    reasons.push({ code: 'ARMS_OWED', health: owedForMs > owedMs.failing ? 'failing' : 'degraded', message })
  }
  if (lost > 0)
    reasons.push({
      code: 'WAKES_LOST',
      health: 'degraded',
      message: `The timer service did not call for ${counted(lost, 'job')} that it confirmed.`,
    })
  const waitMs = waiting.since ? now.getTime() - waiting.since.getTime() : 0
  if (waitMs > backlogAnywhereMs)
    reasons.push({
      code: 'BACKLOG',
      health: 'degraded',
      message: `${counted(waiting.runs, 'run', ['waits', 'wait'])} for a place, the first for ${inSeconds(waitMs)}.`,
    })
  if (isKeyWrong) {
    const message = 'ENCRYPTION_KEY is not the key that this database was sealed with.'
    reasons.push({ code: 'ENCRYPTION_KEY_WRONG', health: 'degraded', message })
  }
  return reasons
}

/** The worst of them. */
export function healthOf(reasons: readonly Pick<Reason, 'health'>[]): Health {
  if (reasons.some(({ health }) => health === 'failing')) return 'failing'
  return reasons.length > 0 ? 'degraded' : 'ok'
}

export const isWorse = (a: Health, b: Health) => order.indexOf(a) > order.indexOf(b)
const order: readonly Health[] = ['ok', 'degraded', 'failing']

const inSeconds = (ms: number) => `${Math.round(ms / 1_000)} s`
