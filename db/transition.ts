import { type Decision, deliveryLeaseMs, type DeliveryWrite, type View } from '../src/decisions/index.ts'
import type { Row } from './columns.ts'
import { isPlain, movePlain } from './hot.ts'
import type { Sql } from './look.ts'
import {
  headOf,
  logged,
  nextParameter,
  paramsOf,
  readWritten,
  type Writing,
  type Written,
  writtenColumns,
} from './move.ts'
import { jobParameter } from './wanted.ts'
import { insertOfRuns, runValuesOf, typedRunValues, updateOfRuns } from './run-writes.ts'

/**
 * Writes a decision whole, or not at all (null: the job has changed since the view, or is gone).
 *
 * One statement in any case: `movePlain` for what writes one run at most, and this one for whatever touches more: a run
 * that takes another's place, missed slots that are folded, deliveries that are owed. `rule`: in force from then on; `view` has
 * the one that the slots so far are of.
 */
export async function transition(
  sql: Sql,
  view: View,
  decision: Decision,
  writing: Writing,
  rule = view.job,
): Promise<Written | null> {
  const move = { view, decision, writing, rule }
  if (isPlain(decision)) return (await movePlain(sql, [move], writing.now)).get(view.job.id) ?? null
  const { runs, folds, deliveries } = decision
  const former = { schedule: view.job.schedule, timezone: view.job.zone, anchor: view.job.anchor }
  const documents = [
    runs.filter(({ seenFence }) => seenFence === null).map((run) => runValues(run, writing)),
    runs.filter(({ seenFence }) => seenFence !== null).map((run) => runValues(run, writing)),
    folds.map(foldJson),
    former,
    deliveries.filter(({ seenAttempt }) => seenAttempt === null).map(deliveryJson),
    deliveries.filter(({ seenAttempt }) => seenAttempt !== null).map(deliveryJson),
  ]
  const parameters = [
    ...paramsOf([move], writing.now),
    ...documents.map((document) => JSON.stringify(document)),
  ]
  const [row]: Row[] = await sql.unsafe(text, parameters, { prepare: true })
  return row ? readWritten(row, writing, row['made'] as string[]) : null
}

const runValues = runValuesOf('')

const deliveryColumns = `id uuid, run_id uuid, target jsonb, event text, state text, attempt int, seen_attempt int,
    due_at timestamptz, leased boolean, error_code text, error_message text`

/** The documents of `transition`, in their order. */
const [inserts, updates, folded, rule, promised, told] = Array.from(
  { length: 6 },
  (_, n) => `$${nextParameter + n}::text::jsonb`,
)

const value = (name: string) => `x.${name}`
const sentUntil = `job.now + ${deliveryLeaseMs} * interval '1 ms'`

const text = `${headOf('one')},${logged},
    made as (
      ${insertOfRuns(value)}
      from job, jsonb_to_recordset(${inserts}) as x(${typedRunValues})
      on conflict on constraint runs_job_slot do nothing
      returning id
    ),
    changed as (
      ${updateOfRuns(value)}
      from job, jsonb_to_recordset(${updates}) as x(${typedRunValues})
      where u.id = x.id and u.job_id = ${jobParameter} and u.fence = x.seen_fence and u.finished_at is null
    ),
    folded as (
      insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule)
      select job.job_id, x.first_slot, x.last_slot, x.count, x.verdict, x.reason, ${rule}
      from job, jsonb_to_recordset(${folded})
        as x(first_slot timestamptz, last_slot timestamptz, count int, verdict text, reason text)
    ),
    promised as (
      insert into deliveries (id, run_id, job_id, target, event, state, attempt, due_at, owner, lease_until, created_at)
      select x.id, x.run_id, job.job_id, x.target, x.event, x.state, x.attempt, x.due_at,
        case when x.leased then job.owner end, case when x.leased then ${sentUntil} end, job.now
      from job, jsonb_to_recordset(${promised}) as x(${deliveryColumns})
      on conflict on constraint deliveries_pkey do nothing
    ),
    told as (
      update deliveries u set state = x.state, attempt = x.attempt, due_at = x.due_at,
        owner = case when x.leased then job.owner end, lease_until = case when x.leased then ${sentUntil} end,
        error_code = x.error_code, error_message = x.error_message,
        finished_at = case when x.state <> 'pending' then job.now end
      from job, jsonb_to_recordset(${told}) as x(${deliveryColumns})
      where u.id = x.id and u.job_id = ${jobParameter} and u.attempt = x.seen_attempt
      returning u.target ->> 'channel' as channel, u.state, u.error_code, u.error_message, job.now
    ),
    marked as (
      update channels c set
        last_error = case when t.state = 'failed' then concat(t.error_code, ': ', t.error_message) end,
        last_error_at = case when t.state = 'failed' then t.now end
      from told t
      where c.name = t.channel
        and (t.state = 'failed' or t.state = 'delivered' and c.last_error is not null)
    )
    select ${writtenColumns}, (select coalesce(jsonb_agg(id), '[]') from made) as made from job`

function deliveryJson(write: DeliveryWrite) {
  return {
    id: write.id,
    run_id: write.runId,
    target: write.target,
    event: write.event,
    state: write.state,
    attempt: write.attempt,
    seen_attempt: write.seenAttempt,
    due_at: write.dueAt,
    leased: write.leased,
    error_code: write.error?.code ?? null,
    error_message: write.error?.message ?? null,
  }
}

function foldJson({ firstSlot, lastSlot, ...fold }: Decision['folds'][number]) {
  return { first_slot: firstSlot, last_slot: lastSlot, ...fold }
}
