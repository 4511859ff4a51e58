import { allProjects, defaultProject } from '../src/ground/project.ts'
import { AppError } from '../src/ground/errors.ts'
import type { Database, Sql } from './client.ts'
import { date, maybeDate, type Row } from './columns.ts'

/** Null: no quota. */
export type Quotas = { jobs: number | null; runsPerMinute: number | null; places: number | null }
export type Pause = { at: Date; by: string; reason: string | null }

/** A project and how much of its quotas is used. `name` `*`: all of them, whose pause is one of everything. */
export type Project = {
  name: string
  quotas: Quotas
  jobCount: number
  runsThisMinute: number
  /** Null: it is not paused by itself; all projects may be. */
  pause: Pause | null
  createdAt: Date
}

/** Something with an id of its own, which belongs to a project through its row. */
export type OwnedKind = 'job' | 'run' | 'key'

export type ProjectStore = ReturnType<typeof createProjectStore>

/** A pause touches the row of each job of the project. */
const deadlineMs = 30_000

/** `clock`, if given, stands in for Postgres' own. */
export function createProjectStore(database: Database, clock: () => Date | null = () => null) {
  const reading = { idempotent: true, name: 'reading the project' }
  return {
    /** Whether a thing with an id is of the project. */
    owns: (project: string, kind: OwnedKind, id: string): Promise<boolean> =>
      database.run(async (sql) => (await owners[kind](sql, id)) === project, reading),

    async exists(name: string): Promise<boolean> {
      const rows = await database.run((sql) => sql`select from projects where name = ${name}`, reading)
      return rows.length > 0
    },

    /** Whether `default` is the only one. */
    async isOnlyDefault(): Promise<boolean> {
      const rows = await database.run(
        (sql) => sql`select from projects where name not in (${defaultProject}, ${allProjects}) limit 1`,
        reading,
      )
      return rows.length === 0
    },

    /** By name, `*` first if `name` is null; otherwise that one and `*`. */
    async list(name: string | null): Promise<Project[]> {
      const rows: Row[] = await database.run((sql) => listed(sql, name, clock()), reading)
      return rows.map(readProject)
    },

    /** Makes it, or changes the quotas that are given. */
    async put(name: string, given: Partial<Quotas>): Promise<boolean> {
      const { jobs = null, runsPerMinute = null, places = null } = given
      const has = (quota: keyof Quotas) => given[quota] !== undefined
      const [row]: Row[] = await database.run(
        (sql) => sql`
          insert into projects as p (name, jobs_max, runs_per_minute, places)
          values (${name}, ${jobs}::int, ${runsPerMinute}::int, ${places}::int)
          on conflict on constraint projects_pkey do update set
            jobs_max = case when ${has('jobs')} then excluded.jobs_max else p.jobs_max end,
            runs_per_minute = case when ${has('runsPerMinute')} then excluded.runs_per_minute else p.runs_per_minute end,
            places = case when ${has('places')} then excluded.places else p.places end
          returning xmax = 0 as is_new`,
        { name: 'storing the project' },
      )
      return row?.['is_new'] === true
    },

    /** False: there is none. @throws AppError PROJECT_IN_USE */
    async remove(name: string): Promise<boolean> {
      const [row]: Row[] = await database.run(
        (sql) => sql`
          with used as (
            select from jobs where project = ${name} union all select from channels where project = ${name}
            union all select from secrets where project = ${name}
            union all select from api_keys where project = ${name} and revoked_at is null limit 1),
          forgotten as (
            delete from api_keys where project = ${name} and revoked_at is not null and not exists (select from used)),
          gone as (delete from projects where name = ${name} and not exists (select from used) returning name)
          select exists (select from gone) as removed, exists (select from used) as in_use`,
        { name: 'removing the project' },
      )
      if (row?.['in_use'] !== true) return row?.['removed'] === true
      const message = `Project ${name} has jobs, keys, channels or secrets. Remove those first.`
      throw new AppError('PROJECT_IN_USE', message)
    },

    /** The first pause stays, with its instant. False: there is no such project. */
    pause: (name: string, wish: { by: string; reason: string | null }): Promise<boolean> =>
      database.transaction((sql) => pause(sql, name, wish, clock()), {
        deadlineMs,
        name: 'pausing the project',
      }),

    /** The jobs to attend to now: those that are due, and those whose wake-up no process has confirmed yet; null: there is no such project. */
    resume: (name: string): Promise<string[] | null> =>
      database.transaction((sql) => resume(sql, name, clock()), {
        deadlineMs,
        name: 'resuming the project',
      }),
  }
}

