import { having, readyColumns, runtimeColumns, snakeCase } from '../src/columns/index.ts'
import {
  type Decision,
  deliveryLeaseMs,
  type JobRule,
  leaseMarginMs,
  readyAfter,
  type View,
} from '../src/decisions/index.ts'
import { date, maybeDate, type Row, valuesOf } from './columns.ts'
import { runValuesOf, runValueTypes } from './run-writes.ts'
import { parameterOf, parametersOf, sourcesOf, type Typed } from './wanted.ts'

/** How to write a decision: the owner and the length of the lease. */
export type Writing = {
  owner: string
  leaseMs: number
  /** The runs it takes begin at once: written `running`. Otherwise they are `claimed` until `begin`. */
  begins: boolean
  /** The arm that woke us is used up (or may be): NAS has to be asked again even where the wake time stays. */
  armSpent: boolean
  /** Takes the arm lease in the same statement, if it is free or its to inherit, and an arm is owed; null: does not. */
  armLease: ArmLease | null
  output: string | null
  /** To be stored with the outcome; null: no log is, or it is stored already. */
  attemptLog?: AttemptLogText | null
  now: Date | null
}

/** The whole log of an attempt, a short one. */
export type AttemptLogText = { runId: string; attempt: number; text: Uint8Array }

/**
 * `holder` is a text of its own each time that the lease is taken, so that of two orders of one process only the newer
 * one counts. It begins with `heirOf`: a holder of the lease under another text that begins so gives way to it.
 */
export type ArmLease = { holder: string; heirOf: string; ms: number }

/**
 * The right to make the next call of the timer for a job, until the arm lease ends. `gen` is the generation that it
 * confirms, `armed` the wake-up that was confirmed last; null: none.
 */
export type ArmOrder = {
  jobId: string
  holder: string
  gen: number
  wakeAt: Date | null
  recentArms: Date[]
  armed: { at: Date; scheduleId: string | null } | null
  now: Date
}

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

/** One decision of one job, as it is to be written. `rule`: in force from then on, if it is another one. */
export type Move = { view: View; decision: Decision; writing: Omit<Writing, 'now'>; rule?: JobRule }

const decidedColumns = having({ ...runtimeColumns, ...readyColumns }, 'set', 'always')
const decidedNames = Object.keys(decidedColumns).map(snakeCase)
const decidedValues = valuesOf(decidedColumns)
const runPrefix = 'run_'
const firstRunValues = runValuesOf(runPrefix)

/** What travels of a move, with its type: the job's row, how it is written, and the first run that is. */
const typed: Typed = [
  ...Object.entries({ job_id: 'text', rev: 'bigint' }),
  ...Object.entries(decidedColumns).map(([key, { sql }]): [string, string] => [snakeCase(key), sql]),
  ...Object.entries({ wake_term: 'timestamptz', lease_ms: 'bigint', starts: 'boolean', sends: 'boolean' }),
  ...Object.entries({ arm_spent: 'boolean', arm_holder: 'text', arm_heir_of: 'text', arm_ms: 'bigint' }),
  ...Object.entries({ owner: 'text', output: 'text' }),
  ...Object.entries({ log_run_id: 'uuid', log_attempt: 'int', log_text: 'text' }),
  ...Object.entries(runValueTypes).map(([name, type]): [string, string] => [runPrefix + name, type]),
]

const sources = sourcesOf(typed)

/** What travels of the first run of a single move, and of its log, by their names in `wanted`. */
export const givenRun = (name: string) => parameterOf(typed, runPrefix + name)
const givenLog = (name: string) => parameterOf(typed, `log_${name}`)

/** The number of the first parameter behind those of `paramsOf` with one move. */
export const nextParameter = typed.length + 2

/** No process holds the arm lease. */
export const armLeaseIsFree = '(r.arm_lease_until is null or r.arm_lease_until <= w.now)'

/** NAS has to be asked again. */
const moved = '(w.wake_at is distinct from r.wake_at or w.arm_spent)'

/** The writer wants to ask it, something is owed, and no other process is asking. */
const takes = `(w.arm_holder is not null and (${moved} or r.armed_gen < r.wake_gen)
  and (${armLeaseIsFree} or starts_with(r.arm_lease_by, w.arm_heir_of)))`

/**
 * The head of every transition, as the CTEs `clock`, `wanted` and `job`: the compare-and-set on (job, rev) in the one row
 * that every transition of the job updates. A job whose row has moved on is missing from `job`, and whatever else the
 * statement writes is selected from it. All that is compared is a column of the row itself, so a writer that had to wait
 * for the row's lock compares with its current value (READ COMMITTED), not with its snapshot.
 *
 * The clock is that of the statement's begin: an engine that spreads the tables takes no other in an update (docs/scale.md).
 *
 * Its text never changes and its parameters are texts, so it is read and planned once for each connection. The end of a
 * lease that is taken now is a wake term as well; `least` passes over nulls.
 *
 * `kept`: what `job` keeps of `wanted` for the rest of the statement.
 */
