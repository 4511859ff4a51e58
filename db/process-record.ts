import type { PendingQuery } from 'postgres'
import { lateMs } from '../src/decisions/index.ts'
import type { Batch } from '../src/telemetry/index.ts'
import { type Arrival, recordOf } from './arrival.ts'
import type { Database } from './client.ts'
import { addCounters, noBatch } from './counters.ts'
import type { Sql } from './look.ts'
import {
  type DifferentArm,
  differing,
  type ListedArms,
  type Outstanding,
  outstandingColumns,
  overdueMax,
  readOutstanding,
} from './arms.ts'
import { maybeDate, type Row } from './columns.ts'
import { mannersFact } from './facts.ts'
import { notAwaited } from './later.ts'

/** The stored record of a process of this machine. Times are Postgres'. `before`: the one that its first claim found. */
export type ProcessNote = { before?: ProcessNote } & ProcessState

type ProcessState =
  /** `up_ms`: how long it was up by then. `seen`, `fires`: of its last sign of life. */
  | { state: 'up'; owner: string; at: string; up_ms: number; seen?: string; fires?: number }
  /** Its last sign of life is old, so another process has added its time until then (`ended`) to `process_days`. */
  | { state: 'lost'; owner: string; at: string; up_ms: number; ended: string; fires: number }
  | {
      state: 'exited'
      owner: string
      at: string
      why: string
      /** Arms that NAS had not confirmed, and runs that the process still held. */
      owed: number
      runs: number
      /** The earliest wake time of all jobs then; null: there was none. */
      next_wake_at: string | null
    }

/** All that a process has to know of Postgres once it is up, at one instant: `standing.now`. */
export type BootLook = {
  /** The record of the previous process on this machine; null: nothing. */
  earlier: ProcessNote | null
  /** Wake-ups that passed over a minute ago although NAS had confirmed them, and since when. */
  forgotten: { jobs: number; since: Date | null }
  /** As `overdueJobs` with `lateMs`. */
  overdue: string[]
  standing: Outstanding
  /** The fact `mannersFact`; null: it was never written. */
  manners: unknown
  /** As `differentArms`, of what the timer had listed by then; null: it was not given. */
  different: DifferentArm[] | null
}

export type ProcessRecord = {
  /** For the first claim to note (db/arrival.ts). Null: it has been asked for, or the look was made. */
  arrival(upMs: number): Arrival | null
  /**
   * Notes that this process is up, unless its first claim has, and looks, in one statement. If the process before it on this machine had no time for an
   * exit record, its time up to its last sign of life is added to `process_days`. `listed`: what the timer holds; null: that is
   * not known yet.
   */
  arrive(life: { upMs: number; listed?: ListedArms | null }): Promise<BootLook>
  /** Adds `counted`, with the sign that this process is still up. May be carried out twice. */
  sign(life: { counted: Batch; fires: number }): Promise<void>
  /**
   * Records the exit, with the owed work in the same snapshot; with `stayFor` only if there is none, and no wake time
   * is near. `counted` is added in any case, and with the exit the time that the process was up and the fires that it was
   * sent: `upMs` and `fires`, in table `process_days`. May be carried out twice.
   */
  depart(wish: {
    why: string
    stayFor: { nearMs: number } | null
    countArms: boolean
    counted: Batch | null
    upMs: number
    fires: number
  }): Promise<Owed>
}

/**
 * `near`: jobs whose wake time comes within `nearMs`, or came as short a time ago: their fire may be on its way.
 * `isHistoryDue`: no process has looked after history for ten minutes.
 */
type Owed = { owed: number; runs: number; near: number; isHistoryDue: boolean }

type ProcessRecordNeeds = { database: Database; machineId: string; owner: string; clock?: () => Date | null }

/** To know that it is not zero is enough. */
const countMax = 100

/** Of each machine one row in `facts`, by the machine's id, which survives its restarts. */
export function createProcessRecord({
  database,
  machineId,
  owner,
  clock = () => null,
}: ProcessRecordNeeds): ProcessRecord {
  const name = recordOf(machineId)
  let isNoted = false
  return {
    arrival(upMs) {
      if (isNoted) return null
      // a claim that fails notes nothing: the look does then
      isNoted = true
      return { machineId, owner, upMs }
    },
    arrive({ upMs, listed = null }) {
      isNoted = true
      return database.run((sql) => arrive(sql, { name, owner, upMs, listed, now: clock() }), {
        name: 'the boot record',
      })
    },
    async sign(life) {
      const wish = { ...life, name, owner, now: clock() }
      await database.run((sql) => sign(sql, wish), { idempotent: true, name: 'writing counters' })
    },
    depart: (wish) =>
      database.run((sql) => depart(sql, { ...wish, name, owner, now: clock() }), {
        idempotent: true,
        name: 'the exit record',
      }),
  }
}

type Named = { name: string; owner: string; now: Date | null }

