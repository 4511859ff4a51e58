import { type Decision, deliveryLeaseMs, leaseMarginMs, type View } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { date, maybeDate, type Row } from './rows.ts'

/** How a decision is to be written, by whom and for how long. */
export type Writing = {
  owner: string
  leaseMs: number
  /** The runs it takes begin at once: written `running`. Otherwise they are `claimed` until `begin`. */
  begins: boolean
  /** The arm that woke us is used up (or may be): NAS has to be asked again even where the wake time stays. */
  armSpent: boolean
  /** Takes the arm lease in the same statement, where it is free and an arm is owed; null: somebody else will. */
  armLease: ArmLease | null
  output: string | null
  now: Date | null
}

/** `holder` is a text of its own for each order, so that of two orders of one process only the newer one counts. */
export type ArmLease = { holder: string; ms: number }

/** The right to make the next NAS call for a job, until the arm lease ends. `gen` is what it confirms. */
export type ArmOrder = {
  jobId: string
  holder: string
  gen: number
  wakeAt: Date | null
  recentArms: Date[]
  now: Date
}

export type Written = {
  rev: number
  wakeAt: Date | null
  isArmOwed: boolean
  order: ArmOrder | null
  /** Ids of the new runs whose row was really made: unique (job, slot) is the last word. */
  inserted: Set<string>
  leaseUntil: Date
  now: Date
}

/**
 * The head of every transition, as the CTEs `clock` and `job`: the compare-and-set on (job, rev) in the one row that
 * every transition of the job updates. `job` is empty where the row has moved on; whatever else the statement writes
 * is selected from it. All that is compared is a column of the row itself, so a writer that had to wait for the row's
 * lock compares with what it is now (READ COMMITTED), not with its snapshot.
 */
export function moveJob(sql: Sql, view: View, { runtime, ...decision }: Decision, writing: Writing) {
  const wakeAt = wantedWakeAt(sql, decision)
  const moved = sql`(${wakeAt} is distinct from r.wake_at or ${writing.armSpent})`
  const { holder, ms } = writing.armLease ?? { holder: '', ms: 0 }
  const takes = sql`(${writing.armLease !== null} and (${moved} or r.armed_gen < r.wake_gen)
    and (r.arm_lease_until is null or r.arm_lease_until <= clock.now))`
  return sql`
    clock as (
      select t.now, t.now + ${writing.leaseMs} * interval '1 ms' as lease_until
      from (select coalesce(${writing.now}::timestamptz, clock_timestamp()) as now) t
    ),
    job as (
      update job_runtime r set
        rev = r.rev + 1,
        state = ${runtime.state}, next_slot = ${runtime.nextSlot}, last_slot = ${runtime.lastSlot},
        slots_used = ${runtime.slotsUsed}, fence = ${runtime.fence},
        paused_at = ${runtime.pausedAt}, paused_reason = ${runtime.pausedReason}, resume_at = ${runtime.resumeAt},
        failure_streak = ${runtime.failureStreak}, last_run_at = ${runtime.lastRunAt},
        last_status = ${runtime.lastStatus}, last_error = ${runtime.lastError}, output_hash = ${runtime.outputHash},
        wake_at = ${wakeAt},
        wake_gen = r.wake_gen + ${moved}::int,
        wake_changed_at = case when ${moved} then clock.now else r.wake_changed_at end,
        arm_lease_by = case when ${takes} then ${holder} else r.arm_lease_by end,
        arm_lease_until = case when ${takes} then clock.now + ${ms} * interval '1 ms' else r.arm_lease_until end
      from clock
      where r.job_id = ${view.job.id} and r.rev = ${view.runtime.rev}
      returning r.job_id, r.rev, r.wake_at, r.wake_gen, r.armed_gen, r.recent_arms, r.arm_lease_by,
        clock.now, clock.lease_until
    )`
}

/** The end of a lease that is taken now is a wake term as well; `least` passes over nulls. */
function wantedWakeAt(
  sql: Sql,
  { starts, sends, wakeTerm }: Pick<Decision, 'starts' | 'sends' | 'wakeTerm'>,
) {
  if (starts.length === 0 && sends.length === 0) return sql`${wakeTerm}::timestamptz`
  const leased = starts.length > 0 ? sql`clock.lease_until + ${leaseMarginMs} * interval '1 ms'` : sql`null`
  const sent =
    sends.length > 0 ? sql`clock.now + ${deliveryLeaseMs + leaseMarginMs} * interval '1 ms'` : sql`null`
  return sql`least(${wakeTerm}::timestamptz, ${leased}, ${sent})`
}

/** What a statement that begins with `moveJob` selects of `job`, and of the runs that it made (a list of ids). */
export function readWritten(row: Row, writing: Writing, made: unknown): Written {
  const now = date(row['now'])
  const wakeAt = maybeDate(row['wake_at'])
  const gen = Number(row['wake_gen'])
  const holder = writing.armLease?.holder
  const isOurs = holder !== undefined && row['arm_lease_by'] === holder
  const jobId = row['job_id'] as string
  return {
    rev: Number(row['rev']),
    wakeAt,
    isArmOwed: Number(row['armed_gen']) < gen,
    order: isOurs ? { jobId, holder, gen, wakeAt, recentArms: row['recent_arms'] as Date[], now } : null,
    inserted: new Set(made as string[]),
    leaseUntil: date(row['lease_until']),
    now,
  }
}