export const headOf = (how: 'one' | 'several', kept = 'w.*') => `
    with clock as (select coalesce($1::text::timestamptz, statement_timestamp()) as now),
    wanted as ${how === 'one' ? 'not ' : ''}materialized (
      select x.*, clock.now, clock.now + x.lease_ms * interval '1 ms' as lease_until,
        clock.now + x.arm_ms * interval '1 ms' as arm_until,
        least(x.wake_term,
          case when x.starts then clock.now + (x.lease_ms + ${leaseMarginMs}) * interval '1 ms' end,
          case when x.sends then clock.now + ${deliveryLeaseMs + leaseMarginMs} * interval '1 ms' end) as wake_at
      from clock, ${sources[how]}
    ),
    ${movedOf(decidedNames, kept)}`

/**
 * The CTE `job` of a statement that moves jobs: the compare-and-set, `names` set from `wanted`, the wake time, and the arm lease
 * if an arm is owed. `kept`: what it keeps of `wanted` for the rest of the statement.
 */
export const movedOf = (names: string[], kept: string) => `job as (
      update job_runtime r set
        rev = r.rev + 1,
        ready_rev = r.rev + 1,
        ${names.map((name) => `${name} = w.${name}`).join(', ')},
        wake_at = w.wake_at,
        wake_gen = r.wake_gen + ${moved}::int,
        wake_changed_at = case when ${moved} then w.now else r.wake_changed_at end,
        arm_lease_by = case when ${takes} then w.arm_holder else r.arm_lease_by end,
        arm_lease_until = case when ${takes} then w.arm_until else r.arm_lease_until end
      from wanted w
      where r.job_id = w.job_id and r.rev = w.rev
      returning r.wake_gen, r.armed_gen, r.armed_at, r.armed_schedule, r.recent_arms, r.arm_lease_by, r.rev as new_rev, ${kept}
    )`

/** Of `wanted`, what is not taken from the parameters of a single move. */
export const keptOfOne = 'w.job_id, w.now, w.wake_at, w.lease_until, w.owner, w.output'

/** The log that comes with an outcome. Over one that is stored already: an earlier write whose answer was lost. */
export const logOf = (value: (name: string) => string) => `
    logged as (
      insert into attempt_logs (run_id, attempt, job_id, head, total, created_at, updated_at)
      select ${value('run_id')}, ${value('attempt')}, job_id, log.head, length(log.head), now, now
      from job, decode(${value('text')}, 'base64') as log(head)
      where log.head is not null
      on conflict on constraint attempt_logs_pkey do update set
        head = excluded.head, tail = excluded.tail, total = excluded.total, updated_at = excluded.updated_at
    )`
export const logged = logOf((name) => `log_${name}`)
export const loggedOfOne = logOf(givenLog)

/** The columns that a statement selects of `job`, for `readWritten`. */
export const movedColumns = `job.job_id, job.new_rev, job.wake_at, job.wake_gen, job.armed_gen, job.armed_at, job.armed_schedule,
    to_jsonb(job.recent_arms) as recent_arms, job.arm_lease_by, job.now`
export const writtenColumns = `${movedColumns}, job.lease_until`

/** The parameters of `headOf`. */
export function paramsOf(moves: [Move], now: Date | null): (string | null)[]
export function paramsOf(moves: Move[], now: Date | null): (string | null)[] {
  return parametersOf(typed, moves.map(moveJson), now)
}

function moveJson({ view, decision, writing, rule = view.job }: Move): Row {
  const { runtime, runs, starts, sends, wakeTerm } = decision
  const { attemptLog } = writing
  const values: Row = {
    job_id: view.job.id,
    rev: view.runtime.rev,
    wake_term: wakeTerm,
    lease_ms: writing.leaseMs,
    starts: starts.length > 0,
    sends: sends.length > 0,
    arm_spent: writing.armSpent,
    arm_holder: writing.armLease?.holder ?? null,
    arm_heir_of: writing.armLease?.heirOf ?? null,
    arm_ms: writing.armLease?.ms ?? 0,
    owner: writing.owner,
    output: writing.output,
    log_run_id: attemptLog?.runId ?? null,
    log_attempt: attemptLog?.attempt ?? null,
    log_text: attemptLog ? Buffer.from(attemptLog.text).toString('base64') : null,
  }
  decidedValues({ ...runtime, ...readyAfter({ ...view, job: rule }, decision) }, values)
  return runs[0] ? firstRunValues(runs[0], writing, values) : values
}

/** A row of `writtenColumns`, and the runs that the statement made (their ids). */
export function readWritten(row: Row, writing: Pick<Writing, 'armLease'>, made: Iterable<unknown>): Written {
  const now = date(row['now'])
  const wakeAt = maybeDate(row['wake_at'])
  const gen = Number(row['wake_gen'])
  const holder = writing.armLease?.holder
  const isOurs = holder !== undefined && row['arm_lease_by'] === holder
  const jobId = row['job_id'] as string
  return {
    rev: Number(row['new_rev']),
    wakeAt,
    isArmOwed: Number(row['armed_gen']) < gen,
    order: isOurs
      ? { jobId, holder, gen, wakeAt, recentArms: instantsOf(row['recent_arms']), armed: armedOf(row), now }
      : null,
    inserted: new Set(made as Iterable<string>),
    leaseUntil: date(row['lease_until']),
    now,
  }
}

/** The wake-up that the timer was last confirmed to hold, in a row of `job_runtime`. */
export function armedOf(row: Row): ArmOrder['armed'] {
  const at = maybeDate(row['armed_at'])
  return at && { at, scheduleId: row['armed_schedule'] as string | null }
}

const instantsOf = (texts: unknown) => (texts as string[]).map((text) => new Date(text))
