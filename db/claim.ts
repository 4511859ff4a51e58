import type { Decision, RunWrite, View } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { moveJob, readWritten, type Writing, type Written } from './move.ts'

/**
 * The claim of one slot (or of a manual start): the job moves on and the run's row appears, with lease and fence, or
 * nothing happens at all (null). Of any number of claims with one view, in any number of processes, one succeeds; and
 * where a row for (job, slot) exists already, whoever made it, no second one appears (`inserted` is empty).
 */
export async function claim(
  sql: Sql,
  view: View,
  decision: Decision,
  run: RunWrite,
  writing: Writing,
): Promise<Written | null> {
  const begins = run.leased && writing.begins
  const [row] = await sql`
    with ${moveJob(sql, view, decision, writing)},
    made as (
      insert into runs (id, job_id, slot, trigger, state, reason, fence, attempt, owner, lease_until, attempt_due_at,
        claimed_at, started_at, finished_at, attempts, input)
      select ${run.id}::uuid, job.job_id, ${run.slot}::timestamptz, ${run.trigger}, ${begins ? 'running' : run.state}, ${run.reason},
        ${run.fence}::bigint, ${run.attempt}::int, ${run.leased ? writing.owner : null}, ${run.leased ? sql`job.lease_until` : null},
        ${run.attemptDueAt}::timestamptz, job.now, ${begins ? sql`job.now` : null}, ${run.finished ? sql`job.now` : null},
        '[]', ${run.input === null ? null : sql.json(run.input as never)}
      from job
      on conflict on constraint runs_job_slot do nothing
      returning id
    )
    select job.*, (select count(*) from made) as made from job`
  return row ? readWritten(row, writing, Number(row['made']) > 0 ? [run.id] : []) : null
}
