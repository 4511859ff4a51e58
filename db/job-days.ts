import type { Sql } from './client.ts'
import { date, type Row } from './columns.ts'
import { isoDay } from '../src/ground/instant.ts'
import {
  boundsMs,
  countedOfRun,
  readableSums,
  readSums,
  slotsOnly,
  sumColumns,
  type Sums,
  sumsOfRuns,
} from './history-sums.ts'

/** No more than half, and 95 %, of the values are above: a bound of the histogram; null: there are none, or above all bounds. */
type Quantiles = { p50: number | null; p95: number | null }

/** What the slots and runs of a job add up to, on a UTC day. */
export type JobDay = Sums & {
  day: Date
  durationMs: Quantiles
  latenessMs: Quantiles
}

/** What has not been added to the days yet is looked for among so many of the newest runs, and of the newest folded slots. */
const newestMost = 2_000
const columns = sumColumns.join(', ')

/**
 * $1: the job. $2, $3: the first and the last day. The planner does not see which job it is (`unseen` of db/run-lists.ts).
 */
const text = `
    with newest as materialized (select * from runs where job_id = (select $1::text) order by seq desc limit ${newestMost}),
    ended as materialized (select ${countedOfRun('r.job_id')} from newest r
      where r.finished_at > (select folded_to from history)),
    folded as (select * from folded_slots where job_id = $1 order by last_slot desc limit ${newestMost}),
    fresh as (select job_id, (first_slot at time zone 'UTC')::date as day, verdict, count as n from folded
      where id > (select slots_to from history))
    select day, ${readableSums} from (
      select day, ${columns} from job_days where job_id = $1 and day >= $2::date and day <= $3::date
      union all select day, ${columns} from (${sumsOfRuns('select * from ended')}) r
      union all select day, ${columns} from (${slotsOnly('select * from fresh')}) s) sums
    where day >= $2::date and day <= $3::date
    group by day order by day`

/** Oldest first; `from` and `to` are begins of UTC days, both inclusive. */
export async function readJobDays(
  sql: Sql,
  jobId: string,
  { from, to }: { from: Date; to: Date },
): Promise<JobDay[]> {
  const rows: Row[] = await sql.unsafe(text, [jobId, isoDay(from), isoDay(to)], { prepare: true })
  return rows.map(readDay)
}

function readDay(row: Row): JobDay {
  return {
    ...readSums(row),
    day: date(row['day']),
    durationMs: quantilesOf(row['duration_counts'] as number[]),
    latenessMs: quantilesOf(row['lateness_counts'] as number[]),
  }
}

function quantilesOf(given: readonly number[]): Quantiles {
  const counts = given.map(Number)
  const all = counts.reduce((sum, n) => sum + n, 0)
  const below = (share: number) => {
    let sum = 0
    const bucket = counts.findIndex((n) => (sum += n) >= all * share)
    return all === 0 ? null : (boundsMs[bucket] ?? null)
  }
  return { p50: below(0.5), p95: below(0.95) }
}
