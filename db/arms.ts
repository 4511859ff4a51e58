import type { Registry } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { date, maybeDate, type Row } from './columns.ts'
import { armedOf, type ArmLease, armLeaseIsFree, type ArmOrder } from './move.ts'
import { carryOut, jobParameter, sourcesOf, type Typed } from './wanted.ts'

/** `nothing owed` · `taken by another` until its arm lease ends · an order for us to carry out. */
export type TakenArm = { state: 'armed' } | { state: 'busy' } | { state: 'order'; order: ArmOrder }

export type ArmWish = { jobId: string; lease: ArmLease }

/**
 * Takes the right to arm each of these jobs, if an arm of it is owed and no other process holds that right: one row, one
 * compare-and-set, so two provisions for a job never overlap. The holder of that right may take it again, for the order as
 * it is by then, and a late report about its earlier order is then ignored. A job that is gone owes nothing.
 */
export async function takeArms(
  sql: Sql,
  wishes: ArmWish[],
  now: Date | null,
): Promise<Map<string, TakenArm>> {
  const values = wishes.map(({ jobId, lease: { holder, heirOf, ms } }) => ({
    ...{ job_id: jobId, holder, heir_of: heirOf, ms },
  }))
  const rows = await carryOut(sql, taking, values, now)
  const holders = new Map(wishes.map(({ jobId, lease }) => [jobId, lease.holder]))
  return new Map(
    rows.map((row) => [row['wanted'] as string, takenOf(row, holders.get(row['wanted'] as string) ?? '')]),
  )
}

function takenOf(row: Row, holder: string): TakenArm {
  if (!row['job_id']) return { state: row['owed'] ? 'busy' : 'armed' }
  return {
    state: 'order',
    order: {
      jobId: row['job_id'] as string,
      holder,
      gen: Number(row['wake_gen']),
      wakeAt: maybeDate(row['wake_at']),
      recentArms: (row['recent_arms'] as string[]).map((text) => new Date(text)),
      armed: armedOf(row),
      now: date(row['now']),
    },
  }
}

const typed: Typed = Object.entries({ job_id: 'text', holder: 'text', heir_of: 'text', ms: 'bigint' })
const sources = sourcesOf(typed)

const takingOf = (how: 'one' | 'several') => `
    with clock as (select coalesce($1::text::timestamptz, statement_timestamp()) as now),
    wanted as ${how === 'one' ? 'not ' : ''}materialized (select x.*, clock.now from clock, ${sources[how]}),
    taken as (
      update job_runtime r set arm_lease_by = w.holder, arm_lease_until = w.now + w.ms * interval '1 ms'
      from wanted w
      where r.job_id = ${how === 'one' ? jobParameter : 'w.job_id'} and r.armed_gen < r.wake_gen
        and (${armLeaseIsFree} or starts_with(r.arm_lease_by, w.heir_of))
      returning r.job_id, r.wake_gen, r.wake_at, to_jsonb(r.recent_arms) as recent_arms, r.armed_at, r.armed_schedule, w.now
    )
    select w.job_id as wanted, taken.*, (select armed_gen < wake_gen from job_runtime where job_id = w.job_id) as owed
    from wanted w left join taken on taken.job_id = w.job_id`

const taking = { typed, one: takingOf('one'), several: takingOf('several') }

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
 * `listedAt`: an instant before it was asked, by Postgres' clock. Instants that are `toleranceMs` apart are the same.
 */
export type ListedArms = {
  jobIds: string[]
  fireAtMs: number[]
  listedAt: Date | string
  toleranceMs: number
}

/** An arm that is not as it was confirmed; `armedGen` null: it is listed, and there is no job of that id. */
export type DifferentArm = { jobId: string; armedGen: number | null }

/**
 * Where the registry and what NAS lists do not agree: in one statement, in one snapshot, and only what differs comes
 * back. Arms that are owed anyway are left out, and those that were confirmed after `listedAt`, which the list may be too
 * old to show.
 */
export async function differentArms(sql: Sql, listed: ListedArms): Promise<DifferentArm[]> {
  const rows: Row[] = await differing(sql, listed)
  return rows.map((row) => ({
    jobId: row['job_id'] as string,
    armedGen: row['armed_gen'] === null ? null : Number(row['armed_gen']),
  }))
}

/** The driver cuts an instant off at its milliseconds, and `asked_at` has more. */
const textOf = (at: Date | string) => (typeof at === 'string' ? at : at.toISOString())

/** The rows of `differentArms` in a statement that looks at more. */
export const differing = (sql: Sql, { jobIds, fireAtMs, listedAt, toleranceMs }: ListedArms) =>
  // two texts: as arrays, 100,000 of each take three times as long to write and 10 MB
  sql<Row[]>`
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
      and not exists (select from arms a where a.job_id = r.job_id and a.asked_at > ${textOf(listedAt)}::text::timestamptz)`

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

export async function orphansCancelled(sql: Sql, jobIds: string[]): Promise<void> {
  await sql`
    update orphans set cancelled_at = statement_timestamp()
    where job_id in (select jsonb_array_elements_text(${sql.json(jobIds)}))`
}
