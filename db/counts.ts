import { lateMs } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { date, maybeDate, type Row } from './columns.ts'

/**
 * The owed and held items of the service, counted in Postgres; durable, so that it is right after any number of restarts.
 * Ended runs are not among them: `Store.totals` has those.
 */
export type Counts = {
  jobs: Record<'scheduled' | 'paused' | 'completed' | 'error', number>
  /** Those that are live, by state. */
  runs: Record<'claimed' | 'running' | 'waiting', number>
  /** None without an outside timer: no wake-up is owed to it. */
  armsOwed: number
  /** Since when the longest-owed arm is owed; null: none is. */
  oldestOwedSince: Date | null
  orphansOwed: number
  overdue: number
  /** Wake-ups that were lost: NAS confirmed them, and no fire came (`isWakeLost`). */
  lost: number
  /** Claimed runs without a place, and since when the first of them waits. */
  waiting: { runs: number; since: Date | null }
  /** `count`: `failedDeliveriesMost` at most. */
  failedDeliveries: { count: number; newest: FailedDelivery | null }
  now: Date
}

/** What the health of the service is judged by. */
export type OwedCounts = Pick<Counts, 'armsOwed' | 'oldestOwedSince' | 'lost' | 'waiting' | 'now'>

/** `to`: the name of a channel, the kind of a receiver, or the id of a job. */
export type FailedDelivery = {
  id: string
  runId: string
  jobId: string
  to: string
  error: { code: string; message: string }
  at: Date
}

const failedDeliveriesMost = 10_000

/** Each part is a piece of an index that has what is asked for and little else, however large the tables are. */
export async function readCounts(
  sql: Sql,
  { isNasUsed, now }: { isNasUsed: boolean; now: Date | null },
): Promise<Counts> {
  const [row]: Row[] = await sql`
    with clock as (select coalesce(${now}::timestamptz, clock_timestamp()) as now)
    select clock.now,
      (select count(*)::int from jobs) as all_jobs,
      (select jsonb_object_agg(state, n) from (
        select state, count(*) as n from job_runtime where state <> 'scheduled' group by state) s) as resting,
      (select jsonb_object_agg(state, n) from (
        select state, count(*) as n from runs where state in ('claimed', 'running', 'waiting') group by state) s) as runs,
      ${owedColumns(sql, isNasUsed)},
      (select count(*)::int from orphans where cancelled_at is null) as orphans,
      (select count(*)::int from job_runtime where wake_at < clock.now - ${lateMs} * interval '1 ms') as overdue,
      (select count(*)::int from (
        select from deliveries where state = 'failed' limit ${failedDeliveriesMost}) d) as failed,
      (select jsonb_build_object('id', id, 'run', run_id, 'job', job_id, 'code', error_code, 'message', error_message,
          'to', coalesce(target ->> 'channel', target ->> 'type', target ->> 'job'), 'at', finished_at)
        from deliveries where state = 'failed' order by seq desc limit 1) as newest_failed
    from clock`
  return {
    jobs: jobsByState(row?.['all_jobs'] as number, row?.['resting'] as Partial<Counts['jobs']> | null),
    runs: { claimed: 0, running: 0, waiting: 0, ...(row?.['runs'] as Partial<Counts['runs']> | null) },
    ...readOwedRow(row ?? {}),
    orphansOwed: row?.['orphans'] as number,
    overdue: row?.['overdue'] as number,
    failedDeliveries: {
      count: row?.['failed'] as number,
      newest: failedDelivery(row?.['newest_failed'] as Record<string, string> | null),
    },
  }
}

/** The part of them that the health of the service is judged by. */
export async function readOwed(
  sql: Sql,
  { isNasUsed, now }: { isNasUsed: boolean; now: Date | null },
): Promise<OwedCounts> {
  const [row]: Row[] = await sql`
    with clock as (select coalesce(${now}::timestamptz, clock_timestamp()) as now)
    select clock.now, ${owedColumns(sql, isNasUsed)} from clock`
  return readOwedRow(row ?? {})
}

const owedColumns = (sql: Sql, isNasUsed: boolean) => sql`
      (select count(*)::int from job_runtime where ${isNasUsed}::boolean and armed_gen < wake_gen) as owed,
      (select min(wake_changed_at) from job_runtime where ${isNasUsed}::boolean and armed_gen < wake_gen) as owed_since,
      (select count(*)::int from job_runtime where ${wakeLost(sql, isNasUsed)})
        + (select count(*)::int from job_runtime where ${waypointLost(sql, isNasUsed)}) as lost,
      (select count(*)::int from runs where state = 'claimed' and waiting_since is not null) as waiting,
      (select min(waiting_since) from runs where state = 'claimed' and waiting_since is not null) as waiting_since`

function readOwedRow(row: Row): OwedCounts {
  return {
    armsOwed: row['owed'] as number,
    oldestOwedSince: maybeDate(row['owed_since']),
    lost: row['lost'] as number,
    waiting: { runs: row['waiting'] as number, since: maybeDate(row['waiting_since']) },
    now: maybeDate(row['now']) as Date,
  }
}

function failedDelivery(row: Record<string, string> | null): FailedDelivery | null {
  if (!row) return null
  const { id = '', run = '', job = '', to = '', code = '', message = '' } = row
  return { id, runId: run, jobId: job, to, error: { code, message }, at: date(row['at']) }
}

/** Most jobs are scheduled, and which state they are in is in no index: they are those that remain. */
function jobsByState(all: number, resting: Partial<Counts['jobs']> | null): Counts['jobs'] {
  const others = { paused: 0, completed: 0, error: 0, ...resting }
  return { scheduled: all - others.paused - others.completed - others.error, ...others }
}

/**
 * `isWakeLost` in SQL, of confirmed wake-ups only; "clock" is in scope. Owed arms are counted as owed. In two parts that
 * have no job in common, because each has an index: the wake time itself, and a waypoint before it.
 */
function wakeLost(sql: Sql, isNasUsed: boolean) {
  return sql`(not ${isNasUsed}::boolean or armed_gen = wake_gen) and wake_at < clock.now - ${lateMs} * interval '1 ms'`
}

function waypointLost(sql: Sql, isNasUsed: boolean) {
  return sql`${isNasUsed}::boolean and armed_gen = wake_gen and armed_at < wake_at
    and armed_at < clock.now - ${lateMs} * interval '1 ms' and wake_at >= clock.now - ${lateMs} * interval '1 ms'`
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
