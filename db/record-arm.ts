import type { Row } from './columns.ts'
import { notAwaited } from './later.ts'
import type { Sql } from './look.ts'
import { carryOut, jobParameter, sourcesOf, type Typed } from './wanted.ts'

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
/** At least this many instants are remembered; one that is still ahead always is, because NAS may still hold it. */
const recentArmsKept = 6

/**
 * Writes what the timer said about the arms of several jobs, and gives their arm leases back; returns by job whether an arm
 * is owed still (the wake time moved on meanwhile, or the call failed). Missing: nothing was written, because only the
 * holder of an arm lease writes, and an answer that comes after it was taken over changes nothing. A generation once
 * confirmed is never un-confirmed here.
 */
export async function recordArms(
  sql: Sql,
  records: ArmRecord[],
  now: Date | null,
): Promise<Map<string, boolean>> {
  const rows = await carryOut(sql, statement, records.map(valuesOf), now)
  return new Map(rows.map((row) => [row['job_id'] as string, Boolean(row['owed'])]))
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

const textOf = (how: 'one' | 'several', jobId = how === 'one' ? jobParameter : 'd.job_id') => `
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
      returning w.*, r.armed_gen < r.wake_gen as owed
    ),
    told as (
      insert into arms (job_id, gen, fire_at, asked_at, took_ms, outcome, schedule_id, error_code, error)
      select job_id, gen, fire_at, now, took_ms, outcome, schedule_id, code, message from done
    ),
    pruned as (
      delete from arms a using done d
      where d.gen % 16 = 0 and a.job_id = ${jobId}
        and a.id <= (select b.id from arms b where b.job_id = ${jobId} order by b.id desc offset ${armsKept} limit 1)
    )
    select job_id, owed from done`

const statement = { typed, one: textOf('one'), several: textOf('several') }
