import { lateMs } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { date, maybeDate, type Row } from './columns.ts'

/** The owed and held items of the service, counted in Postgres; durable, so that it is right after any number of restarts. */
export type Counts = {
  jobs: Record<'scheduled' | 'paused' | 'completed' | 'error', number>
  runs: Record<string, number>
  armsOwed: number
  /** Since when the longest-owed arm is owed; null: none is. */
  oldestOwedSince: Date | null
  orphansOwed: number
  overdue: number
  /** Wake-ups that were lost: NAS confirmed them, and no fire came (`isWakeLost`). */
  lost: number
  /** Claimed runs without a place, and since when the first of them waits. */
  waiting: { runs: number; since: Date | null }
  failedDeliveries: { count: number; newest: FailedDelivery | null }
  now: Date
}

/** `to`: the name of a channel, the kind of a receiver, or the id of a job. */
export type FailedDelivery = {
  id: string
  runId: string
  jobId: string
  to: string
  error: { code: string; message: string }
  at: Date
}

export async function readCounts(
  sql: Sql,
  { isNasUsed, now }: { isNasUsed: boolean; now: Date | null },
): Promise<Counts> {
  const [row]: Row[] = await sql`
    with clock as (select coalesce(${now}::timestamptz, clock_timestamp()) as now)
    select clock.now,
      (select jsonb_object_agg(state, n) from (select state, count(*) as n from job_runtime group by state) s) as jobs,
      (select jsonb_object_agg(state, n) from (select state, count(*) as n from runs group by state) s) as runs,
      (select count(*)::int from job_runtime where armed_gen < wake_gen) as owed,
      (select min(wake_changed_at) from job_runtime where armed_gen < wake_gen) as owed_since,
      (select count(*)::int from orphans where cancelled_at is null) as orphans,
      (select count(*)::int from job_runtime where wake_at < clock.now - ${lateMs} * interval '1 ms') as overdue,
      (select count(*)::int from job_runtime where ${wakeLost(sql, isNasUsed)}) as lost,
      (select count(*)::int from runs where state = 'claimed' and waiting_since is not null) as waiting,
      (select min(waiting_since) from runs where state = 'claimed' and waiting_since is not null) as waiting_since,
      (select count(*)::int from deliveries where state = 'failed') as failed,
      (select jsonb_build_object('id', id, 'run', run_id, 'job', job_id, 'code', error_code, 'message', error_message,
          'to', coalesce(target ->> 'channel', target ->> 'type', target ->> 'job'), 'at', finished_at)
        from deliveries where state = 'failed' order by seq desc limit 1) as newest_failed
    from clock`
  return {
    jobs: { scheduled: 0, paused: 0, completed: 0, error: 0, ...(row?.['jobs'] as Counts['jobs'] | null) },
    runs: (row?.['runs'] as Counts['runs'] | null) ?? {},
    armsOwed: row?.['owed'] as number,
    oldestOwedSince: maybeDate(row?.['owed_since']),
    orphansOwed: row?.['orphans'] as number,
    overdue: row?.['overdue'] as number,
    lost: row?.['lost'] as number,
    waiting: { runs: row?.['waiting'] as number, since: maybeDate(row?.['waiting_since']) },
    failedDeliveries: {
      count: row?.['failed'] as number,
      newest: failedDelivery(row?.['newest_failed'] as Record<string, string> | null),
    },
    now: maybeDate(row?.['now']) as Date,
  }
}

function failedDelivery(row: Record<string, string> | null): FailedDelivery | null {
  if (!row) return null
  const { id = '', run = '', job = '', to = '', code = '', message = '' } = row
  return { id, runId: run, jobId: job, to, error: { code, message }, at: date(row['at']) }
}

/** `isWakeLost` in SQL, of confirmed wake-ups only; "clock" is in scope. Owed arms are counted as owed. */
function wakeLost(sql: Sql, isNasUsed: boolean) {
  return sql`(not ${isNasUsed}::boolean or armed_gen = wake_gen)
    and case when ${isNasUsed}::boolean then least(wake_at, armed_at) else wake_at end < clock.now - ${lateMs} * interval '1 ms'
    and wake_at is not null`
}

export type ArmEntry = {
  gen: number
  fireAt: Date | null
  askedAt: Date
  tookMs: number
  outcome: 'armed' | 'cancelled' | 'failed'
  scheduleId: string | null
  error: { code: string; message: string } | null
}

/** The last arms of a job, newest first. */
export async function readArms(sql: Sql, jobId: string): Promise<ArmEntry[]> {
  const rows: Row[] = await sql`select * from arms where job_id = ${jobId} order by id desc limit 20`
  return rows.map((row) => ({
    gen: Number(row['gen']),
    fireAt: maybeDate(row['fire_at']),
    askedAt: maybeDate(row['asked_at']) as Date,
    tookMs: row['took_ms'] as number,
    outcome: row['outcome'] as ArmEntry['outcome'],
    scheduleId: row['schedule_id'] as string | null,
    error: row['error_code'] ? { code: row['error_code'] as string, message: row['error'] as string } : null,
  }))
}
