import { isProjectPaused } from '../decisions/index.ts'
import { secondOf } from '../ground/instant.ts'
import type { Look } from '../../db/index.ts'
import type { Claimed } from './admission.ts'

export type FireAnswer =
  | { status: 'gone' | 'inactive' | 'not_due' | 'duplicate' }
  | { status: 'accepted'; jobId: string; runId: string }

/** A slot that is at most so far ahead is claimed by its fire, and its run waits for the instant (contract). */
export const earlyMs = 60_000

/** A fire that comes too early waits so long at most; the rest of its time is for arming. */
export const longestWaitMs = 8_000

export function answerOf(
  jobId: string,
  claimed: Exclude<Claimed, { state: 'gone' }>,
  fireAt: Date | null,
): FireAnswer {
  const runId = claimed.state === 'claimed' ? claimed.runIds[0] : undefined
  if (runId) return { status: 'accepted', jobId, runId }
  const { runtime, now } = claimed.look.view
  const isAtRest = runtime.state === 'paused' || runtime.state === 'completed'
  if (isAtRest || isProjectPaused(claimed.look.view)) return { status: 'inactive' }
  return { status: isTaken(runtime.lastSlot, fireAt ?? now) ? 'duplicate' : 'not_due' }
}

/** True if the fire names an instant whose slot has its verdict (to the second: NAS may drop fractions). */
function isTaken(lastSlot: Date | null, fireAt: Date): boolean {
  return lastSlot !== null && secondOf(fireAt) <= secondOf(lastSlot)
}

/**
 * How long before the job's wake time a fire comes that is meant for it (its clock is ahead of Postgres', or NAS cut the
 * instant to a second); 0: it is meant for something else, or far too early.
 */
export function earlyByMs({ registry: { wakeAt }, view }: Look, fireAt: Date | null): number {
  if (!wakeAt || !fireAt) return 0
  const aheadMs = wakeAt.getTime() - view.now.getTime()
  const isMeant = fireAt > view.now || wakeAt.getTime() - fireAt.getTime() <= longestWaitMs
  return isMeant && aheadMs > 0 && aheadMs <= earlyMs ? aheadMs : 0
}

/**
 * True if NAS may have used up the arm that the job needs: it was confirmed, and is this fire's, or its instant has come;
 * or it is still to be confirmed. An arm may fire before NAS has told us, or we have noted, that it is made; but no arm is asked for
 * to the second of the one that was confirmed before it (`freshFireAt`), so a fire for that second has not used it up.
 */
export function isSpent(look: Look, fireAt: Date | null): boolean {
  const { armedAt, armedGen, wakeGen } = look.registry
  if (armedGen < wakeGen) return !armedAt || !fireAt || secondOf(armedAt) !== secondOf(fireAt)
  if (!armedAt) return look.registry.wakeAt !== null
  const isThisOne = fireAt !== null && Math.abs(fireAt.getTime() - armedAt.getTime()) < 1_000
  return isThisOne || armedAt.getTime() <= look.view.now.getTime()
}

/** A wake time that has passed is used up, whatever noticed it: it is derived again. */
export function isOverdue({ registry: { wakeAt }, view }: Look): boolean {
  return wakeAt !== null && wakeAt <= view.now
}
