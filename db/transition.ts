import { leaseMarginMs, type Decision, type RunWrite, type View } from '../src/decisions/index.ts'
import type { Sql } from './look.ts'
import { date, maybeDate, type Row } from './rows.ts'

/** How a decision is to be written, by whom and for how long. */
export type Writing = {
  owner: string
  leaseMs: number
  /** The runs it takes begin at once: written `running`. Otherwise they are `claimed` until `begin`. */
  begins: boolean
  /** The arm that woke us is used up (or may be): NAS has to be asked again even where the wake time stays. */
  armSpent: boolean
  /** Takes the arm lease in the same statement, where it is free; null: somebody else will. */
  armLeaseMs: number | null
  output: string | null
  now: Date | null
}

/** The right to make the next NAS call for a job, until the arm lease ends. `gen` is what it confirms. */
export type ArmOrder = { jobId: string; gen: number; wakeAt: Date | null; recentArms: Date[]; now: Date }

export type Written = {
  rev: number
  wakeAt: Date | null
  isArmOwed: boolean
  order: ArmOrder | null
  /** Ids of the new runs whose row was really made: unique (job, slot) is the last word. */
  inserted: Set<string>
  leaseUntil: Date
  now: Date
}

/**
 * Writes a decision whole, or not at all (null: the job has changed since the view, or is gone).
 *
 * One statement: compare-and-set on (job, rev) in the one row that every transition of the job updates; only where
 * that row is returned do runs, reaped runs and folded slots appear with it. Of any number of writers with the same
 * view one succeeds (READ COMMITTED re-checks `rev` on the locked row). A run that has another fence than the view
 * showed stays as it is. Leases and `wake_at` are set from Postgres' clock at the write.
 */
export async function transition(
  sql: Sql,
  view: View,
  decision: Decision,
  writing: Writing,
): Promise<Written | null> {
  const inserts = decision.runs.filter((run) => run.seenFence === null).map((run) => runJson(run, writing))
  const updates = decision.runs.filter((run) => run.seenFence !== null).map((run) => runJson(run, writing))
  const { runtime } = decision
  const rule = { schedule: view.job.schedule, timezone: view.job.zone, anchor: view.job.anchor }
  const [row] = await sql`
    with clock as (select coalesce(${writing.now}::timestamptz, clock_timestamp()) as now),
    job as (
      update job_runtime r set
        rev = r.rev + 1,
        state = ${runtime.state}, next_slot = ${runtime.nextSlot}, last_slot = ${runtime.lastSlot},
        slots_used = ${runtime.slotsUsed}, fence = ${runtime.fence},
        paused_at = ${runtime.pausedAt}, paused_reason = ${runtime.pausedReason}, resume_at = ${runtime.resumeAt},
        failure_streak = ${runtime.failureStreak}, last_run_at = ${runtime.lastRunAt},
        last_status = ${runtime.lastStatus}, last_error = ${runtime.lastError},
        wake_at = want.wake_at,
        wake_gen = r.wake_gen + want.moved::int,
        wake_changed_at = case when want.moved then want.now else r.wake_changed_at end,
        arm_lease_by = case when want.takes then ${writing.owner} else r.arm_lease_by end,
        arm_lease_until = case when want.takes then want.now + ${writing.armLeaseMs ?? 0} * interval '1 ms' else r.arm_lease_until end
      from (
        select o.job_id, w.wake_at, w.moved, clock.now, clock.now + ${writing.leaseMs} * interval '1 ms' as lease_until,
          ${writing.armLeaseMs !== null} and (w.moved or o.armed_gen < o.wake_gen)
            and (o.arm_lease_until is null or o.arm_lease_until <= clock.now) as takes
        from job_runtime o, clock, lateral (
          select t.wake_at, t.wake_at is distinct from o.wake_at or ${writing.armSpent} as moved
          from (select ${wantedWakeAt(sql, decision, writing)} as wake_at) t) w
        where o.job_id = ${view.job.id} and o.rev = ${view.runtime.rev}
      ) want
      where r.job_id = want.job_id and r.rev = ${view.runtime.rev}
      returning r.job_id, r.rev, r.wake_at, r.wake_gen, r.armed_gen, to_jsonb(r.recent_arms) as recent_arms,
        want.takes, want.now, want.lease_until
    ),
    made as (
      insert into runs (id, job_id, slot, trigger, state, reason, fence, attempt, owner, lease_until, attempt_due_at,
        claimed_at, started_at, finished_at, attempts, input, error_code, error_message)
      select x.id, job.job_id, x.slot, x.trigger, x.state, x.reason, x.fence, x.attempt,
        case when x.leased then ${writing.owner} end, case when x.leased then job.lease_until end, x.attempt_due_at,
        job.now, case when x.begins then job.now end, case when x.finished then job.now end, x.attempts, x.input,
        x.error_code, x.error_message
      from jsonb_to_recordset(${sql.json(inserts)}) as x(${runColumns(sql)}), job
      on conflict on constraint runs_job_slot do nothing
      returning id
    ),
    changed as (
      update runs u set state = x.state, reason = x.reason, fence = x.fence, attempt = x.attempt,
        owner = case when x.leased then ${writing.owner} end, lease_until = case when x.leased then job.lease_until end,
        attempt_due_at = x.attempt_due_at, started_at = case when x.begins then job.now else u.started_at end,
        finished_at = case when x.finished then job.now end, attempts = x.attempts,
        error_code = x.error_code, error_message = x.error_message, output = coalesce(${writing.output}, u.output)
      from jsonb_to_recordset(${sql.json(updates)}) as x(${runColumns(sql)}), job
      where u.id = x.id and u.fence = x.seen_fence and u.finished_at is null
      returning u.id
    ),
    folded as (
      insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule)
      select job.job_id, x.first_slot, x.last_slot, x.count, x.verdict, x.reason, ${sql.json(rule)}
      from jsonb_to_recordset(${sql.json(decision.folds.map(foldJson))})
        as x(first_slot timestamptz, last_slot timestamptz, count int, verdict text, reason text), job
      returning id
    )
    select job.*, (select coalesce(jsonb_agg(id), '[]') from made) as made from job`
  return row ? readWritten(row) : null
}

