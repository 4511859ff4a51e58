import { createRateLimit } from '../access/rate-limit.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import { AppError } from '../ground/errors.ts'
import type { Delays } from '../ground/delays.ts'

/**
 * How many claimed runs may wait in a process: 500 for each place, so with the usual 20 places the 10,000 fires of a
 * busy minute. A claimed run is safe here, while NAS gives up a fire after some tries; so a lot is taken. But each
 * waiting run costs about 5 KB and a renewal of its lease, so not more than a machine of 256 MB has room for.
 */
export function queueMax(places: number): number {
  return Math.min(500 * places, 20_000)
}

/**
 * Cancels of jobs that are not there, in a minute: enough for orphans, which are few, and a caller with a fire token
 * cannot make us flood NAS. The others are acknowledged all the same, so NAS does not call for them again.
 */
const cancelsPerMinute = 30

/** When NAS is to try again: spread, so that fires that were refused together do not come back together. */
const fullRetryS = { least: 5, most: 60 }

type FireLimitsNeeds = {
  /** Claimed runs that wait in this process, and how many may. */
  queued: () => number
  queueMax: number
  delays: Delays
  chance?: Chance | undefined
}

export type FireLimits = ReturnType<typeof createFireLimits>

/** What keeps a flood of fires from this process, and from NAS. */
export function createFireLimits({ queued, queueMax: most, delays, chance = realChance }: FireLimitsNeeds) {
  /** Fires that were let in and have not found out yet whether they claim anything. */
  let looking = 0
  const cancels = createRateLimit({ perMinute: cancelsPerMinute, now: delays.now })

  return {
    /** @throws AppError QUEUE_FULL */
    refuseIfFull() {
      const waiting = queued() + looking
      if (waiting < most) return
      const retryAfterS =
        fullRetryS.least + Math.floor(chance.fraction() * (fullRetryS.most - fullRetryS.least + 1))
      throw new AppError('QUEUE_FULL', `${waiting} runs are queued in this process. Retry this fire later.`, {
        retryAfterS,
      })
    },
    whileLooking<T>(work: Promise<T>): Promise<T> {
      looking += 1
      return work.finally(() => {
        looking -= 1
      })
    },
    mayCancel: () => cancels.take('').retryAfterS === null,
  }
}
