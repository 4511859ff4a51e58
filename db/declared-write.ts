import type { Decision, View } from '../src/decisions/index.ts'
import { AppError } from '../src/ground/errors.ts'
import type { Sql } from './client.ts'
import type { Row } from './columns.ts'
import { type ChannelBatch, putChannels, removeChannels } from './declared-channels.ts'
import { isPlain, movePlain } from './hot.ts'
import {
  decidedNames,
  decidedOf,
  decidedTypes,
  deleteJobs,
  givenNames,
  givenRecord,
  lockChains,
  type NewJob,
  updateAllAuthored,
} from './jobs.ts'
import { lookAll } from './look.ts'
import type { Move, Writing } from './move.ts'
import { type Authored, authoredValues, type Look, ruleOf } from './rows.ts'
import { transition } from './transition.ts'
import { movesMax } from './wanted.ts'

/** Changes that are made together. */
export type Batch = {
  makes: Omit<NewJob, 'now'>[]
  changes: { next: Authored; view: View; decision: Decision | null }[]
  /** Asked after all of them about each of these jobs as it is then; null: nothing is to be changed. */
  switches: { id: string; decide: (look: Look) => Decision | null }[]
  removes: { id: string; version: number }[]
  channels: ChannelBatch
  writing: Omit<Writing, 'now'>
}

/** Thrown inside the transaction to undo it. */
export const raced = new Error('a job has changed since it was read')

/** @throws raced, AppError as `DeclaredStore.write` */
export async function writeBatch(sql: Sql, batch: Batch, now: Date | null): Promise<string[]> {
  const ahead = aheadOf(batch)
  // jobs may name them
  if (!(await putChannels(sql, batch.channels.puts, now))) throw raced
  // before any row of a job is locked, as every change of `after` does (jobs.ts)
  if (ahead.length > 0) await lockChains(sql)
  // those of the file may follow each other, so the new ones come first
  if (batch.makes.length > 0) await insertJobs(sql, batch.makes, now)
  await writeChanges(sql, batch, now)
  if (ahead.length > 0) await noteAhead(sql, batch, ahead)
  await switchJobs(sql, batch, now)
  const live = await removeJobs(sql, batch.removes, now)
  if (!(await removeChannels(sql, batch.channels.removes))) throw raced
  return live
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

/** In a few statements, whatever the number of jobs; on their way together, not one after the other. */
async function writeChanges(sql: Sql, { changes, writing }: Batch, now: Date | null): Promise<void> {
  if (changes.length === 0) return
  await lockSeen(
    sql,
    changes.map(({ view }) => view),
  )
  const moves = changes.flatMap(({ next, view, decision }) =>
    decision ? [{ view, decision, writing, rule: ruleOf({ ...next, version: next.version + 1 }) }] : [],
  )
  const others = changes.filter(({ decision }) => !decision).map(({ next }) => next.id)
  const [areWritten] = await Promise.all([
    updateAllAuthored(
      sql,
      changes.map(({ next }) => next),
      now,
    ),
    moveAll(sql, moves, now),
    outdate(sql, others),
  ])
  if (!areWritten) throw raced
}

/** In the order of their ids, as every statement locks jobs: what follows may take them as it likes. */
async function lockSeen(sql: Sql, views: View[]): Promise<void> {
  const ids = views.map(({ job }) => job.id)
  const rows: Row[] = await sql`
    select job_id, rev from job_runtime where job_id in (select jsonb_array_elements_text(${sql.json(ids)}))
    order by job_id for update`
  const revs = new Map(rows.map((row) => [row['job_id'], Number(row['rev'])]))
  if (views.some(({ job, runtime }) => revs.get(job.id) !== runtime.rev)) throw raced
}

async function moveAll(sql: Sql, moves: Move[], now: Date | null): Promise<void> {
  const plain = moves.filter(({ decision }) => isPlain(decision))
  const others = moves.filter(({ decision }) => !isPlain(decision))
  const written = await Promise.all([
    ...piecesOf(plain).map(async (piece) => (await movePlain(sql, piece, now)).size === piece.length),
    ...others.map(({ view, decision, writing, rule }) =>
      transition(sql, view, decision, { ...writing, now }, rule),
    ),
  ])
  if (!written.every(Boolean)) throw raced
}

/** What was seen of these jobs is out of date. */
async function outdate(sql: Sql, ids: string[]): Promise<void> {
  if (ids.length === 0) return
  await sql`
    update job_runtime set rev = rev + 1 where job_id in (select jsonb_array_elements_text(${sql.json(ids)}))`
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
  await outdate(sql, ahead)
}

async function switchJobs(sql: Sql, { switches, writing }: Batch, now: Date | null): Promise<void> {
  const ids = switches.map(({ id }) => id).toSorted()
  const looks = await lookPieces(sql, ids, now)
  const moves = switches.flatMap(({ id, decide }) => {
    const look = looks.get(id)
    const decision = look && decide(look)
    return decision ? [{ view: look.view, decision, writing }] : []
  })
  await moveAll(sql, moves, now)
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

/** The jobs as they are; one that is gone is missing. */
export async function lookPieces(sql: Sql, ids: string[], now: Date | null): Promise<Map<string, Look>> {
  const looks = await Promise.all(piecesOf(ids).map((piece) => lookAll(sql, piece, now)))
  return new Map(looks.flatMap((some) => [...some]))
}

function piecesOf<T>(items: T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / movesMax) }, (_, n) =>
    items.slice(n * movesMax, (n + 1) * movesMax),
  )
}
