import {
  type Decision,
  deliveryLeaseMs,
  type DeliveryWrite,
  type RunWrite,
  type View,
} from '../src/decisions/index.ts'
import { claim } from './claim.ts'
import type { Sql } from './look.ts'
import { moveJob, readWritten, type Writing, type Written } from './move.ts'
import { settle } from './settle.ts'

/**
 * Writes a decision whole, or not at all (null: the job has changed since the view, or is gone).
 *
 * One statement in any case: `claim` for one new run, `settle` for one that exists, and this one for whatever touches
 * more: a run that takes another's place, missed slots that are folded, a pause, deliveries that are owed.
 */
export async function transition(
  sql: Sql,
  view: View,
  decision: Decision,
  writing: Writing,
): Promise<Written | null> {
  const [run, ...others] = decision.runs
  if (run && others.length === 0 && decision.folds.length === 0 && decision.deliveries.length === 0) {
    return (run.seenFence === null ? claim : settle)(sql, view, decision, run, writing)
  }
  const inserts = decision.runs.filter((write) => write.seenFence === null)
  const updates = decision.runs.filter((write) => write.seenFence !== null)
  const promised = decision.deliveries.filter((write) => write.seenAttempt === null)
  const told = decision.deliveries.filter((write) => write.seenAttempt !== null)
  const rule = { schedule: view.job.schedule, timezone: view.job.zone, anchor: view.job.anchor }
  const [row] = await sql`
    with ${moveJob(sql, view, decision, writing)},
    made as (
      insert into runs (id, job_id, slot, trigger, state, reason, fence, attempt, owner, lease_until, attempt_due_at,
        claimed_at, started_at, finished_at, attempts, input, error_code, error_message)
      select x.id, job.job_id, x.slot, x.trigger, x.state, x.reason, x.fence, x.attempt,
        case when x.leased then ${writing.owner} end, case when x.leased then job.lease_until end, x.attempt_due_at,
        job.now, case when x.begins then job.now end, case when x.finished then job.now end, x.attempts, x.input,
        x.error_code, x.error_message
      from jsonb_to_recordset(${runsJson(sql, inserts, writing)}) as x(${runColumns(sql)}), job
      on conflict on constraint runs_job_slot do nothing
      returning id
    ),
    changed as (
      update runs u set state = x.state, reason = x.reason, fence = x.fence, attempt = x.attempt,
        owner = case when x.leased then ${writing.owner} end, lease_until = case when x.leased then job.lease_until end,
        attempt_due_at = x.attempt_due_at, callback_until = x.callback_until, usage = coalesce(x.usage, u.usage),
        started_at = case when x.begins then job.now else u.started_at end,
        finished_at = case when x.finished then job.now end, attempts = x.attempts,
        error_code = x.error_code, error_message = x.error_message, output = coalesce(${writing.output}, u.output)
      from jsonb_to_recordset(${runsJson(sql, updates, writing)}) as x(${runColumns(sql)}), job
      where u.id = x.id and u.fence = x.seen_fence and u.finished_at is null
    ),
    folded as (
      insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule)
      select job.job_id, x.first_slot, x.last_slot, x.count, x.verdict, x.reason, ${sql.json(rule)}
      from jsonb_to_recordset(${sql.json(decision.folds.map(foldJson))})
        as x(first_slot timestamptz, last_slot timestamptz, count int, verdict text, reason text), job
    ),
    promised as (
      insert into deliveries (id, run_id, job_id, target, event, state, attempt, due_at, owner, lease_until)
      select x.id, x.run_id, job.job_id, x.target, x.event, x.state, x.attempt, x.due_at,
        case when x.leased then ${writing.owner} end,
        case when x.leased then job.now + ${deliveryLeaseMs} * interval '1 ms' end
      from jsonb_to_recordset(${deliveriesJson(sql, promised)}) as x(${deliveryColumns(sql)}), job
      on conflict on constraint deliveries_pkey do nothing
    ),
    told as (
      update deliveries u set state = x.state, attempt = x.attempt, due_at = x.due_at,
        owner = case when x.leased then ${writing.owner} end,
        lease_until = case when x.leased then job.now + ${deliveryLeaseMs} * interval '1 ms' end,
        error_code = x.error_code, error_message = x.error_message,
        finished_at = case when x.state <> 'pending' then job.now end
      from jsonb_to_recordset(${deliveriesJson(sql, told)}) as x(${deliveryColumns(sql)}), job
      where u.id = x.id and u.attempt = x.seen_attempt
    )
    select job.*, (select coalesce(jsonb_agg(id), '[]') from made) as made from job`
  return row ? readWritten(row, writing, row['made']) : null
}

function runColumns(sql: Sql) {
  return sql`id uuid, seen_fence bigint, slot timestamptz, trigger text, state text, reason text, fence bigint, attempt int,
    leased boolean, begins boolean, attempt_due_at timestamptz, callback_until timestamptz, usage jsonb, finished boolean, attempts jsonb, input jsonb,
    error_code text, error_message text`
}

function runsJson(sql: Sql, runs: RunWrite[], writing: Writing) {
  return sql.json(runs.map((run) => runJson(run, run.leased && writing.begins)))
}

function runJson(run: RunWrite, begins: boolean) {
  return {
    id: run.id,
    seen_fence: run.seenFence,
    slot: run.slot?.toISOString() ?? null,
    trigger: run.trigger,
    state: begins ? 'running' : run.state,
    reason: run.reason,
    fence: run.fence,
    attempt: run.attempt,
    leased: run.leased,
    begins,
    attempt_due_at: run.attemptDueAt?.toISOString() ?? null,
    callback_until: run.callbackUntil?.toISOString() ?? null,
    usage: run.usage as never,
    finished: run.finished,
    attempts: run.attempts,
    input: run.input as never,
    error_code: run.error?.code ?? null,
    error_message: run.error?.message ?? null,
  }
}

function deliveryColumns(sql: Sql) {
  return sql`id uuid, run_id uuid, target jsonb, event text, state text, attempt int, seen_attempt int, due_at timestamptz,
    leased boolean, error_code text, error_message text`
}

function deliveriesJson(sql: Sql, deliveries: DeliveryWrite[]) {
  return sql.json(
    deliveries.map((write) => ({
      id: write.id,
      run_id: write.runId,
      target: write.target as never,
      event: write.event,
      state: write.state,
      attempt: write.attempt,
      seen_attempt: write.seenAttempt,
      due_at: write.dueAt?.toISOString() ?? null,
      leased: write.leased,
      error_code: write.error?.code ?? null,
      error_message: write.error?.message ?? null,
    })),
  )
}

function foldJson({ firstSlot, lastSlot, ...fold }: Decision['folds'][number]) {
  return { first_slot: firstSlot.toISOString(), last_slot: lastSlot.toISOString(), ...fold }
}
