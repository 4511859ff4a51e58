import { busyMost } from './busy-days.ts'
import type { Sql } from './client.ts'
import { date, maybeDate, type Row } from './columns.ts'
import { endStates } from '../src/columns/index.ts'
import { isoDay } from '../src/ground/instant.ts'
import { newlyEnded, readUsed, usedColumns, usedOfRuns, type UsedSums } from './history-sums.ts'

export type Used = UsedSums & { runs: number; busyMs: number }
export type Awake = { awakeMs: number; starts: number; fires: number }

/**
 * Days are begins of UTC days. `days` begin earlier than was asked for, if the month or the last week does. `jobs`: those that
 * were busy longest in the window, of the jobs that were among the busiest of the service on any of its days (db/busy-days.ts);
 * of all jobs of a project.
 */
export type Costs = {
  days: (Used & Awake & { day: Date })[]
  jobs: (Used & { jobId: string; name: string | null })[]
  /** Since when the time of processes is counted; a day from before it was noted counts from its begin. */
  awakeSince: Date | null
  now: Date
}

const jobsMost = 100

const runsOf = endStates.map((state) => `runs_${state}`).join(' + ')
const used = `sum(${runsOf})::bigint as runs, sum(attempts)::bigint as attempts, sum(awake_ms)::bigint as busy_ms,
      sum(tokens_in)::bigint as tokens_in, sum(tokens_out)::bigint as tokens_out, sum(cost_usd)::float8 as cost_usd`
const columns = usedColumns.join(', ')
const columnsOf = (table: string) => usedColumns.map((name) => `${table}.${name}`).join(', ')
const isSeen = (job: string) =>
  `($4::text is null or exists (select from jobs p where p.id = ${job} and p.project = $4::text))`
const early = `least($1::date, date_trunc('month', clock.now)::date, clock.now::date - 7)`

/** $1, $2: the first and the last day. $3: stands in for Postgres' own clock. $4: of one project, of whose jobs alone; null: of all. */
const text = `
    with clock as materialized (select coalesce($3::text::timestamptz, clock_timestamp()) at time zone 'UTC' as now),
    ended as materialized (${newlyEnded('r.job_id')}),
    fresh as materialized (${usedOfRuns(`select * from ended e where ${isSeen('e.job_id')}`)}),
    busiest as materialized (
      select job_id from (
        select job_id, awake_ms from busy_days where $4::text is null and day >= $1::date and day <= $2::date
        union all select job_id, awake_ms from fresh where $4::text is null and day >= $1::date and day <= $2::date) b
      group by job_id order by sum(awake_ms) desc, job_id limit ${busyMost}),
    job_rows as materialized (
      -- job by job: the index of the days would lead to the day of every job
      select d.* from busiest b cross join lateral (
        select o.job_id, o.day, ${columnsOf('o')} from job_days o
        where o.job_id = b.job_id and o.day >= $1::date and o.day <= $2::date offset 0) d
      union all select d.job_id, d.day, ${columnsOf('d')} from jobs j join job_days d on d.job_id = j.id
      where j.project = $4::text and d.day >= $1::date and d.day <= $2::date
      union all select job_id, day, ${columns} from fresh f where day >= $1::date and day <= $2::date
        and ($4::text is not null or exists (select from busiest b where b.job_id = f.job_id))),
    by_day as (
      select day, ${used} from (
        select s.day, ${columns} from service_days s, clock where $4::text is null and s.day >= ${early} and s.day <= greatest($2::date, clock.now::date)
        union all select d.day, ${columns} from job_days d join jobs j on j.id = d.job_id, clock
          where j.project = $4::text and d.day >= ${early} and d.day <= greatest($2::date, clock.now::date)
        union all select f.day, ${columns} from fresh f, clock where f.day >= ${early}) d group by day),
    awake as (select a.day, awake_ms, starts, fires from process_days a, clock where $4::text is null and a.day >= ${early}),
    days as (
      select coalesce(d.day, a.day) as day, d.runs, d.attempts, d.busy_ms, d.tokens_in, d.tokens_out, d.cost_usd,
        a.awake_ms, a.starts, a.fires
      from by_day d full join awake a on a.day = d.day),
    by_job as (
      select job_id, ${used} from job_rows group by job_id order by busy_ms desc, job_id limit ${jobsMost})
    select (select coalesce(jsonb_agg(to_jsonb(d) order by d.day), '[]') from days d) as days,
      (select coalesce(jsonb_agg(to_jsonb(b) || jsonb_build_object('name', j.name) order by b.busy_ms desc, b.job_id), '[]')
        from by_job b left join jobs j on j.id = b.job_id) as jobs,
      (select coalesce(began, day::timestamp at time zone 'UTC') from process_days where $4::text is null order by day limit 1) as awake_since,
      clock.now at time zone 'UTC' as now
    from clock`

/** `from`, `to`: begins of UTC days, both inclusive. */
export async function readCosts(
  sql: Sql,
  { project, from, to, now }: { project: string | null; from: Date; to: Date; now: Date | null },
): Promise<Costs> {
  const values = [isoDay(from), isoDay(to), now && now.toISOString(), project]
  const [row = {}]: Row[] = await sql.unsafe(text, values, { prepare: true })
  return {
    days: (row['days'] as Row[]).map((one) => ({ ...usedOf(one), ...awakeOf(one), day: date(one['day']) })),
    jobs: (row['jobs'] as Row[]).map((one) => ({
      ...usedOf(one),
      jobId: one['job_id'] as string,
      name: one['name'] as string | null,
    })),
    awakeSince: maybeDate(row['awake_since']),
    now: date(row['now']),
  }
}

function usedOf(row: Row): Used {
  return { runs: Number(row['runs']), busyMs: Number(row['busy_ms']), ...readUsed(row) }
}

function awakeOf(row: Row): Awake {
  return { awakeMs: Number(row['awake_ms']), starts: Number(row['starts']), fires: Number(row['fires']) }
}
