import { nextSlot, typicalPeriodMs } from '../schedule/index.ts'
import type { JobRule, View } from './types.ts'

/**
 * The first slot of the job strictly after `after`, within its `startsAt` … `endsAt` (both inclusive); null: none is
 * left. Repeats are not counted here.
 */
export function slotAfter(job: JobRule, after: Date): Date | null {
  const { startsAt, endsAt } = job.policy
  const from = startsAt && startsAt > after ? new Date(startsAt.getTime() - 1) : after
  const slot = nextSlot(job, from)
  return slot && endsAt && slot > endsAt ? null : slot
}

/** The instant itself where the job's `startsAt` … `endsAt` (both inclusive) let it be a slot, else null. */
export function withinBounds({ policy: { startsAt, endsAt } }: JobRule, instant: Date): Date | null {
  return (startsAt && instant < startsAt) || (endsAt && instant > endsAt) ? null : instant
}

/** The newest of two instants; null counts as earlier than any. */
export function later(a: Date, b: Date | null): Date {
  return b && b > a ? b : a
}

/**
 * How long after its slot a run of this job is due: the same for all its slots, spread over 0 … `policy.jitterMs`
 * by the job's id, so that a thousand jobs at midnight do not start in the same second.
 */
export function jitterMs(job: Pick<JobRule, 'id' | 'policy'>): number {
  const { jitterMs: spread } = job.policy
  return spread === 0 ? 0 : Number.parseInt(job.id, 16) % (spread + 1)
}

/** The time between two slots of the job, as its schedule goes on from here; null: there are not two. */
export function periodMsOf({ job, now }: Pick<View, 'job' | 'now'>): number | null {
  return typicalPeriodMs(job, now)
}
