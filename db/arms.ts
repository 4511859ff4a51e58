import type { Registry } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { date, maybeDate, type Row } from './columns.ts'
import { armedOf, type ArmLease, type ArmOrder } from './move.ts'

/** `nothing owed` · `taken by another` until its arm lease ends · an order for us to carry out. */
export type TakenArm = { state: 'armed' } | { state: 'busy' } | { state: 'order'; order: ArmOrder }

/**
 * Takes the right to arm a job, if an arm is owed and no other process holds that right: one row, one compare-and-set, so
 * two provisions for a job never overlap. The holder of that right may take it again, for the order as it is by then,
 * and a late report about its earlier order is then ignored. A job that is gone owes nothing.
 */
export async function takeArm(
  sql: Sql,
  wish: { jobId: string; lease: ArmLease; now: Date | null },
): Promise<TakenArm> {
  const [row]: Row[] = await sql`
    with clock as (select coalesce(${wish.now}::timestamptz, statement_timestamp()) as now),
    taken as (
      update job_runtime set arm_lease_by = ${wish.lease.holder}, arm_lease_until = clock.now + ${wish.lease.ms} * interval '1 ms'
      from clock
      where job_id = ${wish.jobId} and armed_gen < wake_gen
        and (arm_lease_until is null or arm_lease_until <= clock.now or starts_with(arm_lease_by, ${wish.lease.heirOf}))
      returning job_id, wake_gen, wake_at, recent_arms, armed_at, armed_schedule, clock.now
    )
    select taken.*, (select armed_gen < wake_gen from job_runtime where job_id = ${wish.jobId}) as owed
    from (select 1) one left join taken on true`
  if (!row?.['job_id']) return { state: row?.['owed'] ? 'busy' : 'armed' }
  return {
    state: 'order',
    order: {
      jobId: wish.jobId,
      holder: wish.lease.holder,
      gen: Number(row['wake_gen']),
      wakeAt: maybeDate(row['wake_at']),
      recentArms: row['recent_arms'] as Date[],
      armed: armedOf(row),
      now: date(row['now']),
    },
  }
}

/** NAS has lost a confirmed arm: it is owed again. Returns false if the job is gone. */
export async function disownArm(sql: Sql, jobId: string, gen: number): Promise<boolean> {
  const rows = await sql`
    update job_runtime set wake_gen = wake_gen + 1 where job_id = ${jobId} and armed_gen = ${gen} and wake_gen = ${gen}
    returning job_id`
  return rows.length > 0
}

/**
 * Notes where NAS is told to call. If it was another address before, every arm is owed again: the ones that NAS
 * holds would call the old one. True if it has changed; both or neither.
 */
export async function noteCallback(sql: Sql, url: string, now: Date | null): Promise<boolean> {
  const [row]: Row[] = await sql`
    with before as (select value #>> '{}' as url from facts where name = 'callback_url'),
    noted as (
      insert into facts (name, value, updated_at)
      values ('callback_url', to_jsonb(${url}::text), coalesce(${now}::timestamptz, clock_timestamp()))
      on conflict on constraint facts_pkey do update set value = excluded.value, updated_at = excluded.updated_at
      where facts.value <> excluded.value
    ),
    disowned as (
      update job_runtime set wake_gen = wake_gen + 1
      where wake_at is not null and exists (select from before where url <> ${url})
    )
    select exists (select from before where url <> ${url}) as has_changed`
  return row?.['has_changed'] === true
}

/** Jobs whose arm is owed, from the one partial index, ascending by id after `after`. */
export async function owedArms(sql: Sql, page: { after: string; limit: number }): Promise<string[]> {
  const rows: Row[] = await sql`
    select job_id from job_runtime where armed_gen < wake_gen and job_id > ${page.after} order by job_id limit ${page.limit}`
  return rows.map((row) => row['job_id'] as string)
}

/** So many overdue jobs are named at once, at most; the next look finds the others. */
export const overdueMax = 10_000

/**
 * Jobs whose wake time is at or before `now − lateMs`: no process has handled them. Earliest first. One range of the index
 * on wake times, however many jobs there are: the bound is a subquery, because a volatile expression bounds no index.
 */
export async function overdueJobs(
  sql: Sql,
  wish: { lateMs: number; limit: number; now: Date | null },
): Promise<string[]> {
  const rows: Row[] = await sql`
    select job_id from job_runtime
    where wake_at <= (
      select coalesce(${wish.now}::timestamptz, clock_timestamp()) - ${wish.lateMs} * interval '1 ms')
    order by wake_at limit ${wish.limit}`
  return rows.map((row) => row['job_id'] as string)
}

/** The earliest wake time of all jobs, and Postgres' clock; null: no job needs a process. */
export async function earliestWake(sql: Sql, now: Date | null): Promise<{ wakeAt: Date | null; now: Date }> {
  const [row]: Row[] = await sql`
    select (select min(wake_at) from job_runtime) as wake_at, coalesce(${now}::timestamptz, clock_timestamp()) as now`
  return { wakeAt: maybeDate(row?.['wake_at']), now: date(row?.['now']) }
}

