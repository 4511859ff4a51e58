import { endStates } from '../src/columns/index.ts'
import type { Sql } from './client.ts'
import { date, type Row } from './columns.ts'
import {
  boundsMs,
  newlyEnded,
  readableSums,
  readSums,
  slotsOnly,
  sumColumns,
  type Sums,
  sumsOfRuns,
  tailMost,
} from './history-sums.ts'

/** `counts` has one more number than `boundsMs` (inclusive upper bounds): the last one is above them. Not cumulative. */
export type Histogram = {
  boundsMs: readonly number[]
  counts: readonly number[]
  sumMs: number
  count: number
}

/** What the service has done since it was set up, whatever has been deleted since. None of these numbers ever falls. */
export type Totals = Sums & {
  /** From the begin of the last attempt to the end of the run; skipped runs have none. */
  durationMs: Histogram
  /** From the slot to the begin of the first attempt. */
  latenessMs: Histogram
  now: Date
}

/**
 * The days added up, and the runs and folded slots that are not in them yet, in one snapshot: both move in one transaction,
 * so every run counts once.
 */
export async function readTotals(sql: Sql, now: Date | null): Promise<Totals> {
  const [row]: Row[] = await sql.unsafe(text, [now && now.toISOString()], { prepare: true })
  const totals = row as Row
  return {
    ...readSums(totals),
    durationMs: histogramOf(totals, 'duration'),
    latenessMs: histogramOf(totals, 'lateness'),
    now: date(totals['now']),
  }
}

const columns = sumColumns.join(', ')
const slots = `
      select null::text as job_id, (first_slot at time zone 'UTC')::date as day, verdict, count as n from (
        select * from folded_slots where id > (select slots_to from history) order by id limit ${tailMost}) f`

const text = `
    with ended as materialized (${newlyEnded('null::text')})
    select ${readableSums},
      coalesce($1::text::timestamptz, clock_timestamp()) as now
    from (
      select ${columns} from service_days
      union all select ${columns} from (${sumsOfRuns('select * from ended')}) r
      union all select ${columns} from (${slotsOnly(slots)}) s) sums`

/** Of `readTotals` the runs alone: what each of the newest runs adds up to otherwise costs ten times as much. */
export async function readEndedRuns(sql: Sql): Promise<Totals['runs']> {
  const [row = {}]: Row[] = await sql.unsafe(endedText, [], { prepare: true })
  return Object.fromEntries(endStates.map((state) => [state, Number(row[state])])) as Totals['runs']
}

const endedText = `
    with newest as materialized (
      select state, count(*) as n from (
        select state from runs where finished_at > (select folded_to from history) order by finished_at limit ${tailMost}) r
      group by state)
    select ${endStates
      .map(
        (state) =>
          `coalesce(sum(runs_${state}), 0) + coalesce((select n from newest where state = '${state}'), 0) as ${state}`,
      )
      .join(', ')}
    from service_days`

function histogramOf(row: Row, name: string): Histogram {
  const counts = (row[`${name}_counts`] as number[]).map(Number)
  const count = counts.reduce((sum, n) => sum + n, 0)
  return { boundsMs, counts, sumMs: Number(row[`${name}_ms`]), count }
}
