import type { ArmOrder, ArmResult, Store } from '../../db/index.ts'
import { type FireAtLimits, freshFireAt, tighter } from './fire-at.ts'
import type { Holds } from '../ground/holds.ts'
import { createRecent } from '../ground/recent.ts'
import type { Delays } from '../ground/delays.ts'
import { mayBeHeld, type TimerClient, type TimerFailure } from '../timers/index.ts'

/** One call of the timer at a time: which instant is asked for, and what its answer means. Nothing is tried again here. */
export type Asking = {
  /** Has the timer hold what the order says, no further ahead than `mostAheadMs`. Rejects only if the timer's client does. */
  carryOut(
    order: ArmOrder,
    mostAheadMs: number,
  ): Promise<ArmResult & { isRefused?: boolean; retryAfterMs: number }>
  /**
   * The wake-up that stands beside the new one is taken back, once the new one is confirmed and written down. One that
   * is due by now has fired, or will: it costs nothing more. If it stays, it costs one wake that finds nothing due.
   */
  dropReplaced(order: ArmOrder): void
  /** Tells the timer to forget a job that Postgres no longer knows. Never rejects; what fails is owed until a reconcile. */
  cancelOrphan(jobId: string): Promise<boolean>
  /** `delays.now()` of the last time that the timer confirmed an arm of this job to this process; -Infinity: never. */
  lastArmedAt(jobId: string): number
  /** The last failed call, for people; null: none since the last good one. */
  lastError(): { at: Date; code: string; message: string } | null
}

export type AskingNeeds = {
  store: Pick<Store, 'orphanCancelled' | 'orphanSchedule'>
  timer: TimerClient
  holds: Holds
  callbackUrl: string
  delays: Delays
  log: { warn(fields: object, message: string): void }
  onRefused: (failure: TimerFailure) => void
}

/** Only the answers of the last seconds are asked about. */
const armedAtMax = 20_000

export function createAsking({
  store,
  timer,
  holds,
  callbackUrl,
  delays,
  log,
  onRefused,
}: AskingNeeds): Asking {
  const armedAt = createRecent<number>(armedAtMax)
  let lastError: ReturnType<Asking['lastError']> = null
  let limits: FireAtLimits = { horizonMs: timer.limits.horizonMs, leadMs: 0 }

  async function carryOut(order: ArmOrder, mostAheadMs: number): ReturnType<Asking['carryOut']> {
    const startedAt = delays.now()
    const horizonMs = Math.min(limits.horizonMs, mostAheadMs)
    const fireAt = order.wakeAt && freshFireAt(order, { ...limits, horizonMs })
    const { jobId, gen, armed } = order
    const answer = fireAt
      ? await timer.arm({ jobId, gen, fireAt, callbackUrl })
      : await timer.cancel({ jobId, scheduleId: armed?.scheduleId ?? null })
    const base = {
      gen,
      fireAt,
      mayBeHeld: answer.ok || mayBeHeld(answer),
      tookMs: Math.round(delays.now() - startedAt),
      retryAfterMs: 0,
    }
    if (answer.ok) {
      lastError = null
      armedAt.note(jobId, delays.now())
      return answer.value
        ? { ...base, outcome: 'armed', scheduleId: answer.value.scheduleId }
        : { ...base, outcome: 'cancelled' }
    }
    noteFailure(jobId, answer)
    if (answer.kind === 'rejected' && fireAt) limits = tighter(limits, fireAt.getTime() - order.now.getTime())
    const { code, message, kind, retryAfterMs = 0 } = answer
    return { ...base, outcome: 'failed', code, message, isRefused: kind === 'refused', retryAfterMs }
  }

  function dropReplaced({ jobId, armed, now }: ArmOrder) {
    if (timer.limits.isOnePerJob || !armed || armed.scheduleId === null || armed.at <= now) return
    const dropped = timer.cancel({ jobId, scheduleId: armed.scheduleId }).then((answer) => {
      if (answer.ok) return
      const fields = { job: jobId, code: answer.code, status: answer.status }
      log.warn(fields, `${timer.title} did not cancel a wake-up that was replaced: ${answer.message}`)
    })
    void holds.during('arm', dropped)
  }

  function noteFailure(jobId: string, failure: TimerFailure) {
    lastError = { at: new Date(), code: failure.code, message: failure.message }
    if (failure.kind === 'refused') onRefused(failure)
    else
      log.warn(
        { job: jobId, code: failure.code, status: failure.status },
        `${timer.title} did not arm: ${failure.message}`,
      )
  }

  async function cancelOrphan(jobId: string): Promise<boolean> {
    const answer = await holds.during('arm', cancelWhole(jobId)).catch(() => null)
    if (!answer) return false
    if (!answer.ok) {
      noteFailure(jobId, answer)
      return false
    }
    return store.orphanCancelled(jobId).then(
      () => true,
      () => false,
    )
  }

  async function cancelWhole(jobId: string) {
    const scheduleId = timer.limits.isOnePerJob ? null : await store.orphanSchedule(jobId)
    return timer.cancel({ jobId, scheduleId })
  }

  return {
    ...{ carryOut, dropReplaced, cancelOrphan },
    lastArmedAt: (jobId) => armedAt.get(jobId) ?? Number.NEGATIVE_INFINITY,
    lastError: () => lastError,
  }
}
