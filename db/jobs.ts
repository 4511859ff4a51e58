import { having, jobColumns, readyColumns, runtimeColumns, snakeCase } from '../src/columns/index.ts'
import { readyOfNew, type Runtime, type View } from '../src/decisions/index.ts'
import { AppError, fieldRefused } from '../src/ground/errors.ts'
import { namesOf, type Row, selectionOf, typedNamesOf, valuesOf } from './columns.ts'
import type { Sql } from './look.ts'
import { authoredColumns, authoredValues, readAuthored, ruleOf, type Authored } from './rows.ts'

/** A job about to be made. `wakeAt` is its wake time under `runtime`. */
export type NewJob = Omit<Authored, 'version' | 'createdAt' | 'updatedAt'> & {
  runtime: Runtime
  wakeAt: Date | null
  now: Date | null
}

const givenColumns = having(jobColumns, 'set', 'once', 'always')
export const givenNames = namesOf(givenColumns)
const givenTypes = typedNamesOf(givenColumns)
export const givenRecord = `given(${givenTypes})`
const changedColumns = having(jobColumns, 'set', 'always')
const changedNames = namesOf(changedColumns)
const assignments = Object.keys(changedColumns)
  .map((key) => `${snakeCase(key)} = given.${snakeCase(key)}`)
  .join(', ')

const decidedColumns = having({ ...runtimeColumns, ...readyColumns }, 'set', 'always')
const decidedValues = valuesOf(decidedColumns)
export const decidedNames = namesOf(decidedColumns)
export const decidedTypes = typedNamesOf(decidedColumns)

/** The runtime row of a new job: `decidedNames`, and those of `more`. */
export function decidedOf({ runtime, ...job }: Omit<NewJob, 'now'>, more: Record<string, unknown> = {}) {
  return decidedValues({ ...runtime, ...readyOfNew(ruleOf({ ...job, version: 1 }), runtime) }, more)
}

/**
 * Makes the job, its runtime row and (where given) its Idempotency-Key, all or nothing. Null: the key exists already,
 * also where two requests with one key race; the loser finds the winner's job by `jobOfKey`.
 *
 * @throws AppError KEY_TAKEN; PROJECT_FULL; FIELD_INVALID: the job to follow is gone
 */
export async function createJob(
  sql: Sql,
  job: NewJob,
  key: { key: string; bodyHash: string } | null,
): Promise<Authored | null> {
  const [row]: Row[] = await sql`
    with clock as (select coalesce(${job.now}::timestamptz, statement_timestamp()) as now),
    keyed as (
      insert into idempotency_keys (key, body_hash, job_id, created_at)
      select ${key?.key ?? ''}, ${key?.bodyHash ?? ''}, ${job.id}, now from clock where ${key !== null}
      on conflict on constraint idempotency_keys_pkey do nothing returning key
    ),
    made as (
      insert into jobs (${sql.unsafe(givenNames)}, created_at, updated_at)
      select ${sql.unsafe(givenNames)}, now, now
      from clock, jsonb_to_record(${sql.json(authoredValues(job) as never)}) as ${sql.unsafe(givenRecord)}
      where ${key === null} or exists (select from keyed)
      returning *
    ),
    -- what was seen of the job ahead is out of date: its outcome starts this one from now on
    ahead as (
      update job_runtime set rev = rev + 1 where job_id = ${job.after?.job ?? ''} and exists (select from made)
    ),
    ran as (
      insert into job_runtime (job_id, ${sql.unsafe(decidedNames)}, ready_rev, wake_at, wake_changed_at)
      select made.id, ${sql.unsafe(decidedNames)}, 1, ${job.wakeAt}::timestamptz, clock.now
      from made, clock, jsonb_to_record(${sql.json(decidedOf(job) as never)}) as decided(${sql.unsafe(decidedTypes)})
    )
    select ${sql.unsafe(selectionOf(authoredColumns, 'made'))} from made`.catch((error: unknown) => {
    if (job.after && isAheadGone(error)) throw nothingToFollow(job.after.job)
    throw keyTakenOr(fullOr(error), job.key)
  })
  return row ? readAuthored(row) : null
}