const owners: Record<OwnedKind, (sql: Sql, id: string) => Promise<string | null>> = {
  job: async (sql, id) => projectIn(await sql`select project from jobs where id = ${id}`),
  run: async (sql, id) =>
    projectIn(
      await sql`
      select j.project from runs r join jobs j on j.id = r.job_id where r.id = ${id}::uuid`,
    ),
  key: async (sql, id) => projectIn(await sql`select project from api_keys where id = ${id}`),
}

const projectIn = ([row]: Row[]) => (row?.['project'] ?? null) as string | null

const ofProject = (sql: Sql, name: string) =>
  name === allProjects ? sql`true` : sql`job_id in (select id from jobs where project = ${name})`

/**
 * Two statements in one transaction: the pause, and 1 added to the `rev` of each job. So a claim that looked before the
 * pause, or was decided before it and waits for the row, finds the row moved, and the claims after it see the pause.
 */
async function pause(
  sql: Sql,
  name: string,
  { by, reason }: { by: string; reason: string | null },
  now: Date | null,
): Promise<boolean> {
  const paused = await sql`
    update projects set paused_at = coalesce(paused_at, ${now}::timestamptz, clock_timestamp()),
      paused_by = coalesce(paused_by, ${by}), paused_reason = case when paused_at is null then ${reason} else paused_reason end
    where name = ${name} returning name`
  if (paused.length === 0) return false
  await sql`
    with locked as materialized (
      select job_id from job_runtime where ${ofProject(sql, name)} order by job_id for update)
    update job_runtime r set rev = r.rev + 1 from locked l where r.job_id = l.job_id`
  return true
}

/**
 * All jobs of the project that wait for something are due at once: the process that attends to them finds what passed
 * meanwhile. 1 is added to the `rev` of the others too: what was decided on a look from before has no wake-up for the time after the pause.
 */
async function resume(sql: Sql, name: string, at: Date | null): Promise<string[] | null> {
  const [row]: Row[] = await sql`
    update projects p set paused_at = null, paused_by = null, paused_reason = null,
      resumed_at = case when o.paused_at is null then p.resumed_at else coalesce(${at}::timestamptz, clock_timestamp()) end
    from projects o where o.name = p.name and p.name = ${name}
    returning o.paused_at is not null as was_paused, p.resumed_at`
  if (row?.['was_paused'] === true)
    await sql`
      with locked as materialized (
        select job_id, state = 'scheduled'
          -- a finished job may have a run that was started by hand and waits for its next attempt
          or (state <> 'paused' and exists (
            select from runs l where l.job_id = r.job_id and l.state in ('claimed', 'running', 'waiting'))) as is_due
        from job_runtime r where ${ofProject(sql, name)} order by job_id for update)
      update job_runtime r set rev = r.rev + 1,
        wake_at = case when l.is_due then least(r.wake_at, ${row['resumed_at'] as Date}) else r.wake_at end,
        wake_gen = r.wake_gen + l.is_due::int,
        wake_changed_at = case when l.is_due then ${row['resumed_at'] as Date} else r.wake_changed_at end
      from locked l where r.job_id = l.job_id`
  if (!row) return null
  const due: Row[] = await sql`
    select job_id from job_runtime
    where (wake_at <= coalesce(${at}::timestamptz, clock_timestamp()) or armed_gen < wake_gen) and ${ofProject(sql, name)}
    order by job_id`
  return due.map((one) => one['job_id'] as string)
}

function listed(sql: Sql, name: string | null, now: Date | null) {
  return sql`
    select p.*, (select count(*)::int from jobs j where j.project = p.name or p.name = ${allProjects}) as job_count,
      case when p.minute = date_trunc('minute', coalesce(${now}::timestamptz, clock_timestamp())) then p.minute_runs else 0 end as runs
    from projects p where ${name === null ? sql`true` : sql`p.name in (${name}, ${allProjects})`} order by p.name`
}

function readProject(row: Row): Project {
  const pausedAt = maybeDate(row['paused_at'])
  return {
    name: row['name'] as string,
    quotas: {
      jobs: row['jobs_max'] as number | null,
      runsPerMinute: row['runs_per_minute'] as number | null,
      places: row['places'] as number | null,
    },
    jobCount: row['job_count'] as number,
    runsThisMinute: row['runs'] as number,
    pause: pausedAt && {
      at: pausedAt,
      by: row['paused_by'] as string,
      reason: row['paused_reason'] as string | null,
    },
    createdAt: date(row['created_at']),
  }
}
