import { runtimeColumns } from '../src/columns/index.ts'
import type { Decision, Runtime, View } from '../src/decisions/index.ts'
import { AppError } from '../src/ground/errors.ts'
import type { Database, Sql } from './client.ts'
import { readerOf, type Row, selectionOf } from './columns.ts'
import {
  decidedNames,
  decidedOf,
  decidedTypes,
  deleteJobs,
  fullOr,
  givenNames,
  givenRecord,
  isAheadGone,
  isKeyTaken,
  lockChains,
  type NewJob,
  touch,
  updateAuthored,
} from './jobs.ts'
import { lookAll } from './look.ts'
import type { Writing } from './move.ts'
import { type Authored, authoredColumns, authoredValues, type Look, readAuthored, ruleOf } from './rows.ts'
import { transition } from './transition.ts'
import { movesMax } from './wanted.ts'

/** A job with a key. `aheadKey`: the key of the job that it follows; null: that has none, or it follows none. */
export type KeptJob = { authored: Authored; runtime: Runtime; aheadKey: string | null }

/** Changes that are made together. */
export type Batch = {
  makes: Omit<NewJob, 'now'>[]
  changes: { next: Authored; view: View; decision: Decision | null }[]
  /** Asked after all of them about each of these jobs as it is then; null: nothing is to be changed. */
  switches: { id: string; decide: (look: Look) => Decision | null }[]
  removes: { id: string; version: number }[]
  writing: Omit<Writing, 'now'>
}

export type DeclaredStore = ReturnType<typeof createDeclaredStore>

/** For a thousand jobs; one job takes milliseconds. */
const deadlineMs = 30_000

/** What files of jobs need of Postgres; loaded with the first of them: those of one project. `clock`, if given, stands in for Postgres' own. */
export function createDeclaredStore(database: Database, clock: () => Date | null, project: string) {
  const reading = { idempotent: true, deadlineMs, name: 'reading the jobs of a file' }
  return {
    /** Those that have one of the keys, or (`tag` not null) any key and this tag; by key. */
    kept: ({ keys, tag }: { keys: string[]; tag: string | null }): Promise<KeptJob[]> =>
      database.run((sql) => readKept(sql, { project, keys, tag }), reading),

    /** Jobs that have a key (`tag` not null: and this tag), by key, `limit` at most. */
    keyed: ({ tag, limit }: { tag: string | null; limit: number }): Promise<KeptJob[]> =>
      database.run((sql) => readKeyed(sql, { project, tag, limit }), reading),

    /** How many jobs no file can name. */
    countUnkeyed: (): Promise<number> =>
      database.run(async (sql) => {
        const [row]: Row[] = await sql`
          select count(*)::int as n from jobs where key is null and project = ${project}`
        return row?.['n'] as number
      }, reading),

    /** The jobs as they are; one that is gone is missing. */
    looks: (ids: string[]): Promise<Map<string, Look>> =>
      database.run(async (sql) => {
        const looks = await Promise.all(piecesOf(ids).map((piece) => lookAll(sql, piece, clock())))
        return new Map(looks.flatMap((some) => [...some]))
      }, reading),

    /**
     * The whole batch or nothing, in one transaction. Returns the runs that were live of removed jobs; null: a job has
     * changed since it was looked at, or has the key of one that was to be made, and nothing was written.
     *
     * @throws AppError AFTER_CYCLE; JOB_STATE_CONFLICT: a removed job is followed, or a switch cannot be carried out
     */
    write: (batch: Batch): Promise<string[] | null> =>
      database
        .transaction((tx) => writeBatch(tx, batch, clock()), { deadlineMs, name: 'applying the file' })
        .catch((error: unknown) => {
          if (error === raced || isKeyTaken(error) || isAheadGone(error)) return null
          throw fullOr(error)
        }),
  }
}

const selected = `${selectionOf(authoredColumns, 'j')}, ${selectionOf(runtimeColumns, 'r')}, a.key as ahead_key`
const joined = 'from jobs j join job_runtime r on r.job_id = j.id left join jobs a on a.id = j.after_job'
const readRuntime = readerOf(runtimeColumns)

function keptOf(row: Row): KeptJob {
  return {
    authored: readAuthored(row),
    runtime: readRuntime(row),
    aheadKey: row['ahead_key'] as string | null,
  }
}

type KeptWish = { project: string; keys: string[]; tag: string | null }

async function readKept(sql: Sql, { project, keys, tag }: KeptWish): Promise<KeptJob[]> {
  const rows: Row[] = await sql`
    select ${sql.unsafe(selected)} ${sql.unsafe(joined)}
    where j.id in (
      select id from jobs where project = ${project} and key is not null and key in (select jsonb_array_elements_text(${sql.json(keys)}))
      union
      select id from jobs where project = ${project} and key is not null and tags @> array[${tag}]::text[]
    )
    order by j.key`
  return rows.map(keptOf)
}

async function readKeyed(
  sql: Sql,
  { project, tag, limit }: { project: string; tag: string | null; limit: number },
): Promise<KeptJob[]> {
  const rows: Row[] = await sql`
    select ${sql.unsafe(selected)} ${sql.unsafe(joined)}
    where j.project = ${project} and j.key is not null and ${tag === null ? sql`true` : sql`j.tags @> array[${tag}]::text[]`}
    order by j.key limit ${limit}`
  return rows.map(keptOf)
}

