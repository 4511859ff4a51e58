import { attemptCountOf, attemptRowsOf } from './attempts.ts'
import { endStates } from '../src/columns/index.ts'
import type { Row } from './columns.ts'
import { slotVerdicts } from './slot-verdicts.ts'

/**
 * What ended runs and folded slots add up to: the columns of `job_days` and `service_days`, and the SQL that they are made
 * with. `latenessMs` counts from the slot to the begin of the first attempt, the jitter of the job included; `durationMs` from
 * the begin of the last attempt to the end of the run. `awakeMs`: for how long its attempts kept a process up.
 */

/** Upper bounds of the buckets of every histogram in milliseconds, each inclusive; one more bucket is above the last. */
export const boundsMs: readonly number[] = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000,
  14_400_000, 86_400_000,
]

const runColumns = endStates.map((state) => `runs_${state}`)
const slotColumns = slotVerdicts.map((verdict) => `slots_${verdict}`)
const plainColumns = [
  'attempts',
  'tokens_in',
  'tokens_out',
  'cost_usd',
  'duration_ms',
  'lateness_ms',
  'awake_ms',
]
const histograms = ['duration', 'lateness'] as const
const buckets = Array.from({ length: boundsMs.length + 1 }, (_, n) => n)

/** All columns that are added up, in the order of the texts below. */
export const sumColumns = [
  ...runColumns,
  ...slotColumns,
  ...plainColumns,
  ...histograms.map((name) => `${name}_counts`),
]

/** A number in the usage of a run, which a handler may have written: nothing else counts, and no number breaks a sum. */
const used = (name: string) =>
  `case when jsonb_typeof(r.usage -> '${name}') = 'number'
      then least(greatest((r.usage ->> '${name}')::numeric, 0), 1e12) else 0 end`
const msBetween = (from: string, to: string) =>
  `case when ${to} < ${from} then 0 else round(date_part('epoch', ${to} - ${from}) * 1000) end::bigint`
/** Of an attempt whose end no process of ours waited for, at most so much counts as awake: it is not known. */
const unwatchedMostMs = 60_000
/** All attempts of a run. Its job is looked at only for a long one: a callback may have ended it. */
const awakeMs = `coalesce((
    select sum(case when m.ms <= ${unwatchedMostMs} then m.ms
      when a.state = 'interrupted' or exists (select from jobs j where j.id = r.job_id and j.action ? 'callback')
        then ${unwatchedMostMs}
      else m.ms end)
    from (${attemptRowsOf('r')}) a
    cross join lateral (select ${msBetween('a.started_at', 'a.finished_at')}) as m(ms)), 0)`

/** The number of the bucket: that of the first bound that is not below. */
const bucketOf = (ms: string) => `width_bucket(${ms} - 1, array[${boundsMs.join(',')}]::bigint[])`

/**
 * What of a run (`r`) counts, for `sumsOfRuns`. A run that never began has neither a duration nor a lateness, nor has one that
 * was skipped. `job`: what is the job to add up for, in SQL.
 */
export const countedOfRun = (job: string) => `
  ${job} as job_id, r.state, r.slot, r.finished_at,
  case when r.slot is null then null when r.state in ('skipped', 'cancelled') then r.state else 'ran' end as verdict,
  ${attemptCountOf('r')} as attempts,
  ${used('prompt_tokens')}::bigint as tokens_in, ${used('completion_tokens')}::bigint as tokens_out,
  case when r.usage ->> 'currency' = 'USD' then ${used('cost')} else 0 end as cost_usd,
  ${awakeMs} as awake_ms,
  case when r.state <> 'skipped' then ${msBetween('r.started_at', 'r.finished_at')} end as duration_ms,
  case when r.state <> 'skipped' and r.slot is not null
    then ${msBetween('r.slot', `coalesce((r.attempts -> 0 ->> 'started_at')::timestamptz, r.started_at)`)} end as lateness_ms`

const countsOfRuns = endStates
  .map((state) => `count(*) filter (where state = '${state}') as runs_${state}`)
  .join(', ')
const sumOf = (name: string) => `coalesce(sum(${name}), 0) as ${name}`
const utcDay = (instant: string) => `(${instant} at time zone 'UTC')::date`

/**
 * The sums of the rows of `counted` (a query of `countedOfRun`, whose values are computed once a row: `offset 0`) by job and
 * day: what counts for the day of the end, and the slots
 * for the day of the slot. Columns: `job_id`, `day`, those of `sumColumns`, and `ended`, the number of runs.
 */
