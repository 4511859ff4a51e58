import type { ArmState } from '../arming/arm.ts'
import type { Attend, Attended } from './admission.ts'
import { type Chance, realChance } from '../ground/chance.ts'
import type { Confirm } from '../arming/confirm.ts'
import { AppError, draining } from '../ground/errors.ts'
import type { Look } from '../../db/index.ts'
import type { JobChange } from '../arming/index.ts'
import { createRateLimit } from '../access/rate-limit.ts'
import { sleep, type Timers } from '../ground/timers.ts'

export type FireAnswer =
  | { status: 'gone' | 'inactive' | 'not_due' | 'duplicate' }
  | { status: 'accepted'; jobId: string; runId: string }

export type Fire = {
  /**
   * What NAS is answered. The fire is a hint, the store decides: whatever is due of the job is claimed and begun in the
   * background, and before anything but an error is answered NAS has confirmed the job's next wake-up.
   *
   * @throws AppError DRAINING, QUEUE_FULL (nothing was claimed), DATABASE_UNAVAILABLE, ARM_UNCONFIRMED (what was
   * claimed goes on)
   */
  fire(request: { jobId: string; fireAt: Date | null }): Promise<FireAnswer>
  /** To be called once the 2xx of a fire has been sent. */
  answered(jobId: string): void
}

type Parts = {
  attend: Attend
  isDraining: () => boolean
  ensureArmed: (change: JobChange, budgetMs: number) => Promise<ArmState>
  cancelOrphan: (jobId: string) => void
  confirm: Pick<Confirm, 'begun' | 'answered' | 'unanswered'>
  timers: Timers
  chance?: Chance | undefined
  /** Claimed runs that wait in this process, and how many may. */
  queued: () => number
  queueMax: number
}

/** A slot that is at most so far ahead is claimed by its fire, and its run waits for the instant (contract). */
const earlyMs = 60_000
/** Well before the 15 s after which NAS itself, or a proxy on the way, gives up on us. */
const armBudgetMs = 10_000
const answerBudgetMs = 12_000
/** A fire that comes too early waits so long at most; what is left of its time is for arming. */
const longestWaitMs = 8_000

/**
 * How many claimed runs may wait in a process: 500 for each place, so with the usual 20 places the 10,000 fires of a
 * busy minute. What is claimed is safe here, while NAS gives up a fire after some tries; so a lot is taken. But each
 * waiting run costs about 5 KB and a renewal of its lease, so not more than a machine of 256 MB has room for.
 */
export function queueMax(places: number): number {
  return Math.min(500 * places, 20_000)
}

/**
 * Cancels of jobs that are not there, in a minute: enough for orphans, which are few, and whoever has a fire token
 * cannot make us flood NAS. What is left out is acknowledged all the same, so NAS does not call for it again.
 */
const cancelsPerMinute = 30

/** When NAS is to try again: spread, so that what was refused together does not come back together. */
const fullRetryS = { least: 5, most: 60 }