async function arrive(
  sql: Sql,
  { name, owner, upMs, listed, now }: Named & { upMs: number; listed: ListedArms | null },
): Promise<BootLook> {
  const different = listed
    ? sql`(select coalesce(jsonb_agg(jsonb_build_object('jobId', job_id, 'armedGen', armed_gen)), '[]') from (${differing(sql, listed)}) d)`
    : sql`null::jsonb`
  // all parts of a statement see the same snapshot: reads see the state before the write
  const [row = {}]: Row[] = await sql`
    with clock as (select coalesce(${now}::timestamptz, clock_timestamp()) as now, ${sql.unsafe(notAwaited)}),
    -- as it is now: another process may add this life at the same time
    still_up as materialized (
      select name, value from facts
      where facts.name = ${name} and value ->> 'state' = 'up' and value ->> 'owner' <> ${owner} for update),
    -- by its first claim (db/arrival.ts): then nothing is written here
    noted as (select value from facts where facts.name = ${name} and value ->> 'owner' = ${owner}),
    killed as (${addLives(sql, sql`select life.* from still_up p, ${lifeOfKilled(sql)} life`)}),
    written as (
      insert into facts (name, value, updated_at)
      select ${name}::text, jsonb_build_object('state', 'up', 'owner', ${owner}::text, 'at', now,
        'up_ms', ${Math.round(upMs)}::bigint), now from clock where (select count(*) from still_up) >= 0 and not exists (select from noted)
      on conflict on constraint facts_pkey do update set value = excluded.value, updated_at = excluded.updated_at),
    -- what is logged because of this look is not to be logged by a later one
    told as (
      update facts set value = facts.value - 'before'
      from (select value -> 'before' as before from noted) n
      where facts.name = ${name} and facts.value ->> 'owner' = ${owner}
        and (before ->> 'state' <> 'exited' or (before ->> 'owed')::int + (before ->> 'runs')::int > 0)),
    late as (
      select job_id, wake_at, armed_gen = wake_gen and wake_at < bound as is_forgotten
      from (select now - ${lateMs} * interval '1 ms' as bound from clock) b, job_runtime
      where wake_at <= bound order by wake_at limit ${overdueMax})
    select clock.now, case when exists (select from noted) then (select value -> 'before' from noted)
        else (select value from facts where facts.name = ${name}) end as earlier,
      (select count(*)::int from late where is_forgotten) as jobs,
      (select min(wake_at) from late where is_forgotten) as since,
      (select coalesce(jsonb_agg(job_id order by wake_at), '[]') from late) as overdue,
      (select value from facts where facts.name = ${mannersFact}) as manners,
      ${different} as different, ${outstandingColumns(sql)}
    from clock`
  return {
    earlier: (row['earlier'] as ProcessNote | null | undefined) ?? null,
    forgotten: { jobs: Number(row['jobs'] ?? 0), since: maybeDate(row['since']) },
    overdue: row['overdue'] as string[],
    standing: readOutstanding(row),
    manners: row['manners'] ?? null,
    different: (row['different'] as DifferentArm[] | null | undefined) ?? null,
  }
}

/**
 * Of a record that says "up" (`p`), if nothing will come of it any more: until the last sign, or the begin of the last run
 * that the process is known to hold.
 */
const lifeOfKilled = (sql: Sql) => sql`lateral (
      select (p.value ->> 'at')::timestamptz - coalesce((p.value ->> 'up_ms')::bigint, 0) * interval '1 ms' as began,
        greatest((p.value ->> 'at')::timestamptz, (p.value ->> 'seen')::timestamptz, (
          select max(started_at) from runs
          where state in ('claimed', 'running', 'waiting') and runs.owner = p.value ->> 'owner')) as ended,
        coalesce((p.value ->> 'fires')::bigint, 0) as fires, 1 as starts)`

/** Far longer than between two signs of a process with work, and than a lease. One that has none may be up all the same. */
const lostAfterMs = 3_600_000
export const lostAtOnce = 20

/**
 * Adds the time of processes that have shown no sign of life for an hour to `process_days`, each once: their machines may never
 * start again. One that turns out to be up adds what is missing when it goes. Gives their number, `lostAtOnce` at most.
 */
export async function closeLost(tx: Sql, now: Date | null): Promise<number> {
  const [row]: Row[] = await tx`
    with clock as (select coalesce(${now}::timestamptz, clock_timestamp()) as now),
    up as materialized (
      select name, value from facts, clock
      where name like 'process:%' and value ->> 'state' = 'up'
        and greatest((value ->> 'at')::timestamptz, (value ->> 'seen')::timestamptz)
          < clock.now - ${lostAfterMs} * interval '1 ms'
        and not exists (
          select from runs where state in ('claimed', 'running', 'waiting') and runs.owner = value ->> 'owner'
            and lease_until > clock.now)
      order by name limit ${lostAtOnce} for update of facts skip locked),
    lost as materialized (select p.name, life.* from up p, ${lifeOfKilled(tx)} life),
    closed as (
      update facts set value = value || jsonb_build_object('state', 'lost', 'ended', lost.ended, 'fires', lost.fires)
      from lost where facts.name = lost.name),
    lived as (${addLives(tx, tx`select began, ended, fires, starts from lost`)})
    select count(*)::int as n from lost`
  return Number(row?.['n'])
}