export const sumsOfRuns = (counted: string) => `
  select job_id, ${utcDay('finished_at')} as day,
    ${countsOfRuns},
    ${slotColumns.map((name) => `0 as ${name}`).join(', ')},
    ${plainColumns.map(sumOf).join(', ')},
    ${histograms.map((name) => `${countsOf(name)} as ${name}_counts`).join(', ')},
    count(*) as ended
  from (select *, ${bucketOf('duration_ms')} as duration_bucket, ${bucketOf('lateness_ms')} as lateness_bucket
    from (${counted} offset 0) c offset 0) r
  group by 1, 2
  union all
  ${slotsOnly(`select job_id, ${utcDay('slot')} as day, verdict, 1 as n from (${counted}) r where verdict is not null`)}`

/** What runs have used, of `sumColumns`. */
const usedSums = ['attempts', 'tokens_in', 'tokens_out', 'cost_usd', 'awake_ms']
export const usedColumns = [...runColumns, ...usedSums]

/** As `sumsOfRuns`, of these columns alone: what is not asked for is most of the work. */
export const usedOfRuns = (counted: string) => `
  select job_id, ${utcDay('finished_at')} as day, ${countsOfRuns}, ${usedSums.map(sumOf).join(', ')}
  from (${counted} offset 0) r
  group by 1, 2`

function countsOf(name: string): string {
  const counts = buckets.map((n) => `count(*) filter (where ${name}_bucket = ${n})`)
  return `array[${counts.join(', ')}]`
}

/** The same columns of slots alone: rows of `job_id`, `day`, `verdict` and `n`. */
export const slotsOnly = (slots: string) => `
  select job_id, day,
    ${runColumns.map((name) => `0 as ${name}`).join(', ')},
    ${slotVerdicts.map((verdict) => `coalesce(sum(n) filter (where verdict = '${verdict}'), 0) as slots_${verdict}`).join(', ')},
    ${plainColumns.map((name) => `0 as ${name}`).join(', ')},
    ${histograms.map((name) => `null::bigint[] as ${name}_counts`).join(', ')},
    0 as ended
  from (${slots}) s group by 1, 2`

/** Adds up rows that have these columns already. The counts of a histogram as an array, or as JSON, which the driver reads. */
export const sumsOfSums = sumsAs((counts) => `array[${counts}]`)
export const readableSums = sumsAs((counts) => `jsonb_build_array(${counts})`)

function sumsAs(list: (counts: string) => string): string {
  const countsOfSums = (name: string) =>
    buckets.map((n) => `coalesce(sum(${name}_counts[${n + 1}]), 0)::bigint`).join(', ')
  return [
    ...[...runColumns, ...slotColumns, ...plainColumns].map((name) => `coalesce(sum(${name}), 0) as ${name}`),
    ...histograms.map((name) => `${list(countsOfSums(name))} as ${name}_counts`),
  ].join(', ')
}

/** What runs and slots add up to, without the histograms. `tokens` are of prompts, `costUsd` of what has a price in USD. */
export type Sums = {
  /** Ended runs by state. */
  runs: Record<(typeof endStates)[number], number>
  /** Slots with a final verdict, by verdict. */
  slots: Record<(typeof slotVerdicts)[number], number>
} & UsedSums
export type UsedSums = { attempts: number; tokens: { input: number; output: number }; costUsd: number }

export function readSums(row: Row): Sums {
  const record = <Name extends string>(prefix: string, names: readonly Name[]) =>
    Object.fromEntries(names.map((name) => [name, Number(row[`${prefix}_${name}`])])) as Record<Name, number>
  return { runs: record('runs', endStates), slots: record('slots', slotVerdicts), ...readUsed(row) }
}

export function readUsed(row: Row): UsedSums {
  return {
    attempts: Number(row['attempts']),
    tokens: { input: Number(row['tokens_in']), output: Number(row['tokens_out']) },
    costUsd: Number(row['cost_usd']),
  }
}

/** More are counted once they have been added up (db/history-fold.ts), so that a read stays short whatever is waiting. */
export const tailMost = 50_000

/** Of the runs that are not in the days yet: what counts. */
export const newlyEnded = (job: string) => `
      select ${countedOfRun(job)} from (
        select * from runs where finished_at > (select folded_to from history) order by finished_at limit ${tailMost}) r`

/** `on conflict … do update set` of a table of days: the stored row and the new one, added. */
export const addedTo = (table: string) =>
  sumColumns
    .map((name) => {
      if (!name.endsWith('_counts')) return `${name} = ${table}.${name} + excluded.${name}`
      const counts = buckets.map(
        (n) => `coalesce(${table}.${name}[${n + 1}], 0) + excluded.${name}[${n + 1}]`,
      )
      return `${name} = array[${counts.join(', ')}]`
    })
    .join(', ')
