import { isDeepStrictEqual } from 'node:util'
import { blankOf, having, readyColumns } from '../columns/index.ts'
import { viewAfter } from './after.ts'
import { attend, graceMs, type Occasion } from './attend.ts'
import { unwritten } from './draft.ts'
import { jitterMs, slotAfter } from './slots.ts'
import type { Decision, JobRule, Ready, Runtime, RunWrite, Trigger, View } from './types.ts'

/** The columns of a job about whose next slot nothing is decided. */
const nothingReady: Ready = blankOf(having(readyColumns, 'set', 'always'))

/** What is decided beforehand is looked at again after so long, so that a new release decides about old rows soon. */
const longestMs = 3_600_000

/** `readyOf` the job as the write of `decision` leaves it. */
export function readyAfter(view: View, decision: Decision): Ready {
  if (decision.starts.length > 0 || decision.sends.length > 0) return nothingReady
  const { now } = view
  return readyOf(viewAfter(view, decision, { rev: view.runtime.rev, now, owner: '', leaseUntil: now }))
}

/**
 * The usual claim, decided beforehand: a process that settles a job has looked at everything that decides about its
 * next slot, so the fire for it need not look again. It is what `attend` decides at that slot's instant, provided that this is
 * no more than: one run begins, and the job moves on by one slot.
 *
 * From `readyFrom` (inclusive) until `readyUntil` (exclusive) `attend` decides the same. Then another slot is due as well, or the
 * slot is too late. All else that could matter (an edit, a pause, a run) moves the job's `rev` or `version`.
 *
 * @internal
 */
export function readyOf(view: View): Ready {
  const { job, live, deliveries, runtime } = view
  const slot = runtime.state === 'scheduled' ? runtime.nextSlot : null
  if (!slot || live.length > 0 || deliveries.length > 0) return nothingReady
  const from = slot.getTime() + jitterMs(job)
  const claim = attendAt(view, new Date(from))
  const afterSlot = claim?.runtime.nextSlot ?? null
  const afterMs = afterSlot ? afterSlot.getTime() + jitterMs(job) : Number.POSITIVE_INFINITY
  // the last repeat has no slot after it, but an instant at which it would have been
  const second = afterSlot ?? slotAfter(job, slot)
  const secondMs = second ? second.getTime() + jitterMs(job) : Number.POSITIVE_INFINITY
  if (!claim || !isUsual(claim, { view, slot, afterSlot, afterMs })) return nothingReady
  const until = Math.min(from + longestMs, from + graceMs(job, slot) + 1, secondMs)
  return {
    afterSlot,
    readyFrom: new Date(from),
    readyUntil: new Date(until),
    readyVersion: job.version,
  }
}

/** `readyOf` a job that is about to be made. */
export function readyOfNew(job: JobRule, runtime: Runtime): Ready {
  const registry = { wakeAt: null, wakeGen: 1, armedGen: 0, armedAt: null }
  const nothing = { live: [], deliveries: [], channels: [], dependents: [], project: null }
  return readyOf({ job, runtime, registry, ...nothing, now: job.anchor })
}

const anyRun = '00000000-0000-0000-0000-000000000000'
const occasion: Occasion = { trigger: 'fire', fireAt: null, earlyMs: 0, newRunId: () => anyRun }

/** Null: nothing, or nothing can be decided; the fire will tell why. */
function attendAt(view: View, now: Date): Decision | null {
  try {
    return attend({ ...view, now }, occasion)
  } catch {
    return null
  }
}

type Expected = { view: View; slot: Date; afterSlot: Date | null; afterMs: number }

/** True if the decision does nothing but what a claim of `db/ready.ts` does. */
function isUsual(claim: Decision, { view, slot, afterSlot, afterMs }: Expected): boolean {
  const { runtime } = view
  const [run, ...others] = claim.runs
  if (!run || others.length > 0 || claim.folds.length > 0) return false
  if (claim.deliveries.length > 0 || claim.stops.length > 0) return false
  const advanced = {
    ...runtime,
    ...{ lastSlot: slot, nextSlot: afterSlot, slotsUsed: runtime.slotsUsed + 1, fence: runtime.fence + 1 },
  }
  if (!isDeepStrictEqual(claim.runtime, advanced)) return false
  if ((claim.wakeTerm?.getTime() ?? Number.POSITIVE_INFINITY) !== afterMs) return false
  return isDeepStrictEqual(run, readyRun({ id: anyRun, slot, trigger: 'fire', fence: advanced.fence }))
}

export type ReadyRun = { id: string; slot: Date; trigger: Trigger; fence: number }

/** The run that such a claim makes. */
export function readyRun(run: ReadyRun): RunWrite {
  return {
    ...unwritten,
    ...{ state: 'claimed', attempt: 1, leased: true, startedAt: null },
    ...run,
  }
}
