import type { Sql } from './client.ts'
import type { Row } from './columns.ts'
import { rowsAtOnce } from './history-prune.ts'

/** How many days rows stay that belong to no job's policy. */
export type Lives = {
  auditDays: number
  /** What the runs of a job added up to on a day, and spans of slots without a run. */
  historyDays: number
  idempotencyDays: number
}

/** Of the audit log and of spans of slots, whatever their age. */
const rowsMost = 1_000_000
/** Of a deleted job, once its wake-up is cancelled and its rows are gone: the timer may still list it. */
const orphanDays = 30

/**
 * Removes rows of the job that was deleted first; false: no deleted job has rows left that may go. Only what is in the days of
 * the service goes. Other processes pass over a job that one is busy with.
 */
export async function purgeStep(tx: Sql): Promise<boolean> {
  const [orphan]: Row[] = await tx`
    select o.job_id, h.folded_to::text from orphans o, history h
    where o.purged_at is null and o.deleted_at <= h.folded_to
    order by o.deleted_at limit 1 for update of o skip locked`
  if (!orphan) return false
  const { job_id: jobId, folded_to: foldedTo } = orphan as Record<string, string>
  const [row]: Row[] = await tx`
    with runs_gone as (
      delete from runs where id in (
        select id from runs where job_id = ${jobId as string} and finished_at <= ${foldedTo as string}::text::timestamptz
        order by seq limit ${rowsAtOnce})
      returning id),
    slots_gone as (
      delete from folded_slots where id in (
        select f.id from folded_slots f, history h where f.job_id = ${jobId as string} and f.id <= h.slots_to
        limit ${rowsAtOnce})
      returning id),
    days_gone as (
      delete from job_days where (job_id, day) in (
        select job_id, day from job_days where job_id = ${jobId as string} limit ${rowsAtOnce})
      returning day),
    busy_gone as (delete from busy_days where job_id = ${jobId as string})
    select (select count(*) from runs_gone) + (select count(*) from slots_gone) + (select count(*) from days_gone) as n`
  if (Number(row?.['n']) > 0) return true
  await tx`delete from job_history where job_id = ${jobId as string}`
  const purged = await tx`
    update orphans set purged_at = clock_timestamp()
    where job_id = ${jobId as string} and not exists (select from folded_slots where job_id = ${jobId as string})
    returning job_id`
  return purged.length > 0
}

/**
 * Removes what is past its life from the tables of the whole service, so many rows of each at most; gives the number of rows of
 * the table that lost most. The oldest rows come first in each of them, so one that is young ends the search.
 */
export async function expireStep(
  sql: Sql,
  { lives, now }: { lives: Lives; now: Date | null },
): Promise<number> {
  const before = (days: number) =>
    sql`(coalesce(${now}::timestamptz, clock_timestamp()) - ${days} * interval '1 day')`
  const [row]: Row[] = await sql`
    with audit_gone as (
      delete from audit where id in (
        select id from (select id, at from audit order by id limit ${rowsAtOnce}) a
        where at < ${before(lives.auditDays)} or id <= (select max(id) from audit) - ${rowsMost})
      returning id),
    slots_gone as (
      delete from folded_slots where id in (
        select id from (select id, recorded_at from folded_slots order by id limit ${rowsAtOnce}) f
        where id <= (select slots_to from history)
          and (recorded_at < ${before(lives.historyDays)} or id <= (select max(id) from folded_slots) - ${rowsMost}))
      returning id),
    days_gone as (
      delete from job_days where (job_id, day) in (
        select job_id, day from job_days where day < (${before(lives.historyDays)} at time zone 'UTC')::date
        order by day limit ${rowsAtOnce})
      returning day),
    busy_gone as (
      delete from busy_days where (job_id, day) in (
        select job_id, day from busy_days where day < (${before(lives.historyDays)} at time zone 'UTC')::date
        order by day limit ${rowsAtOnce})),
    keys_gone as (
      delete from idempotency_keys where key in (
        select key from idempotency_keys where created_at < ${before(lives.idempotencyDays)}
        order by created_at limit ${rowsAtOnce})
      returning key),
    orphans_gone as (
      delete from orphans where job_id in (
        select job_id from orphans where purged_at is not null and cancelled_at is not null
          and deleted_at < ${before(orphanDays)}
        order by deleted_at limit ${rowsAtOnce})
      returning job_id)
    select greatest((select count(*) from audit_gone), (select count(*) from slots_gone), (select count(*) from days_gone),
      (select count(*) from keys_gone), (select count(*) from orphans_gone)) as n`
  return Number(row?.['n'])
}