export function createFire(parts: Parts): Fire {
  const { attend, isDraining, ensureArmed, cancelOrphan, confirm, timers, chance = realChance } = parts
  /** Fires that were let in and have not found out yet whether they claim anything. */
  let looking = 0
  const cancels = createRateLimit({ perMinute: cancelsPerMinute, now: timers.now })

  async function fire(request: { jobId: string; fireAt: Date | null }): Promise<FireAnswer> {
    refuseWhereDraining()
    refuseWhereFull()
    confirm.begun(request.jobId)
    try {
      return await attendAndArm(request)
    } catch (error) {
      confirm.unanswered(request.jobId)
      throw error
    }
  }

  async function attendAndArm({
    jobId,
    fireAt,
  }: {
    jobId: string
    fireAt: Date | null
  }): Promise<FireAnswer> {
    const endsAt = timers.now() + answerBudgetMs
    looking += 1
    const attended = await attendOnTime(jobId, fireAt).finally(() => {
      looking -= 1
    })
    if (attended.state === 'gone') {
      if (cancels.take('').retryAfterS === null) cancelOrphan(jobId)
      return { status: 'gone' }
    }
    const order = attended.state === 'attended' ? attended.order : null
    const armed = await ensureArmed(
      { jobId, order, atRest: true },
      Math.min(armBudgetMs, endsAt - timers.now()),
    )
    // a refusal is for good: the built-in scheduler has taken over, and a retry by NAS would not change that
    if (armed === 'owed')
      throw new AppError('ARM_UNCONFIRMED', 'The wake-up after this fire is not confirmed yet', {
        retryAfterS: 5,
      })
    return answerFor(jobId, attended, fireAt)
  }

  /** A fire that comes a little before its wake time waits for it: armed anew it would come at once, again and again. */
  async function attendOnTime(jobId: string, fireAt: Date | null): Promise<Attended> {
    const occasion = {
      trigger: 'fire' as const,
      fireAt,
      earlyMs,
      armSpent: (look: Look) => isSpent(look, fireAt),
    }
    const waitMs = (look: Look) => earlyByMs(look, fireAt)
    const first = await attend(jobId, { ...occasion, looksAgain: (look) => waitMs(look) > 0 })
    if (first.state !== 'nothing_due' || waitMs(first.look) === 0) return first
    await sleep(timers, Math.min(waitMs(first.look), longestWaitMs))
    refuseWhereDraining()
    return attend(jobId, occasion)
  }

  function refuseWhereDraining() {
    if (!isDraining()) return
    throw draining('fire')
  }

  function refuseWhereFull() {
    const waiting = parts.queued() + looking
    if (waiting < parts.queueMax) return
    const { least, most } = fullRetryS
    throw new AppError(
      'QUEUE_FULL',
      `${waiting} runs wait in this process; expected the fire to be sent again`,
      {
        retryAfterS: least + Math.floor(chance.fraction() * (most - least + 1)),
      },
    )
  }

  return { fire, answered: confirm.answered }
}

function answerFor(
  jobId: string,
  attended: Exclude<Attended, { state: 'gone' }>,
  fireAt: Date | null,
): FireAnswer {
  const runId = attended.state === 'attended' ? attended.runIds[0] : undefined
  if (runId) return { status: 'accepted', jobId, runId }
  const { runtime, now } = attended.look.view
  if (runtime.state === 'paused' || runtime.state === 'completed') return { status: 'inactive' }
  return { status: isTaken(runtime.lastSlot, fireAt ?? now) ? 'duplicate' : 'not_due' }
}

/** True where the fire names an instant whose slot has its verdict (to the second: NAS may cut what is finer). */
function isTaken(lastSlot: Date | null, fireAt: Date): boolean {
  return lastSlot !== null && Math.floor(fireAt.getTime() / 1000) <= Math.floor(lastSlot.getTime() / 1000)
}

/**
 * How long before the job's wake time a fire comes that is meant for it (its clock is ahead of Postgres', or NAS cut the
 * instant to a second); 0: it is meant for something else, or far too early.
 */
function earlyByMs({ registry: { wakeAt }, view }: Look, fireAt: Date | null): number {
  if (!wakeAt || !fireAt) return 0
  const aheadMs = wakeAt.getTime() - view.now.getTime()
  const isMeant = fireAt > view.now || wakeAt.getTime() - fireAt.getTime() <= longestWaitMs
  return isMeant && aheadMs > 0 && aheadMs <= earlyMs ? aheadMs : 0
}

/** True where NAS may have used up the arm that it was confirmed to hold: it is this fire's, or its instant has come. */
function isSpent(look: Look, fireAt: Date | null): boolean {
  const { armedAt, armedGen, wakeGen } = look.registry
  // an arm may fire before NAS has told us, or we have noted, that it is made: then this fire has used up what is about
  // to be confirmed
  if (armedGen < wakeGen) return true
  if (!armedAt) return look.registry.wakeAt !== null
  const isThisOne = fireAt !== null && Math.abs(fireAt.getTime() - armedAt.getTime()) < 1_000
  return isThisOne || armedAt.getTime() <= look.view.now.getTime()
}
