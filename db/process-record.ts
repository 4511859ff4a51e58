import { lateMs } from '../src/decisions/index.ts'
import type { Batch } from '../src/telemetry/index.ts'
import type { Database } from './client.ts'
import { addCounters, noBatch } from './counters.ts'
import type { Sql } from './look.ts'
import { type Outstanding, outstandingColumns, overdueMax, readOutstanding } from './arms.ts'
import { maybeDate, type Row } from './columns.ts'
import { mannersFact } from './facts.ts'

/** The stored record of a process of this machine. Times are Postgres'. */
export type ProcessNote =
  | { state: 'up'; owner: string; at: string }
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
}

export type ProcessRecord = {
  /** Notes that this process is up, and looks, in one statement. */
  arrive(): Promise<BootLook>
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
  const name = `process:${machineId}`
  return {
    arrive: () =>
      database.run((sql) => arrive(sql, { name, owner, now: clock() }), { name: 'the boot record' }),
    depart: (wish) =>
      database.run((sql) => depart(sql, { ...wish, name, owner, now: clock() }), {
        idempotent: true,
        name: 'the exit record',
      }),
  }
}

type Arriving = { name: string; owner: string; now: Date | null }

async function arrive(sql: Sql, { name, owner, now }: Arriving): Promise<BootLook> {
  // all parts of a statement see the same snapshot: reads see the state before the write
  const [row = {}]: Row[] = await sql`
    with clock as (select coalesce(${now}::timestamptz, clock_timestamp()) as now),
    written as (
      insert into facts (name, value, updated_at)
      select ${name}::text, jsonb_build_object('state', 'up', 'owner', ${owner}::text, 'at', now), now from clock
      on conflict on constraint facts_pkey do update set value = excluded.value, updated_at = excluded.updated_at),
    late as (
      select job_id, wake_at, armed_gen = wake_gen and wake_at < bound as is_forgotten
      from (select now - ${lateMs} * interval '1 ms' as bound from clock) b, job_runtime
      where wake_at <= bound order by wake_at limit ${overdueMax})
    select clock.now, (select value from facts where facts.name = ${name}) as earlier,
      (select count(*)::int from late where is_forgotten) as jobs,
      (select min(wake_at) from late where is_forgotten) as since,
      (select coalesce(jsonb_agg(job_id order by wake_at), '[]') from late) as overdue,
      (select value from facts where facts.name = ${mannersFact}) as manners, ${outstandingColumns(sql)}
    from clock`
  return {
    earlier: (row['earlier'] as ProcessNote | null | undefined) ?? null,
    forgotten: { jobs: Number(row['jobs'] ?? 0), since: maybeDate(row['since']) },
    overdue: row['overdue'] as string[],
    standing: readOutstanding(row),
    manners: row['manners'] ?? null,
  }
}

type Departing = Arriving & Parameters<ProcessRecord['depart']>[0]

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
    leaving as (select * from seen where ${stayFor === null}::boolean or owed + runs + near = 0),
    lived as (${addLife(sql, { name, owner, upMs, fires })}),
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

type Life = Pick<Departing, 'name' | 'owner' | 'upMs' | 'fires'>

/** The time of a process that is `leaving`, on each UTC day; its start counts for the first one, its fires for the last. Not for an exit that is recorded already. */
function addLife(sql: Sql, { name, owner, upMs, fires }: Life) {
  return sql`
    insert into process_days (day, began, starts, awake_ms, fires)
    select day, greatest(began, day::timestamp at time zone 'UTC'), (day = (began at time zone 'UTC')::date)::int, round(extract(epoch from
      least(now, (day + 1)::timestamp at time zone 'UTC') - greatest(began, day::timestamp at time zone 'UTC')) * 1000),
      case when day = (now at time zone 'UTC')::date then ${fires}::bigint else 0 end
    from (select now, now - ${Math.round(upMs)} * interval '1 ms' as began from leaving) life
    cross join lateral (
      select generate_series(began at time zone 'UTC', now at time zone 'UTC' + interval '1 day', '1 day')::date as day) d
    where day <= (now at time zone 'UTC')::date and not exists (
      select from facts where facts.name = ${name} and value ->> 'owner' = ${owner} and value ->> 'state' = 'exited')
    order by day
    on conflict on constraint process_days_pkey do update set
      began = least(process_days.began, excluded.began), starts = process_days.starts + excluded.starts, awake_ms = process_days.awake_ms + excluded.awake_ms,
      fires = process_days.fires + excluded.fires`
}
