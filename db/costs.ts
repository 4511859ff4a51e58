import type { Sql } from './client.ts'
import { date, maybeDate, type Row } from './columns.ts'
import { endStates } from '../src/columns/index.ts'
import { isoDay } from '../src/ground/instant.ts'
import { newlyEnded, readUsed, sumColumns, sumsOfRuns, type UsedSums } from './history-sums.ts'

export type Used = UsedSums & { runs: number; busyMs: number }
export type Awake = { awakeMs: number; starts: number; fires: number }

/**
 * Days are begins of UTC days. `days` begin earlier than was asked for, if the month or the last week does. `jobs`: those that
 * were busy longest, from `jobsFrom` on: in the window, or in as much of it as `jobDaysMost` rows reach back.
 */
export type Costs = {
  days: (Used & Awake & { day: Date })[]
  jobs: (Used & { jobId: string; name: string | null })[]
  jobsFrom: Date
  /** Since when the time of processes is counted; a day from before it was noted counts from its begin. */
  awakeSince: Date | null
  now: Date
}

/** Counted in a moment; a month of 3,300 jobs that run each day. */
const jobDaysMost = 100_000
const jobsMost = 100

const runsOf = endStates.map((state) => `runs_${state}`).join(' + ')
const used = `sum(${runsOf})::bigint as runs, sum(attempts)::bigint as attempts, sum(awake_ms)::bigint as busy_ms,
      sum(tokens_in)::bigint as tokens_in, sum(tokens_out)::bigint as tokens_out, sum(cost_usd)::float8 as cost_usd`
const columns = sumColumns.join(', ')
const isSeen = (job: string) =>
  `($4::text is null or exists (select from jobs p where p.id = ${job} and p.project = $4::text))`
const early = `least($1::date, date_trunc('month', clock.now)::date, clock.now::date - 7)`

/** $1, $2: the first and the last day. $3: stands in for Postgres' own clock. $4: of one project, of whose jobs alone; null: of all. */
const text = `
    with clock as materialized (select coalesce($3::text::timestamptz, clock_timestamp()) at time zone 'UTC' as now),
    ended as materialized (${newlyEnded('r.job_id')}),
    fresh as materialized (${sumsOfRuns(`select * from ended e where ${isSeen('e.job_id')}`)}),
    job_rows as materialized (
      select job_id, day, ${columns} from job_days d
      where day >= $1::date and day <= $2::date and ${isSeen('d.job_id')} order by day desc limit ${jobDaysMost}),
    -- of a day that is there in part nothing is said
    jobs_from as (select case when count(*) < ${jobDaysMost} then $1::date else min(day) + 1 end as day from job_rows),
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
      select job_id, ${used} from (
        select job_id, day, ${columns} from job_rows
        union all select job_id, day, ${columns} from fresh where day <= $2::date) j
      where day >= (select day from jobs_from) group by job_id order by busy_ms desc, job_id limit ${jobsMost})
    select (select coalesce(jsonb_agg(to_jsonb(d) order by d.day), '[]') from days d) as days,
      (select coalesce(jsonb_agg(to_jsonb(b) || jsonb_build_object('name', j.name) order by b.busy_ms desc, b.job_id), '[]')
        from by_job b left join jobs j on j.id = b.job_id) as jobs,
      (select day from jobs_from) as jobs_from, (select coalesce(began, day::timestamp at time zone 'UTC') from process_days where $4::text is null order by day limit 1) as awake_since,
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
    jobsFrom: date(row['jobs_from']),
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