function piecesOf(ids: string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / movesMax) }, (_, n) =>
    ids.slice(n * movesMax, (n + 1) * movesMax),
  )
}

/** Thrown inside the transaction to undo it. */
const raced = new Error('a job has changed since it was read')

async function writeBatch(sql: Sql, batch: Batch, now: Date | null): Promise<string[]> {
  const ahead = aheadOf(batch)
  // before any row is locked, as every change of `after` does (jobs.ts)
  if (ahead.length > 0) await lockChains(sql)
  // those of the file may follow each other, so the new ones come first
  if (batch.makes.length > 0) await insertJobs(sql, batch.makes, now)
  await writeChanges(sql, batch, now)
  if (ahead.length > 0) await noteAhead(sql, batch, ahead)
  await switchJobs(sql, batch, now)
  return removeJobs(sql, batch.removes, now)
}

/** Jobs that are followed from now on or no longer: what was seen of them is out of date. */
function aheadOf({ makes, changes }: Batch): string[] {
  const pairs = changes.map(({ next, view }) => [view.job.after, next.after])
  const moved = pairs.filter(([before, after]) => JSON.stringify(before) !== JSON.stringify(after)).flat()
  const ids = [...makes.map(({ after }) => after), ...moved].flatMap((after) => (after ? [after.job] : []))
  return [...new Set(ids)].toSorted()
}

async function insertJobs(sql: Sql, makes: Batch['makes'], now: Date | null): Promise<void> {
  const decided = makes.map((job) => decidedOf(job, { job_id: job.id, wake_at: job.wakeAt }))
  await sql`
    with clock as (select coalesce(${now}::timestamptz, statement_timestamp()) as now),
    made as (
      insert into jobs (${sql.unsafe(givenNames)}, created_at, updated_at)
      select ${sql.unsafe(givenNames)}, now, now
      from clock, jsonb_to_recordset(${sql.json(makes.map(authoredValues) as never)})
        as ${sql.unsafe(givenRecord)}
    )
    insert into job_runtime (job_id, ${sql.unsafe(decidedNames)}, ready_rev, wake_at, wake_changed_at)
    select job_id, ${sql.unsafe(decidedNames)}, 1, wake_at, now
    from clock, jsonb_to_recordset(${sql.json(decided as never)})
      as decided(job_id text, wake_at timestamptz, ${sql.unsafe(decidedTypes)})`
}

/** In the order of their ids, as every statement locks jobs; on their way together, not one after the other. */
async function writeChanges(sql: Sql, { changes, writing }: Batch, now: Date | null): Promise<void> {
  const ordered = changes.toSorted((one, other) => (one.next.id < other.next.id ? -1 : 1))
  await Promise.all(
    ordered.map(async ({ next, view, decision }) => {
      const rule = ruleOf({ ...next, version: next.version + 1 })
      const isMoved = decision
        ? await transition(sql, view, decision, { ...writing, now }, rule)
        : await touch(sql, view)
      if (!isMoved || !(await updateAuthored(sql, next, now))) throw raced
    }),
  )
}

/** @throws AppError AFTER_CYCLE */
async function noteAhead(sql: Sql, { makes, changes }: Batch, ahead: string[]): Promise<void> {
  const ids = [...makes.map(({ id }) => id), ...changes.map(({ next }) => next.id)]
  const [circle]: Row[] = await sql`
    with recursive ahead(first, id) as (
      select id, after_job from jobs
      where id in (select jsonb_array_elements_text(${sql.json(ids)})) and after_job is not null
      union
      select a.first, j.after_job from ahead a join jobs j on j.id = a.id where j.after_job is not null
    )
    select j.key, j.id from ahead a join jobs j on j.id = a.first where a.first = a.id order by j.key limit 1`
  if (circle) {
    const name = String(circle['key'] ?? circle['id'])
    const message = `after: job ${name} would start itself, directly or through other jobs`
    throw new AppError('AFTER_CYCLE', message, {
      extra: { errors: [{ path: `jobs.${name}.after`, message }] },
    })
  }
  await sql`
    update job_runtime set rev = rev + 1 where job_id in (select jsonb_array_elements_text(${sql.json(ahead)}))`
}

async function switchJobs(sql: Sql, { switches, writing }: Batch, now: Date | null): Promise<void> {
  const pieces = piecesOf(switches.map(({ id }) => id).toSorted())
  const looks = await Promise.all(pieces.map((piece) => lookAll(sql, piece, now)))
  const byId = new Map(looks.flatMap((some) => [...some]))
  await Promise.all(
    switches.map(async ({ id, decide }) => {
      const look = byId.get(id)
      const decision = look && decide(look)
      if (decision && !(await transition(sql, look.view, decision, { ...writing, now }))) throw raced
    }),
  )
}

async function removeJobs(sql: Sql, removes: Batch['removes'], now: Date | null): Promise<string[]> {
  if (removes.length === 0) return []
  const ids = removes.map(({ id }) => id)
  const rows: Row[] = await sql`
    select j.id, j.version from jobs j join job_runtime r on r.job_id = j.id
    where j.id in (select jsonb_array_elements_text(${sql.json(ids)})) order by j.id for update of r`
  const versions = new Map(rows.map((row) => [row['id'], Number(row['version'])]))
  if (removes.some(({ id, version }) => versions.get(id) !== version)) throw raced
  return (await deleteJobs(sql, ids, now)).live
}
