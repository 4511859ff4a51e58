import { createRateLimit } from '../access/rate-limit.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import { AppError } from '../ground/errors.ts'
import { type Delays, sleep } from '../ground/delays.ts'

/**
 * How many claimed runs may wait in a process: 500 for each place, and at most the 10,000 fires of a busy minute. A
 * claimed run is safe here, while NAS gives up a fire after some tries; so a lot is taken. But each waiting run costs
 * about 5 KB and a renewal of its lease, so not more than a machine of 256 MB has room for.
 */
export function queueMax(places: number): number {
  return Math.min(500 * places, 10_000)
}

/**
 * A fire whose run would wait for too long is held for so long before it is refused: a place may come, and a proxy that
 * counts the requests that are under way starts a second machine. The answer still has the rest of its time.
 */
const heldMs = { least: 2_000, most: 4_000 }

/**
 * Cancels of jobs that are not there, in a minute: enough for orphans, which are few, and a caller with a fire token
 * cannot make us flood NAS. The others are acknowledged all the same, so NAS does not call for them again.
 */
const cancelsPerMinute = 30

/** When NAS is to try again: spread, so that fires that were refused together do not come back together. */
const retryS = { least: 5, most: 30 }

/**
 * The same for a fire whose run would wait for a place. Those that wait now have places in about the time that the first
 * of them has waited; a place for this one may come at any moment of it, so the tries are spread over its second half.
 */
function retryAfterWaitS(waitMs: number) {
  const most = Math.min(retryS.most, Math.max(2, Math.ceil(waitMs / 1_000)))
  return { least: Math.ceil(most / 2), most }
}

type FireLimitsNeeds = {
  /** Claimed runs that wait in this process, and how many may. */
  queued: () => number
  queueMax: number
  /** How long the next run has waited that shares places with the job, if the job cannot afford that; null: it can. */
  tooLongWaitFor: (jobId: string) => number | null
  delays: Delays
  chance?: Chance | undefined
}

export type FireLimits = ReturnType<typeof createFireLimits>

/** What keeps a flood of fires from this process, and from NAS. */
export function createFireLimits(needs: FireLimitsNeeds) {
  const { queued, queueMax: most, tooLongWaitFor, delays, chance = realChance } = needs
  /** Fires that were let in and have not found out yet whether they claim anything. */
  let looking = 0
  const cancels = createRateLimit({ perMinute: cancelsPerMinute, now: delays.now })

  const between = ({ least, most: largest }: { least: number; most: number }) =>
    least + Math.floor(chance.fraction() * (largest - least + 1))

  function full(message: string, spreadS = retryS): AppError {
    return new AppError('QUEUE_FULL', `${message}. Retry this fire later.`, { retryAfterS: between(spreadS) })
  }

  async function untilFaster(jobId: string) {
    await sleep(delays, between(heldMs))
    const waitMs = tooLongWaitFor(jobId)
    if (waitMs !== null)
      throw full(
        'Runs wait longer for a place in this process than this job can afford',
        retryAfterWaitS(waitMs),
      )
  }

  return {
    /** @throws AppError QUEUE_FULL */
    refuseIfFull() {
      const waiting = queued() + looking
      if (waiting >= most) throw full(`${waiting} runs are queued in this process`)
    },
    /**
     * Null: this process has a place for the job's run in time, or does not know. Otherwise resolves when it has.
     *
     * @throws AppError QUEUE_FULL: it has none, another process may
     */
    hold(jobId: string): Promise<void> | null {
      return tooLongWaitFor(jobId) === null ? null : untilFaster(jobId)
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
