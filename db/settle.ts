import type { Decision, RunWrite, View } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { moveJob, readWritten, type Writing, type Written } from './move.ts'

/**
 * What becomes of one run that exists: its end, or its wait for the next attempt, together with all that the job
 * learns from it, or nothing at all (null). The row is changed only while it shows the fence that the decision saw,
 * and never once it is finished; a fence that is stale has moved `rev` as well, so it changes nothing anywhere.
 */
export async function settle(
  sql: Sql,
  view: View,
  decision: Decision,
  run: RunWrite,
  writing: Writing,
): Promise<Written | null> {
  const begins = run.leased && writing.begins
  const [row] = await sql`
    with ${moveJob(sql, view, decision, writing)},
    changed as (
      update runs u set state = ${begins ? 'running' : run.state}, reason = ${run.reason}, fence = ${run.fence}, attempt = ${run.attempt},
        owner = ${run.leased ? writing.owner : null}, lease_until = ${run.leased ? sql`job.lease_until` : null},
        attempt_due_at = ${run.attemptDueAt}, callback_until = ${run.callbackUntil}, usage = ${run.usage === null ? sql`u.usage` : sql.json(run.usage as never)},
        started_at = ${begins ? sql`job.now` : sql`u.started_at`},
        finished_at = ${run.finished ? sql`job.now` : null}, attempts = ${sql.json(run.attempts)},
        error_code = ${run.error?.code ?? null}, error_message = ${run.error?.message ?? null},
        output = coalesce(${writing.output}, u.output)
      from job
      where u.id = ${run.id} and u.fence = ${run.seenFence} and u.finished_at is null
    )
    select * from job`
  return row ? readWritten(row, writing, []) : null
}