/** The end of a lease that is taken now is a wake term as well; `least` passes over nulls. */
function wantedWakeAt(sql: Sql, decision: Decision, writing: Writing) {
  if (decision.starts.length === 0) return sql`${decision.wakeTerm}::timestamptz`
  return sql`least(${decision.wakeTerm}::timestamptz, clock.now + ${writing.leaseMs + leaseMarginMs} * interval '1 ms')`
}

function runColumns(sql: Sql) {
  return sql`id uuid, seen_fence bigint, slot timestamptz, trigger text, state text, reason text, fence bigint, attempt int,
    leased boolean, begins boolean, attempt_due_at timestamptz, finished boolean, attempts jsonb, input jsonb,
    error_code text, error_message text`
}

function runJson(run: RunWrite, writing: Writing) {
  const begins = run.leased && writing.begins
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
    finished: run.finished,
    attempts: run.attempts,
    input: run.input as never,
    error_code: run.error?.code ?? null,
    error_message: run.error?.message ?? null,
  }
}

function foldJson({ firstSlot, lastSlot, ...fold }: Decision['folds'][number]) {
  return { first_slot: firstSlot.toISOString(), last_slot: lastSlot.toISOString(), ...fold }
}

function readWritten(row: Row): Written {
  const now = date(row['now'])
  const wakeAt = maybeDate(row['wake_at'])
  const gen = Number(row['wake_gen'])
  return {
    rev: Number(row['rev']),
    wakeAt,
    isArmOwed: Number(row['armed_gen']) < gen,
    order: row['takes']
      ? {
          jobId: row['job_id'] as string,
          gen,
          wakeAt,
          recentArms: (row['recent_arms'] as string[]).map(date),
          now,
        }
      : null,
    inserted: new Set(row['made'] as string[]),
    leaseUntil: date(row['lease_until']),
    now,
  }
}
