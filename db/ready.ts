import { leaseMarginMs, readyRun, type RunWrite, type Trigger, viewAfter } from '../src/decisions/index.ts'
import { type Arrival, notedBy, notedOf } from './arrival.ts'
import type { Row } from './columns.ts'
import { hearersOf, rowsOfJob, type Sql } from './look.ts'
import { type ArmLease, armLeaseIsFree, readWritten, type Written } from './move.ts'
import { type Look, readLook } from './rows.ts'
import { carryOut, parameterOf, sourcesOf, type Typed } from './wanted.ts'

/** A claim of a job's next slot that was decided beforehand. Its fields are those of `Writing`. */
export type ReadyClaim = {
  jobId: string
  runId: string
  trigger: Trigger
  owner: string
  /** A job that names a lease of its own has that. */
  leaseMs: number
  begins: boolean
  armLease: ArmLease | null
}

/** `look`: the job as the claim left it. */
export type ReadyClaimed = { look: Look; run: RunWrite; written: Written }

/**
 * Carries out what `readyOf` decided when the job was written last, of one job or of several at once, each of them whole or
 * not at all; results by job. Missing: nothing was decided, its time has not come or is over, or anything about
 * the job has changed since. Then the caller looks.
 *
 * Compare-and-set in the one row that every transition of the job updates, so of any number of claims one succeeds. That
 * the action is the one which belongs to the row is compared too: `version` is that of the row of `jobs` that is read here, while a
 * writer that had to wait for the row's lock sees its current `ready_version`.
 *
 * `arrival`: noted in the same commit, whatever comes of the claims.
 */
export async function claimReady(
  sql: Sql,
  claims: ReadyClaim[],
  now: Date | null,
  arrival: Arrival | null = null,
): Promise<Map<string, ReadyClaimed>> {
  const [shared, others] = arrival ? [firstStatement, notedBy(arrival)] : [statement, []]
  const rows = await carryOut(sql, shared, claims.map(valuesOf), now, others)
  const byJob = new Map(claims.map((claim) => [claim.jobId, claim]))
  return new Map(
    rows.map((row) => {
      const claim = byJob.get(row['id'] as string) as ReadyClaim
      return [claim.jobId, readClaimed(row, claim)]
    }),
  )
}

function valuesOf({ jobId, runId, trigger, owner, leaseMs, begins, armLease }: ReadyClaim): Row {
  return {
    ...{ job_id: jobId, run_id: runId, trigger, owner, lease_ms: leaseMs, begins },
    ...{ arm_holder: armLease?.holder ?? null, arm_ms: armLease?.ms ?? 0 },
  }
}

function readClaimed(row: Row, { runId, trigger, owner, armLease }: ReadyClaim): ReadyClaimed {
  const written = readWritten(row, { armLease }, row['made'] === null ? [] : [row['made']])
  const look = readLook(Object.assign(row, { live: [], deliveries: [] }))
  const { runtime } = look.view
  const made = { id: runId, slot: runtime.lastSlot as Date, trigger, fence: runtime.fence }
  const run = readyRun(made)
  const claimed = { runtime, runs: [run], deliveries: [] }
  return { look: { ...look, view: viewAfter(look.view, claimed, { ...written, owner }) }, run, written }
}

const typed: Typed = Object.entries({
  ...{
    job_id: 'text',
    run_id: 'uuid',
    trigger: 'text',
    owner: 'text',
    lease_ms: 'bigint',
    begins: 'boolean',
  },
  ...{ arm_holder: 'text', arm_ms: 'bigint' },
})
const sources = sourcesOf(typed)

/** The arm that is wanted is another one after every claim: the wake time was not later than now, and is later afterwards. */
const takes = `(w.arm_holder is not null and ${armLeaseIsFree})`
const leaseMs = `coalesce((j.policy ->> 'leaseMs')::bigint, w.lease_ms)`

/** Of `wanted`, what the answer is read by; and where the run's row has the rest from. */
const kept = { one: 'w.job_id, w.now', several: 'w.*' }
const given = {
  one: (name: string) => parameterOf(typed, name),
  several: (name: string) => `job.${name}`,
}

const textOf = (how: 'one' | 'several', noted = '', value = given[how]) => `
    with clock as (select coalesce($1::text::timestamptz, statement_timestamp()) as now),
    wanted as ${how === 'one' ? 'not ' : ''}materialized (select x.*, clock.now from clock, ${sources[how]}),
    job as (
      update job_runtime r set
        rev = r.rev + 1,
        last_slot = r.next_slot,
        next_slot = r.after_slot,
        slots_used = r.slots_used + 1,
        fence = r.fence + 1,
        wake_at = least(r.after_slot + (r.ready_from - r.next_slot),
          w.now + (${leaseMs} + ${leaseMarginMs}) * interval '1 ms'),
        wake_gen = r.wake_gen + 1,
        wake_changed_at = w.now,
        arm_lease_by = case when ${takes} then w.arm_holder else r.arm_lease_by end,
        arm_lease_until = case when ${takes} then w.now + w.arm_ms * interval '1 ms' else r.arm_lease_until end
      from wanted w join jobs j on j.id = w.job_id
      where r.job_id = w.job_id and r.ready_rev = r.rev and r.ready_version = j.version
        and r.ready_from <= w.now and w.now < r.ready_until
        -- what a pause or a quota of the project says is decided after a look; a pause moves rev too (projects.ts)
        and not exists (
          select from projects p where p.name in (j.project, '*') and (p.is_special or p.resumed_at >= r.next_slot))
      returning ${rowsOfJob}, ${kept[how]}, r.rev as new_rev, to_jsonb(r.recent_arms) as recent_arms, r.arm_lease_by,
        w.now + ${leaseMs} * interval '1 ms' as lease_until
    ),
    made as (
      insert into runs (id, job_id, slot, trigger, state, fence, attempt, owner, lease_until, claimed_at, started_at)
      select ${value('run_id')}, job_id, last_slot, ${value('trigger')},
        case when ${value('begins')} then 'running' else 'claimed' end, fence, 1, ${value('owner')},
        lease_until, now, case when ${value('begins')} then now end
      from job
      on conflict on constraint runs_job_slot do nothing
      returning job_id, id
    )${noted}
    select job.*, made.id as made, ${hearersOf('job')} from job left join made on made.job_id = job.job_id`

const statement = { typed, one: textOf('one'), several: textOf('several') }
const firstStatement = {
  typed,
  one: textOf('one', `,${notedOf(typed.length + 2)}`),
  several: textOf('several', `,${notedOf(3)}`),
}
