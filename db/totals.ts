import type { Sql } from './client.ts'
import { date, type Row } from './columns.ts'
import {
  boundsMs,
  countedOfRun,
  endStates,
  readableSums,
  slotsOnly,
  sumColumns,
  sumsOfRuns,
} from './history-sums.ts'
import { slotVerdicts } from './slot-verdicts.ts'

/** `counts` has one more number than `boundsMs` (inclusive upper bounds): the last one is above them. Not cumulative. */
export type Histogram = {
  boundsMs: readonly number[]
  counts: readonly number[]
  sumMs: number
  count: number
}

/** What the service has done since it was set up, whatever has been deleted since. None of these numbers ever falls. */
export type Totals = {
  /** Ended runs by state. */
  runs: Record<string, number>
  /** Slots with a final verdict, by verdict. */
  slots: Record<string, number>
  attempts: number
  /** Of prompts: of the last attempt of each run. */
  tokens: { input: number; output: number }
  /** Of what has a price in USD. */
  costUsd: number
  /** From the begin of the last attempt to the end of the run; skipped runs have none. */
  durationMs: Histogram
  /** From the slot to the begin of the first attempt. */
  latenessMs: Histogram
  now: Date
}

/** More are counted once they have been added up (db/history-fold.ts), so that a read stays short whatever is waiting. */
const tailMost = 50_000

/**
 * The days added up, and the runs and folded slots that are not in them yet, in one snapshot: both move in one transaction,
 * so every run counts once.
 */
export async function readTotals(sql: Sql, now: Date | null): Promise<Totals> {
  const [row]: Row[] = await sql.unsafe(text, [now && now.toISOString()], { prepare: true })
  const totals = row as Row
  return {
    runs: recordOf(totals, 'runs', endStates),
    slots: recordOf(totals, 'slots', slotVerdicts),
    attempts: Number(totals['attempts']),
    tokens: { input: Number(totals['tokens_in']), output: Number(totals['tokens_out']) },
    costUsd: Number(totals['cost_usd']),
    durationMs: histogramOf(totals, 'duration'),
    latenessMs: histogramOf(totals, 'lateness'),
    now: date(totals['now']),
  }
}

const columns = sumColumns.join(', ')
const ended = `
      select ${countedOfRun('null::text')} from (
        select * from runs where finished_at > (select folded_to from history) order by finished_at limit ${tailMost}) r`
const slots = `
      select null::text as job_id, (first_slot at time zone 'UTC')::date as day, verdict, count as n from (
        select * from folded_slots where id > (select slots_to from history) order by id limit ${tailMost}) f`

const text = `
    with ended as materialized (${ended})
    select ${readableSums},
      coalesce($1::text::timestamptz, clock_timestamp()) as now
    from (
      select ${columns} from service_days
      union all select ${columns} from (${sumsOfRuns('select * from ended')}) r
      union all select ${columns} from (${slotsOnly(slots)}) s) sums`

function recordOf(row: Row, prefix: string, words: readonly string[]): Record<string, number> {
  return Object.fromEntries(words.map((word) => [word, Number(row[`${prefix}_${word}`])]))
}

function histogramOf(row: Row, name: string): Histogram {
  const counts = (row[`${name}_counts`] as number[]).map(Number)
  const count = counts.reduce((sum, n) => sum + n, 0)
  return { boundsMs, counts, sumMs: Number(row[`${name}_ms`]), count }
}
