import { forgetOvertaken, noteBusy } from './busy-days.ts'
import type { Sql } from './client.ts'
import type { Row } from './columns.ts'
import { addedTo, countedOfRun, slotsOnly, sumColumns, sumsOfRuns, sumsOfSums } from './history-sums.ts'

/**
 * Runs are added up this long after their end at the earliest, so that no write with an end before the cursor is still
 * under way: a statement is cancelled after 5 s, and a transaction of several ends no later than 10.5 s after its begin (the
 * deadlines in db/client.ts and db/transaction.ts). A write that the server itself holds up for longer, because it was
 * suspended as a whole, is counted by nothing.
 */
const foldMarginMs = 60_000

/** Of runs, in one step; ends at the same instant are not parted. */
const foldAtOnce = 5_000
/** A fold may stand for years. */
const slotsAtOnce = 100

type FoldWish = {
  now: Date | null
  /** So many runs of a job stay, and so many with logs and outputs, unless it says otherwise. */
  usual: { historyRuns: number; runs: number }
  limit?: number
}

/**
 * One step: adds the runs that ended after those of the step before, and folded slots, to the days of their jobs and of the
 * service, and moves the cursor with them, all or nothing. Gives the number of runs; `isMore`: another step has something
 * to do. The row of the cursor is locked, and a process that finds it locked does nothing: no run is added twice.
 *
 * To be called in a transaction.
 */
export async function foldStep(tx: Sql, wish: FoldWish): Promise<{ runs: number; isMore: boolean }> {
  const { now, usual, limit = foldAtOnce } = wish
  const [cursor]: Row[] = await tx`
    select folded_to::text, slots_to::text, (coalesce(${now}::timestamptz, clock_timestamp())
      - ${foldMarginMs} * interval '1 ms')::text as before
    from history for update skip locked`
  if (!cursor) return { runs: 0, isMore: false }
  const { folded_to: from, before, slots_to: slotsTo } = cursor as Record<string, string>
  const slots = await foldSlots(tx, slotsTo as string, before as string)
  const [last]: Row[] = await tx`
    select max(finished_at)::text as at, count(*)::int as n from (
      select finished_at from runs
      where finished_at > ${from as string}::text::timestamptz and finished_at <= ${before as string}::text::timestamptz
      order by finished_at limit ${limit}) ended`
  const isMore = Number(last?.['n']) >= limit
  // nothing that ended until `before` is still to come
  const to = (isMore ? last?.['at'] : before) as string
  await tx.unsafe(foldRuns, [from as string, to, usual.historyRuns, usual.runs], { prepare: true })
  if (Number(last?.['n']) > 0) await forgetOvertaken(tx, { from: from as string, to })
  return { runs: Number(last?.['n']), isMore: isMore || slots >= slotsAtOnce }
}

const columns = sumColumns.join(', ')

/** What `sums` has, added to the days. A job that is gone keeps no days, and the service keeps all of them. */
const addSums = `
    by_job as (
      insert into job_days (job_id, day, ${columns})
      select job_id, day, ${sumsOfSums} from sums
      where exists (select from jobs j where j.id = sums.job_id) group by job_id, day order by job_id, day
      on conflict on constraint job_days_pkey do update set ${addedTo('job_days')}
      returning job_id, day, awake_ms
    ),
    by_service as (
      insert into service_days (day, ${columns})
      select day, ${sumsOfSums} from sums group by day order by day
      on conflict on constraint service_days_pkey do update set ${addedTo('service_days')}
    )`

/**
 * $1, $2: the span of their ends (exclusive, inclusive). $3, $4: `usual`. A job that may have too much is looked at soon, and
 * every other one once a day. The cursor never goes back.
 */
const foldRuns = `
    with sums as materialized (${sumsOfRuns(
      `select ${countedOfRun('r.job_id')} from runs r where r.finished_at > $1::text::timestamptz and r.finished_at <= $2::text::timestamptz`,
    )}),
    ${addSums},
    busy as (${noteBusy}),
    kept as (
      insert into job_history as h (job_id, kept, next_at)
      select s.job_id, s.ended, case
        when coalesce(o.kept, 0) + s.ended > least(coalesce((j.policy -> 'retention' ->> 'historyRuns')::int, $3::int),
          coalesce((j.policy -> 'retention' ->> 'runs')::int, $4::int)) then $2::text::timestamptz
        else $2::text::timestamptz + interval '1 day' end
      from (select job_id, sum(ended)::int as ended from sums where ended > 0 group by job_id) s
      join jobs j on j.id = s.job_id
      left join job_history o on o.job_id = s.job_id
      order by s.job_id
      on conflict on constraint job_history_pkey do update set
        kept = h.kept + excluded.kept, next_at = least(h.next_at, excluded.next_at)
    )
    update history set folded_to = greatest(folded_to, $2::text::timestamptz)`

async function foldSlots(tx: Sql, after: string, before: string): Promise<number> {
  const [row]: Row[] = await tx.unsafe(foldSlotsText, [after, before, slotsAtOnce], { prepare: true })
  return Number(row?.['n'])
}

/**
 * $1: behind this id. $2: recorded until then: a row with a smaller id may be committed later, but not so much later. A span
 * of slots is spread over its days as if they were evenly spaced.
 */
const foldSlotsText = `
    with taken as materialized (
      select * from folded_slots where id > $1::text::bigint and recorded_at <= $2::text::timestamptz
      order by id limit $3::int
    ),
    spread as (
      select f.job_id, d.day, f.verdict, case when f.count = 1 or f.first_slot = f.last_slot then f.count else
        least(f.count, ceil(extract(epoch from (d.day + 1)::timestamp at time zone 'UTC' - f.first_slot) / f.step))
        - greatest(0, ceil(extract(epoch from d.day::timestamp at time zone 'UTC' - f.first_slot) / f.step)) end as n
      from (select *, extract(epoch from last_slot - first_slot) / nullif(count - 1, 0) as step from taken) f
      cross join lateral (
        select generate_series(f.first_slot at time zone 'UTC', f.last_slot at time zone 'UTC' + interval '1 day', '1 day')::date
          as day) d
      where d.day <= (f.last_slot at time zone 'UTC')::date
    ),
    sums as materialized (${slotsOnly('select * from spread where n > 0')}),
    ${addSums},
    moved as (update history set slots_to = (select max(id) from taken) where exists (select from taken))
    select count(*) as n from taken`
