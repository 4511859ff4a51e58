import type { Sql } from './look.ts'
import { headOf, type Move, paramsOf, readWritten, type Written, writtenColumns } from './move.ts'
import type { Row } from './rows.ts'

/** True where a decision writes one run at most and nothing else: a claim, a settle, a pause. */
export function isPlain({ runs, folds, deliveries }: Move['decision']): boolean {
  return runs.length <= 1 && folds.length === 0 && deliveries.length === 0
}

/**
 * Claims and settles, of one job or of several at once, each of them whole or not at all: what became of each by the id
 * of its job; missing: the job has changed since the view, or is gone. No job may be among the moves twice.
 *
 * A claim: the job moves on and the run's row appears, with lease and fence. Of any number of claims with one view, in
 * any number of processes, one succeeds; and where a row for (job, slot) exists already, whoever made it, no second one
 * appears (`inserted` is empty). A settle: the row is changed only while it shows the fence that the decision saw, and
 * never once it is finished; a fence that is stale has moved `rev` as well, so it changes nothing anywhere.
 *
 * Jobs are locked in the order of their ids, so that two statements that move the same ones do not deadlock.
 */
export async function movePlain(sql: Sql, moves: Move[], now: Date | null): Promise<Map<string, Written>> {
  const ordered = moves.toSorted((a, b) => (a.view.job.id < b.view.job.id ? -1 : 1))
  const text = moves.length === 1 ? texts[kindOf(moves[0] as Move)] : texts.several
  const rows: Row[] = await sql.unsafe(text, paramsOf(ordered as [Move], now), { prepare: true })
  const writings = new Map(moves.map(({ view, writing }) => [view.job.id, writing]))
  return new Map(
    rows.map((row) => {
      const jobId = row['job_id'] as string
      const writing = writings.get(jobId) as Move['writing']
      return [jobId, readWritten(row, writing, row['made'] === null ? [] : [row['made']])]
    }),
  )
}

/** What a single move writes: a statement that could write more costs more. */
function kindOf({ decision: { runs } }: Move): 'claim' | 'settle' | 'neither' {
  if (!runs[0]) return 'neither'
  return runs[0].seenFence === null ? 'claim' : 'settle'
}

const made = `
    made as (
      insert into runs (id, job_id, slot, trigger, state, reason, fence, attempt, owner, lease_until, attempt_due_at,
        claimed_at, started_at, finished_at, attempts, input)
      select run_id, job_id, run_slot, run_trigger, run_state, run_reason, run_fence, run_attempt,
        case when run_leased then owner end, case when run_leased then lease_until end, run_due_at,
        now, case when run_begins then now end, case when run_finished then now end, run_attempts, run_input
      from job
      where run_id is not null and run_seen_fence is null
      on conflict on constraint runs_job_slot do nothing
      returning job_id, id
    )`
const changed = `
    changed as (
      update runs u set state = j.run_state, reason = j.run_reason, fence = j.run_fence, attempt = j.run_attempt,
        owner = case when j.run_leased then j.owner end, lease_until = case when j.run_leased then j.lease_until end,
        attempt_due_at = j.run_due_at, callback_until = j.run_callback_until, waiting_since = null,
        started_at = case when j.run_begins then j.now else u.started_at end,
        finished_at = case when j.run_finished then j.now end, attempts = j.run_attempts,
        usage = coalesce(j.run_usage, u.usage), error_code = j.run_error_code, error_message = j.run_error_message,
        output = coalesce(j.output, u.output)
      from job j
      where u.id = j.run_id and u.fence = j.run_seen_fence and u.finished_at is null
    )`
const madeOne = `select ${writtenColumns}, made.id as made from job left join made on made.job_id = job.job_id`
const madeNone = `select ${writtenColumns}, null as made from job`

const texts = {
  claim: `${headOf('one')},${made} ${madeOne}`,
  settle: `${headOf('one')},${changed} ${madeNone}`,
  neither: `${headOf('one')} ${madeNone}`,
  several: `${headOf('several')},${made},${changed} ${madeOne}`,
}
