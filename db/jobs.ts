import type { Runtime } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { readAuthored, type Authored, type Row } from './rows.ts'

/** A job about to be made. `wakeAt` is its wake time under `runtime`. */
export type NewJob = Omit<Authored, 'version' | 'createdAt' | 'updatedAt'> & {
  runtime: Runtime
  wakeAt: Date | null
  now: Date | null
}

/**
 * Makes the job, its runtime row and (where given) its Idempotency-Key, all or nothing. Null: the key exists already,
 * also where two requests with one key race; the loser finds the winner's job by `jobOfKey`.
 */
export async function createJob(
  sql: Sql,
  job: NewJob,
  key: { key: string; bodyHash: string } | null,
): Promise<Authored | null> {
  const { runtime } = job
  const [row]: Row[] = await sql`
    with clock as (select coalesce(${job.now}::timestamptz, clock_timestamp()) as now),
    keyed as (
      insert into idempotency_keys (key, body_hash, job_id, created_at)
      select ${key?.key ?? ''}, ${key?.bodyHash ?? ''}, ${job.id}, now from clock where ${key !== null}
      on conflict on constraint idempotency_keys_pkey do nothing returning key
    ),
    made as (
      insert into jobs (id, name, schedule, timezone, anchor, prompt, skills, deliver, action, policy, repeat_times, tags,
        created_at, updated_at)
      select ${job.id}, ${job.name}, ${sql.json(job.schedule)}, ${job.timezone}, ${job.anchor}, ${job.prompt},
        ${textList(sql, job.skills)}, ${job.deliver === null ? null : sql.json(job.deliver as never)},
        ${sql.json(job.action as never)}, ${sql.json(job.policy as never)}, ${job.repeatTimes}::int, ${textList(sql, job.tags)}, now, now
      from clock where ${key === null} or exists (select from keyed)
      returning *
    ),
    ran as (
      insert into job_runtime (job_id, state, next_slot, wake_at, wake_changed_at)
      select made.id, ${runtime.state}, ${runtime.nextSlot}::timestamptz, ${job.wakeAt}::timestamptz, clock.now from made, clock
    )
    select made.*, to_jsonb(skills) as skills, to_jsonb(tags) as tags from made`
  return row ? readAuthored(row) : null
}

/** The job that an Idempotency-Key made, and the hash of the body that it came with. */
export async function jobOfKey(sql: Sql, key: string): Promise<{ jobId: string; bodyHash: string } | null> {
  const [row]: Row[] = await sql`select job_id, body_hash from idempotency_keys where key = ${key}`
  return row ? { jobId: row['job_id'] as string, bodyHash: row['body_hash'] as string } : null
}

/** Writes the authored fields; null: `version` is not the row's (somebody changed it, or it is gone). */
export async function updateAuthored(sql: Sql, job: Authored, now: Date | null): Promise<Authored | null> {
  const [row]: Row[] = await sql`
    update jobs set name = ${job.name}, schedule = ${sql.json(job.schedule)}, timezone = ${job.timezone}, anchor = ${job.anchor},
      prompt = ${job.prompt}, skills = ${textList(sql, job.skills)}, deliver = ${job.deliver === null ? null : sql.json(job.deliver as never)},
      action = ${sql.json(job.action as never)}, policy = ${sql.json(job.policy as never)}, repeat_times = ${job.repeatTimes},
      tags = ${textList(sql, job.tags)}, version = version + 1, updated_at = coalesce(${now}::timestamptz, clock_timestamp())
    where id = ${job.id} and version = ${job.version}
    returning *, to_jsonb(skills) as skills, to_jsonb(tags) as tags`
  return row ? readAuthored(row) : null
}

/**
 * Forgets the job with all its rows, and notes that NAS may still hold an arm of it; returns the runs that were live,
 * null: there was no such job. The runtime row is locked first, as every transition does, and then
 * the live runs in their order, as a renewal does, so that nobody deadlocks.
 */
export async function deleteJob(sql: Sql, jobId: string): Promise<string[] | null> {
  const [row]: Row[] = await sql`select job_id from job_runtime where job_id = ${jobId} for update`
  if (!row) return null
  const live: Row[] = await sql`
    select id from runs where job_id = ${jobId} and state in ('claimed', 'running') order by seq for update`
  await sql`insert into orphans (job_id) values (${jobId}) on conflict on constraint orphans_pkey do nothing`
  await sql`delete from jobs where id = ${jobId}`
  return live.map((run) => run['id'] as string)
}

/** An array as JSON on the wire: the driver knows no array types without its catalogue round trip. */
function textList(sql: Sql, items: string[]) {
  return sql`array(select jsonb_array_elements_text(${sql.json(items)}))`
}
