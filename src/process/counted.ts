import { AppError } from '../ground/errors.ts'
import type { Delays } from '../ground/delays.ts'
import type { Admission } from '../run/admission.ts'
import type { FireCall } from '../run/fire.ts'
import type { Tally } from '../telemetry/index.ts'
import type { TimerAnswer, TimerClient } from '../timers/index.ts'

type Counting = { tally: Tally; delays: Delays }

/** A process that was started for something else than its first fire had that fire later than this. */
const startedForFireMs = 60_000

/** Counts fires by their answer. The first one tells how long the machine took that was started for it. */
export function countedFires({ fire, answered }: FireCall, { tally, delays }: Counting): FireCall {
  let isFirst = true
  return {
    async fire(request) {
      try {
        const answer = await fire(request)
        tally.count('fires', { answer: answer.status })
        return answer
      } catch (error) {
        tally.count('fires', { answer: error instanceof AppError ? error.code.toLowerCase() : 'internal' })
        throw error
      }
    },
    answered(jobId) {
      // since the start of the process, by the clock that delays have too
      const sinceStartMs = delays.now()
      if (isFirst && sinceStartMs < startedForFireMs) tally.observe('coldStart', sinceStartMs / 1000)
      isFirst = false
      answered(jobId)
    },
  }
}

/** Counts and measures the calls that arm and cancel. */
export function countedTimer(timer: TimerClient, { tally, delays }: Counting): TimerClient {
  async function counted<T>(done: 'armed' | 'cancelled', call: Promise<TimerAnswer<T>>) {
    const startedAt = delays.now()
    const answer = await call
    tally.observe('arm', (delays.now() - startedAt) / 1000)
    tally.count('arms', { outcome: answer.ok ? done : 'failed' })
    return answer
  }
  return {
    ...timer,
    arm: (wanted, signal) => counted('armed', timer.arm(wanted, signal)),
    cancel: (arm, signal) => counted('cancelled', timer.cancel(arm, signal)),
  }
}

export function countedClaims(admission: Admission, { tally, delays }: Counting): Admission {
  return {
    ...admission,
    async claim(jobId, occasion) {
      const startedAt = delays.now()
      try {
        return await admission.claim(jobId, occasion)
      } finally {
        tally.observe('claim', (delays.now() - startedAt) / 1000)
      }
    },
  }
}