/** The job that an Idempotency-Key made, and the hash of the body that it came with. */
export async function jobOfKey(sql: Sql, key: string): Promise<{ jobId: string; bodyHash: string } | null> {
  const [row]: Row[] = await sql`select job_id, body_hash from idempotency_keys where key = ${key}`
  return row ? { jobId: row['job_id'] as string, bodyHash: row['body_hash'] as string } : null
}

/** Writes the authored fields; null: `version` is not the row's (it was changed, or is gone). @throws AppError KEY_TAKEN */
export async function updateAuthored(sql: Sql, job: Authored, now: Date | null): Promise<Authored | null> {
  const [row]: Row[] = await sql`
    with given as (select * from jsonb_to_record(${sql.json(authoredValues(job) as never)}) as ${sql.unsafe(givenRecord)})
    update jobs set (${sql.unsafe(changedNames)}) = (select ${sql.unsafe(changedNames)} from given), version = version + 1,
      updated_at = coalesce(${now}::timestamptz, statement_timestamp())
    where jobs.id = ${job.id} and version = ${job.version}
    returning ${sql.unsafe(selectionOf(authoredColumns, 'jobs'))}`.catch((error: unknown) => {
    throw keyTakenOr(error, job.key)
  })
  return row ? readAuthored(row) : null
}

/** As `updateAuthored`, for many jobs in one statement; false: one of them is at another version, or gone. */
export async function updateAllAuthored(sql: Sql, jobs: Authored[], now: Date | null): Promise<boolean> {
  const given = jobs.map((job) => ({ ...authoredValues(job), seen_version: job.version }))
  const rows = await sql`
    update jobs set ${sql.unsafe(assignments)}, version = version + 1,
      updated_at = coalesce(${now}::timestamptz, statement_timestamp())
    from jsonb_to_recordset(${sql.json(given)}) as given(${sql.unsafe(givenTypes)}, seen_version bigint)
    where jobs.id = given.id and jobs.version = given.seen_version
    returning jobs.id`
  return rows.length === jobs.length
}

/** Makes every look at the job from before out of date, as a change of its definition must; false: it is already. */
export async function touch(sql: Sql, { job, runtime }: View): Promise<boolean> {
  const rows = await sql`
    update job_runtime set rev = rev + 1 where job_id = ${job.id} and rev = ${runtime.rev} returning job_id`
  return rows.length > 0
}

/**
 * What follows from another job to follow, or other outcomes of it: those that it followed and follows now are to see it, and no chain of jobs
 * may come back to itself. One such change at a time (a lock until the end of the transaction), or two could close a
 * circle of which each sees a half. To be called before anything else is locked: who holds its own row while it waits
 * for that turn could be waited for by the one whose turn it is.
 *
 * @throws AppError AFTER_CYCLE, FIELD_INVALID: the job to follow is gone
 */
export async function follow(
  sql: Sql,
  job: { id: string; before: View['job']['after']; after: View['job']['after'] },
): Promise<void> {
  const { id, before, after } = job
  if (JSON.stringify(before) === JSON.stringify(after)) return
  if (after && after.job !== before?.job) {
    await lockChains(sql)
    const circle: Row[] = await sql`
      with recursive ahead as (
        select id, after_job from jobs where id = ${after.job}
        union
        select j.id, j.after_job from jobs j join ahead on j.id = ahead.after_job
      )
      select id from ahead where id = ${id}`
    if (circle.length > 0) {
      const message = `after: job ${after.job} cannot be followed, because job ${id} starts it, directly or through other jobs`
      throw new AppError('AFTER_CYCLE', message, { extra: { errors: [{ path: 'after.job', message }] } })
    }
  }
  const seen: Row[] = await sql`
    update job_runtime set rev = rev + 1 where job_id in (${before?.job ?? ''}, ${after?.job ?? ''})
    returning job_id`
  if (after && !seen.some((row) => row['job_id'] === after.job)) throw nothingToFollow(after.job)
}

