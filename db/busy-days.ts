import type { Sql } from './look.ts'

/** Of each day, so many jobs are kept that were busy longest; all of them for a service with no more. */
export const busyMost = 200

/** What a job has to exceed to be among them. Behind an `offset 0` it is read once for each day, not for each job. */
const barOf = (day: string) =>
  `(select awake_ms from busy_days b where b.day = ${day} order by awake_ms desc offset ${busyMost - 1} limit 1)`

/**
 * For a statement that has just written rows of `job_days` (`by_job`): notes those that are among the busiest of their day.
 * What a job adds up to on a day only grows, and each growth comes through here, so none of the busiest is missing.
 */
export const noteBusy = `
    insert into busy_days (job_id, day, awake_ms)
    select job_id, day, awake_ms from (
      select w.*, row_number() over (partition by w.day order by w.awake_ms desc) as place
      from by_job w join (select d.day, ${barOf('d.day')} as ms from (select distinct day from by_job) d offset 0) bar on bar.day = w.day
      where w.awake_ms > coalesce(bar.ms, -1)) busy
    where place <= ${busyMost}
    order by job_id, day
    on conflict on constraint busy_days_pkey do update set awake_ms = excluded.awake_ms`

/** Removes those that others have overtaken, of the days of this span of ends. */
export async function forgetOvertaken(tx: Sql, span: { from: string; to: string }): Promise<void> {
  await tx.unsafe(overtaken, [span.from, span.to], { prepare: true })
}

const utcDay = (at: string) => `(${at}::text::timestamptz at time zone 'UTC')::date`
const overtaken = `
    delete from busy_days o using (
      select d.day, ${barOf('d.day')} as ms from (
        select distinct day from busy_days where day >= ${utcDay('$1')} and day <= ${utcDay('$2')}) d offset 0) bar
    where o.day = bar.day and o.awake_ms < bar.ms`
