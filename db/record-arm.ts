import type { Row } from './columns.ts'
import { notAwaited } from './later.ts'
import type { Sql } from './look.ts'
import { carryOut, parameterOf, sourcesOf, type Typed } from './wanted.ts'

/**
 * What the timer said to an order. `fireAt` null: a cancel. `mayBeHeld`: it may hold `fireAt` now, whatever it answered.
 */
export type ArmResult = { gen: number; fireAt: Date | null; mayBeHeld: boolean; tookMs: number } & (
  | { outcome: 'armed'; scheduleId: string | null }
  | { outcome: 'cancelled' }
  | { outcome: 'failed'; code: string; message: string }
)

/** `holder`: whose order it was. */
export type ArmRecord = ArmResult & { jobId: string; holder: string }

const armsKept = 20
/** Older ones go with the record of every so many generations: a statement that could delete costs half as much again. */
const prunedEvery = 16
/** And with each failure: a timer that is away fails for one generation, however long. */
export const takesOldArms = ({ gen, outcome }: ArmRecord) => outcome === 'failed' || gen % prunedEvery === 0
/** At least this many instants are remembered; one that is still ahead always is, because NAS may still hold it. */
const recentArmsKept = 6

/**
 * Writes what the timer said about the arms of several jobs, and gives their arm leases back; returns by job whether an arm
 * is owed still (the wake time moved on meanwhile, or the call failed). Missing: nothing was written, because only the
 * holder of an arm lease writes, and an answer that comes after it was taken over changes nothing. A generation once
 * confirmed is never un-confirmed here. `at`: when, by Postgres' clock, to the microsecond as `arms.asked_at` has it.
 */
export async function recordArms(
  sql: Sql,
  records: ArmRecord[],
  now: Date | null,
): Promise<{ owed: Map<string, boolean>; at: string | null }> {
  const rows = await carryOut(sql, statement, records.map(valuesOf), now)
  return {
    owed: new Map(rows.map((row) => [row['job_id'] as string, Boolean(row['owed'])])),
    at: (rows[0]?.['at'] as string | undefined) ?? null,
  }
}

function valuesOf({ jobId, holder, gen, fireAt, mayBeHeld, tookMs, ...said }: ArmRecord): Row {
  return {
    ...{ job_id: jobId, holder, gen, fire_at: fireAt, may_be_held: mayBeHeld, took_ms: tookMs },
    outcome: said.outcome,
    schedule_id: said.outcome === 'armed' ? said.scheduleId : null,
    code: said.outcome === 'failed' ? said.code : null,
    message: said.outcome === 'failed' ? said.message : null,
  }
}

const typed: Typed = Object.entries({
  ...{ job_id: 'text', holder: 'text', gen: 'bigint', fire_at: 'timestamptz', may_be_held: 'boolean' },
  ...{ took_ms: 'int', outcome: 'text', schedule_id: 'text', code: 'text', message: 'text' },
})
const sources = sourcesOf(typed)
const isDone = `w.outcome <> 'failed'`

/** The record in `arms` has the rest from here. */
const kept = { one: 'w.job_id, w.now', several: 'w.*' }
const given = {
  one: (name: string) => parameterOf(typed, name),
  several: (name: string) => name,
}
const toldColumns = ['gen', 'fire_at', 'took_ms', 'outcome', 'schedule_id', 'code', 'message']

const textOf = (how: 'one' | 'several') => `
    with clock as (select coalesce($1::text::timestamptz, statement_timestamp()) as now, ${notAwaited}),
    wanted as ${how === 'one' ? 'not ' : ''}materialized (select x.*, clock.now from clock, ${sources[how]}),
    done as (
      update job_runtime r set
        arm_lease_by = null,
        arm_lease_until = null,
        armed_gen = case when ${isDone} then greatest(r.armed_gen, w.gen) else r.armed_gen end,
        armed_at = case when ${isDone} then w.fire_at else r.armed_at end,
        armed_schedule = case when ${isDone} then w.schedule_id else r.armed_schedule end,
        recent_arms = case when w.fire_at is null or not w.may_be_held then r.recent_arms
          else array(
            select a from unnest(array[w.fire_at] || r.recent_arms) with ordinality t(a, n)
            where n <= ${recentArmsKept} or a > w.now order by n limit 64) end,
        arm_error = w.code || ': ' || w.message,
        arm_failed_at = case when ${isDone} then null else coalesce(r.arm_failed_at, w.now) end
      from wanted w
      where r.job_id = w.job_id and r.arm_lease_by = w.holder
      returning ${kept[how]}, r.armed_gen < r.wake_gen as owed
    ),
    told as (
      insert into arms (job_id, asked_at, gen, fire_at, took_ms, outcome, schedule_id, error_code, error)
      select job_id, now, ${toldColumns.map(given[how]).join(', ')} from done
    )
    select job_id, owed, now::text as at from done`

const statement = { typed, one: textOf('one'), several: textOf('several') }

/** What a record that `takesOldArms` leaves to be done; what is not deleted now goes with a later one. */
export async function deleteOldArms(sql: Sql, jobIds: string[]): Promise<void> {
  await Promise.all(jobIds.map((jobId) => sql.unsafe(deletion, [jobId], { prepare: true })))
}

const deletion = `
    with later as (select ${notAwaited})
    delete from arms a using later
    where a.job_id = $1::text
      and a.id <= (select b.id from arms b where b.job_id = $1::text order by b.id desc offset ${armsKept} limit 1)`
