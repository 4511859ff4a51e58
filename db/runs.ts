import type { Sql } from './look.ts'
import type { Row } from './columns.ts'

/** A run held by this process, as far as a renewal has to name it. */
export type Held = { runId: string; fence: number; leaseMs: number }

type Beginning = Held & { jobId: string; owner: string; now: Date | null }

/**
 * The claimed run goes to `running` and its lease is renewed with it; false: it is no longer held with this fence (or
 * the lease has ended), so its effect must not begin.
 */
export async function begin(sql: Sql, held: Beginning): Promise<boolean> {
  const rows = await sql`
    update runs set state = 'running', started_at = c.now, waiting_since = null, lease_until = c.now + ${held.leaseMs} * interval '1 ms'
    from (select coalesce(${held.now}::timestamptz, statement_timestamp()) as now) c
    where id = ${held.runId} and job_id = ${held.jobId} and fence = ${held.fence} and owner = ${held.owner} and lease_until > c.now
    returning id`
  return rows.length > 0
}

/**
 * Renews the leases of all the runs that this process holds, in one statement; returns those that were renewed. A run
 * that is missing from the answer is lost: cancelled, taken over, deleted, or its lease had ended (an ended lease is
 * never renewed, so a process that reads it as ended may act on it). Does not move the wake time: the watchdog that is armed
 * for the old end comes early at worst, and is answered with the new one.
 *
 * Rows are locked in the order in which they were made, as everywhere with more than one run, to avoid deadlocks.
 */
export async function renew(
  sql: Sql,
  wish: { held: Held[]; owner: string; now: Date | null },
): Promise<Set<string>> {
  const rows: Row[] = await sql`
    with clock as (select coalesce(${wish.now}::timestamptz, statement_timestamp()) as now),
    mine as (
      select r.id, h.fence, clock.now, clock.now + h."leaseMs" * interval '1 ms' as lease_until
      from clock, runs r
      join jsonb_to_recordset(${sql.json(wish.held)}) as h("runId" uuid, fence bigint, "leaseMs" int) on r.id = h."runId"
      where r.fence = h.fence and r.owner = ${wish.owner} and r.lease_until > clock.now
      order by r.seq, r.id
      for no key update of r
    )
    update runs set lease_until = mine.lease_until
    from mine
    where runs.id = mine.id and runs.fence = mine.fence and owner = ${wish.owner} and runs.lease_until > mine.now
    returning runs.id`
  return new Set(rows.map((row) => row['id'] as string))
}

/** A claimed run that has found no place for `forMs` milliseconds. */
export type WaitingNote = { runId: string; fence: number; forMs: number }

/** Notes since when runs are waiting for a place; those that have begun meanwhile, or belong to another process, stay as they are. */
export async function noteWaiting(
  sql: Sql,
  wish: { notes: WaitingNote[]; owner: string; now: Date | null },
): Promise<void> {
  await sql`
    update runs r set waiting_since = coalesce(${wish.now}::timestamptz, statement_timestamp()) - n."forMs" * interval '1 ms'
    from jsonb_to_recordset(${sql.json(wish.notes)}) as n("runId" uuid, fence bigint, "forMs" bigint)
    where r.id = n."runId" and r.fence = n.fence and r.owner = ${wish.owner} and r.state = 'claimed'`
}

/** The job that a run belongs to; null: there is no such run, or its job is gone. */
export async function jobOfRun(sql: Sql, runId: string): Promise<string | null> {
  const [row]: Row[] = await sql`
    select r.job_id from runs r join jobs j on j.id = r.job_id where r.id = ${runId}`
  return (row?.['job_id'] as string | undefined) ?? null
}