/** The job with the farthest wake time of all, and what NAS holds for it; `now` is Postgres' clock. */
export type FarthestWake = Pick<Registry, 'wakeAt' | 'armedAt' | 'armedGen' | 'wakeGen'> & {
  jobId: string
  now: Date
}

export async function farthestWake(sql: Sql, now: Date | null): Promise<FarthestWake | null> {
  const [row]: Row[] = await sql`
    select job_id, wake_at, armed_at, armed_gen, wake_gen, coalesce(${now}::timestamptz, clock_timestamp()) as now
    from job_runtime where wake_at is not null order by wake_at desc limit 1`
  if (!row) return null
  return {
    jobId: row['job_id'] as string,
    wakeAt: maybeDate(row['wake_at']),
    armedAt: maybeDate(row['armed_at']),
    armedGen: Number(row['armed_gen']),
    wakeGen: Number(row['wake_gen']),
    now: date(row['now']),
  }
}

/**
 * What NAS lists: the id of a job (no line breaks in it), and at the same place its instant in epoch milliseconds.
 * `listedAt`: an instant before it was asked, by Postgres' clock.
 */
export type ListedArms = { jobIds: string[]; fireAtMs: number[]; listedAt: Date }

/** An arm that is not as it was confirmed; `armedGen` null: it is listed, and there is no job of that id. */
export type DifferentArm = { jobId: string; armedGen: number | null }

/**
 * Where the registry and what NAS lists do not agree: in one statement, in one snapshot, and only what differs comes
 * back. Arms that are owed anyway are left out, and those that were confirmed after `listedAt`, which the list may be too
 * old to show. Instants that are `toleranceMs` apart are the same.
 */
export async function differentArms(
  sql: Sql,
  { jobIds, fireAtMs, listedAt, toleranceMs }: ListedArms & { toleranceMs: number },
): Promise<DifferentArm[]> {
  // two texts: as arrays, 100,000 of each take three times as long to write and 10 MB
  const rows: Row[] = await sql`
    select coalesce(r.job_id, l.job_id) as job_id, r.armed_gen
    from unnest(string_to_array(${jobIds.join('\n')}, e'\\n'), string_to_array(${fireAtMs.join('\n')}, e'\\n')::float8[])
      as l(job_id, fire_at_ms)
    full join job_runtime r on r.job_id = l.job_id
    where case
      when r.job_id is null then true
      when r.armed_gen < r.wake_gen then false
      when r.wake_at is null then l.job_id is not null
      else l.job_id is null or r.armed_at is null
        or abs(extract(epoch from r.armed_at)::float8 * 1000 - l.fire_at_ms) > ${toleranceMs} end
      and not exists (select from arms a where a.job_id = r.job_id and a.asked_at > ${listedAt})`
  return rows.map((row) => ({
    jobId: row['job_id'] as string,
    armedGen: row['armed_gen'] === null ? null : Number(row['armed_gen']),
  }))
}

/** `callback`: what `noteCallback` noted last. `isOwed`: the arm of some job is. `orphans`: deleted jobs whose cancel NAS has not confirmed. */
export type Outstanding = { callback: string | null; isOwed: boolean; orphans: string[]; now: Date }

/** What a reconcile has to know before it asks the timer for its list, in one statement. */
export async function outstanding(sql: Sql, now: Date | null): Promise<Outstanding> {
  const [row]: Row[] = await sql`
    select coalesce(${now}::timestamptz, clock_timestamp()) as now, ${outstandingColumns(sql)}`
  return readOutstanding(row ?? {})
}

/** The columns of a row for `readOutstanding`, beside the clock as `now`. */
export const outstandingColumns = (sql: Sql) => sql`
  (select value #>> '{}' from facts where name = 'callback_url') as callback,
  exists (select from job_runtime where armed_gen < wake_gen) as is_owed,
  coalesce((
    select jsonb_agg(o.job_id) from (
      select job_id from orphans where cancelled_at is null order by deleted_at limit 10000) o), '[]') as orphans`

export function readOutstanding(row: Row): Outstanding {
  return {
    callback: (row['callback'] as string | null | undefined) ?? null,
    isOwed: row['is_owed'] === true,
    orphans: row['orphans'] as string[],
    now: row['now'] as Date,
  }
}

/** Ids of all deleted jobs: `list` may still show any of them. */
export async function orphans(sql: Sql): Promise<string[]> {
  const rows: Row[] = await sql`
    select job_id from orphans order by deleted_at limit 10000`
  return rows.map((row) => row['job_id'] as string)
}

/** What the timer called the last wake-up of a deleted job; null: it named none, or the job is not known. */
export async function orphanSchedule(sql: Sql, jobId: string): Promise<string | null> {
  const [row]: Row[] = await sql`select armed_schedule from orphans where job_id = ${jobId}`
  return (row?.['armed_schedule'] as string | undefined) ?? null
}

export async function orphanCancelled(sql: Sql, jobId: string): Promise<void> {
  await sql`update orphans set cancelled_at = statement_timestamp() where job_id = ${jobId}`
}
