import type { Sql } from './client.ts'
import type { Row } from './columns.ts'

/** What of a job's past is kept: the newest runs with logs and outputs, and the newest runs at all; both in number and in days. */
export type Kept = { runs: number; days: number; historyRuns: number; historyDays: number }

/** Of one job in one statement: short, since a fire may want to write to these tables. */
export const rowsAtOnce = 500

/** A failed delivery can be sent again for so long. */
const failedDeliveryDays = 30

/**
 * The job that waits longest for a look at its past, its row locked until the end of the transaction; null: none is due. A
 * row that another process has locked is passed over.
 */
export async function dueJob(
  tx: Sql,
  now: Date | null,
): Promise<{ jobId: string; policy: Record<string, unknown> } | null> {
  const [row]: Row[] = await tx`
    select h.job_id, j.policy from job_history h join jobs j on j.id = h.job_id
    where h.next_at <= (select coalesce(${now}::timestamptz, clock_timestamp()))
    order by h.next_at limit 1 for update of h skip locked`
  return row ? { jobId: row['job_id'] as string, policy: row['policy'] as Record<string, unknown> } : null
}

/** When the job is looked at again: behind the others that are due, if there was more than one step takes, or in a day. */
export async function lookAgain(
  tx: Sql,
  job: { jobId: string; removed: number; isMore: boolean; now: Date | null },
): Promise<void> {
  await tx`
    update job_history set kept = kept - ${job.removed},
      next_at = coalesce(${job.now}::timestamptz, clock_timestamp()) + ${job.isMore ? 0 : 1} * interval '1 day'
    where job_id = ${job.jobId}`
}

/**
 * Takes logs and output from the oldest runs of a job that are over, `limit` at most, and gives their number: those beyond
 * the newest `kept.runs`, and those from more than `kept.days` days ago. Of the newest success with an output nothing is
 * taken, since templates and later prompts read it. How far it has come is noted, so that they are not read again.
 */
export async function bareRuns(
  tx: Sql,
  { jobId, kept, now, limit = rowsAtOnce }: { jobId: string; kept: Kept; now: Date | null; limit?: number },
): Promise<number> {
  const [row]: Row[] = await tx`
    with bounds as (
      select bare_to as done_to, ${microsAgo(tx, now, kept.days)} as before,
        coalesce((select seq from runs where job_id = ${jobId} order by seq desc offset ${kept.runs} limit 1), 0) as beyond,
        (select seq from runs where job_id = ${jobId} and state = 'succeeded' and output is not null
          order by seq desc limit 1) as newest_output,
        (select min(seq) from runs where job_id = ${jobId} and state in ('claimed', 'running', 'waiting')) as live
      from job_history where job_id = ${jobId}
    ),
    past as (
      select r.id, r.seq from runs r, bounds b
      where r.job_id = ${jobId} and r.seq > b.done_to and r.seq <= greatest(b.beyond, b.before)
        and r.finished_at is not null and r.seq is distinct from b.newest_output
        and (r.output is not null or exists (select from attempt_logs l where l.run_id = r.id))
      order by r.seq limit ${limit}
    ),
    cleared as (update runs set output = null where id in (select id from past) and output is not null),
    dropped as (delete from attempt_logs where run_id in (select id from past)),
    noted as (
      update job_history set bare_to = greatest(bare_to, least(b.newest_output - 1, b.live - 1,
        case when (select count(*) from past) < ${limit} then greatest(b.beyond, b.before)
          else (select max(seq) from past) end))
      from bounds b where job_id = ${jobId}
    )
    select count(*)::int as n from past`
  return Number(row?.['n'])
}

/**
 * Removes the oldest runs of a job with their deliveries and logs, `limit` at most, and gives their number: those beyond the
 * newest `kept.historyRuns`, and those that were claimed more than `kept.historyDays` days ago. Never one that is not in
 * the days yet, nor the newest run, nor the newest success with an output, nor one with a delivery that is pending, or
 * failed less than 30 days ago.
 *
 * That its slot runs only once does not depend on the row: `job_runtime.last_slot` is past it. Up to which slot runs are gone
 * is noted, for the ledger.
 */
export async function removeRuns(
  tx: Sql,
  { jobId, kept, now, limit = rowsAtOnce }: { jobId: string; kept: Kept; now: Date | null; limit?: number },
): Promise<number> {
  const [row]: Row[] = await tx`
    with bounds as (
      select folded_to, greatest(${microsAgo(tx, now, kept.historyDays)}, coalesce((
          select seq from runs where job_id = ${jobId} and h.kept > ${kept.historyRuns}
          order by seq offset greatest(0, least(h.kept - ${kept.historyRuns}, ${limit}) - 1) limit 1), 0)) as past_to,
        (select seq from runs where job_id = ${jobId} order by seq desc limit 1) as newest,
        (select seq from runs where job_id = ${jobId} and state = 'succeeded' and output is not null
          order by seq desc limit 1) as newest_output
      from history, job_history h where h.job_id = ${jobId}
    ),
    removed as (
      delete from runs where id in (
        select r.id from runs r, bounds b
        where r.job_id = ${jobId} and r.seq <= b.past_to and r.finished_at <= b.folded_to
          and r.seq <> b.newest and r.seq is distinct from b.newest_output
          and not exists (
            select from deliveries d where d.run_id = r.id and (d.state = 'pending' or d.state = 'failed'
              and d.finished_at > coalesce(${now}::timestamptz, clock_timestamp()) - ${failedDeliveryDays} * interval '1 day'))
        order by r.seq limit ${limit})
      returning slot
    ),
    noted as (
      update job_history set gone_to = greatest(gone_to, (select max(slot) from removed)) where job_id = ${jobId}
    )
    select count(*)::int as n from removed`
  return Number(row?.['n'])
}

/** The `seq` of a run that was claimed so many days ago. */
function microsAgo(sql: Sql, now: Date | null, days: number) {
  return sql`(extract(epoch from coalesce(${now}::timestamptz, clock_timestamp()) - ${days}::int * interval '1 day')
    * 1000000)::bigint`
}