/** One transaction at a time changes which jobs follow others. */
export async function lockChains(sql: Sql): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('jobs.after_job'))`
}

/** True where the job to follow went while the statement that begins to follow it was under way. */
export function isAheadGone(error: unknown): boolean {
  return isViolated(error, 'jobs_after_fkey')
}

function isViolated(error: unknown, constraint: string): boolean {
  return error instanceof Error && 'constraint_name' in error && error.constraint_name === constraint
}

/** The error for a caller whose job has the key of another one; any other error as it is. */
function keyTakenOr(error: unknown, key: string | null): unknown {
  return key !== null && isKeyTaken(error) ? keyTaken(key) : error
}

/** The error for a caller whose project may have no more jobs; any other error as it is. */
export function fullOr(error: unknown): unknown {
  if (!isViolated(error, 'projects_jobs_max')) return error
  const message = 'The project has as many jobs as its quota allows (jobs). Remove a job, or raise the quota.'
  return new AppError('PROJECT_FULL', message)
}

/** A statement has given a job the key of another one. */
export function isKeyTaken(error: unknown): boolean {
  return isViolated(error, 'jobs_named_once')
}

/** The error if another job has the key. */
export function keyTaken(key: string): AppError {
  const sentence = `another job has the key ${JSON.stringify(key)}. Choose another one, or change that job.`
  return fieldRefused('key', sentence, 'KEY_TAKEN')
}

/** The error if the job to follow does not exist (any more). */
export function nothingToFollow(jobId: string): AppError {
  return fieldRefused('after.job', `no job with id ${jobId}`)
}

/**
 * Forgets the job, and notes that NAS may still hold an arm of it; returns the runs that were live, null: there was no
 * such job. They are cancelled, and what was to be told of the job's runs is not told any more. Rows of runs that are over
 * stay for the moment, out of sight (every statement that shows them joins `jobs`), and are removed some at a time
 * (`purgeStep`): however many there are, this is quick.
 *
 * The runtime row is locked first, as every transition does, and then the live runs in their order, as a renewal does, to
 * avoid deadlocks. A change that begins to follow the job writes to its runtime row as well, so none is overlooked.
 *
 * @throws AppError JOB_STATE_CONFLICT: other jobs follow it; names them
 */
export async function deleteJob(sql: Sql, jobId: string, now: Date | null): Promise<string[] | null> {
  const { found, live } = await deleteJobs(sql, [jobId], now)
  return found.length > 0 ? live : null
}

/** As `deleteJob`, for several at once, which may follow each other. `found`: those that there were. */
export async function deleteJobs(
  sql: Sql,
  jobIds: string[],
  now: Date | null,
): Promise<{ found: string[]; live: string[] }> {
  const ids = sql`(select jsonb_array_elements_text(${sql.json(jobIds)}))`
  const found: Row[] = await sql`
    select job_id from job_runtime where job_id in ${ids} order by job_id for update`
  if (found.length === 0) return { found: [], live: [] }
  const followers: Row[] = await sql`
    select id, name, after_job from jobs where after_job in ${ids} and id not in ${ids} order by after_job, id`
  if (followers.length > 0) throw isFollowed(followers)
  const live: Row[] = await sql`
    select id from runs where job_id in ${ids} and state in ('claimed', 'running', 'waiting') order by seq, id for update`
  // only attempts that have ended count
  await sql`
    update runs set state = 'cancelled', reason = 'the job was deleted', owner = null, lease_until = null,
      attempt = jsonb_array_length(attempts),
      attempt_due_at = null, callback_until = null, waiting_since = null,
      finished_at = coalesce(${now}::timestamptz, statement_timestamp())
    where job_id in ${ids} and state in ('claimed', 'running', 'waiting')`
  await sql`delete from deliveries where job_id in ${ids} and state = 'pending'`
  await sql`
    insert into orphans (job_id, armed_schedule, deleted_at)
    select job_id, armed_schedule, coalesce(${now}::timestamptz, statement_timestamp())
    from job_runtime where job_id in ${ids}
    on conflict on constraint orphans_pkey do nothing`
  await sql`delete from arms where job_id in ${ids}`
  await sql`delete from jobs where id in ${ids}`
  return { found: found.map((row) => row['job_id'] as string), live: live.map((run) => run['id'] as string) }
}

function isFollowed(rows: Row[]): AppError {
  const jobId = String(rows[0]?.['after_job'])
  const followers = rows.filter((row) => row['after_job'] === jobId)
  const names = followers.map((row) => `${String(row['id'])} (${String(row['name'])})`).join(', ')
  const message = `Job ${jobId} is followed by job ${names}. Delete those jobs first, or change their \`after\`.`
  return new AppError('JOB_STATE_CONFLICT', message, { extra: { jobs: followers.map((row) => row['id']) } })
}