async function sign(sql: Sql, wish: Named & Parameters<ProcessRecord['sign']>[0]) {
  const { name, owner, now, counted, fires } = wish
  await sql`
    with counted as (${addCounters(sql, counted)})
    update facts set value = value || jsonb_build_object('seen', coalesce(${now}::timestamptz, clock_timestamp()),
      'fires', ${fires}::bigint)
    where name = ${name} and value ->> 'owner' = ${owner} and value ->> 'state' = 'up'`
}

type Departing = Named & Parameters<ProcessRecord['depart']>[0]

async function depart(sql: Sql, wish: Departing): Promise<Owed> {
  const { name, owner, now, why, stayFor, countArms, counted, upMs, fires } = wish
  const nearMs = stayFor?.nearMs ?? 0
  const [row]: Row[] = await sql`
    with clock as (select coalesce(${now}::timestamptz, clock_timestamp()) as now),
    seen as (
      select clock.now, (select count(*)::int from (
          select from job_runtime where ${countArms}::boolean and armed_gen < wake_gen limit ${countMax}) o) as owed,
        (select count(*)::int from runs where state in ('claimed', 'running') and runs.owner = ${owner})
          + (select count(*)::int from deliveries where state = 'pending' and deliveries.owner = ${owner}) as runs,
        (select count(*)::int from job_runtime
          where wake_at > clock.now - ${nearMs} * interval '1 ms' and wake_at < clock.now + ${nearMs} * interval '1 ms') as near,
        (select min(wake_at) from job_runtime) as next_wake_at,
        (select tended_at < clock.now - interval '10 minutes' from history) as history_due
      from clock),
    counted as (${addCounters(sql, counted ?? noBatch)}),
    -- as it is now: a process that took this one for lost has added a part of its life
    mine as materialized (
      select value from facts where facts.name = ${name} and value ->> 'owner' = ${owner} for update),
    leaving as (
      select seen.*, mine.value as mine from seen left join mine on true
      where ${stayFor === null}::boolean or owed + runs + near = 0),
    lived as (${addLives(
      sql,
      sql`
        select coalesce((mine ->> 'ended')::timestamptz, now - ${Math.round(upMs)} * interval '1 ms') as began, now as ended,
          ${fires}::bigint - case when mine ->> 'state' = 'lost' then (mine ->> 'fires')::bigint else 0 end as fires,
          (mine ->> 'ended' is null)::int as starts
        from leaving where mine ->> 'state' is distinct from 'exited'`,
    )}),
    written as (
      insert into facts (name, value, updated_at)
      select ${name}::text, jsonb_build_object('state', 'exited', 'owner', ${owner}::text, 'at', now,
        'why', ${why}::text, 'owed', owed, 'runs', runs, 'next_wake_at', next_wake_at), now
      from leaving
      on conflict on constraint facts_pkey do update set value = excluded.value, updated_at = excluded.updated_at)
    select owed, runs, near, history_due from seen`
  return {
    ...{ owed: Number(row?.['owed']), runs: Number(row?.['runs']), near: Number(row?.['near']) },
    isHistoryDue: row?.['history_due'] === true,
  }
}

/**
 * The time of each of `lives` (`began`, `ended`, `fires`, `starts`) on each UTC day. A start counts for the first of its days,
 * fires for the last one.
 */
function addLives(sql: Sql, lives: PendingQuery<Row[]>) {
  return sql`
    insert into process_days (day, began, starts, awake_ms, fires)
    select day, min(greatest(began, day::timestamp at time zone 'UTC')),
      sum(case when day = (began at time zone 'UTC')::date then starts else 0 end),
      sum(round(extract(epoch from
        least(ended, (day + 1)::timestamp at time zone 'UTC') - greatest(began, day::timestamp at time zone 'UTC')) * 1000)),
      sum(case when day = (ended at time zone 'UTC')::date then fires else 0 end)
    from (${lives}) life
    cross join lateral (
      select generate_series(began at time zone 'UTC', ended at time zone 'UTC' + interval '1 day', '1 day')::date as day) d
    where day <= (ended at time zone 'UTC')::date
    group by day order by day
    on conflict on constraint process_days_pkey do update set
      began = least(process_days.began, excluded.began), starts = process_days.starts + excluded.starts, awake_ms = process_days.awake_ms + excluded.awake_ms,
      fires = process_days.fires + excluded.fires`
}
