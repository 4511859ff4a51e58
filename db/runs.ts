import type { Sql } from './look.ts'
import type { Row } from './rows.ts'

/** A run held by this process, as far as a renewal has to name it. */
export type Held = { runId: string; fence: number; leaseMs: number }

/**
 * The claimed run goes to `running` and its lease is renewed with it; false: it is no longer held with this fence (or
 * the lease has ended), so its effect must not begin.
 */
export async function begin(sql: Sql, held: Held & { owner: string; now: Date | null }): Promise<boolean> {
  const rows = await sql`
    update runs set state = 'running', started_at = c.now, lease_until = c.now + ${held.leaseMs} * interval '1 ms'
    from (select coalesce(${held.now}::timestamptz, clock_timestamp()) as now) c
    where id = ${held.runId} and fence = ${held.fence} and owner = ${held.owner} and lease_until > c.now
    returning id`
  return rows.length > 0
}

/**
 * Renews the leases of all the runs that this process holds, in one statement; returns those that were renewed. A run
 * that is missing from the answer is lost: cancelled, taken over, deleted, or its lease had ended (an ended lease is
 * never renewed, so whoever reads it as ended may act on it). Does not move the wake time: the watchdog that is armed
 * for the old end comes early at worst, and is answered with the new one.
 */
export async function renew(
  sql: Sql,
  wish: { held: Held[]; owner: string; now: Date | null },
): Promise<Set<string>> {
  const rows: Row[] = await sql`
    update runs set lease_until = c.now + h."leaseMs" * interval '1 ms'
    from (select coalesce(${wish.now}::timestamptz, clock_timestamp()) as now) c,
      jsonb_to_recordset(${sql.json(wish.held)}) as h("runId" uuid, fence bigint, "leaseMs" int)
    where id = h."runId" and runs.fence = h.fence and owner = ${wish.owner} and lease_until > c.now
    returning id`
  return new Set(rows.map((row) => row['id'] as string))
}

/** The job that a run belongs to; null: there is no such run. */
export async function jobOfRun(sql: Sql, runId: string): Promise<string | null> {
  const [row]: Row[] = await sql`select job_id from runs where id = ${runId}`
  return (row?.['job_id'] as string | undefined) ?? null
}
