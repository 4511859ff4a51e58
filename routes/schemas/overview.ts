import Type from 'typebox'
import type { Scope } from '../../src/access/keys/index.ts'
import { runStates } from '../../src/columns/index.ts'
import {
  expecting,
  instant,
  instantOut,
  instantOutOrNull,
  jobId,
  jobParams,
  object,
  orNull,
  runId,
  textOrNull,
} from './fields.ts'
import type { Operation } from './operation.ts'
import { inputErrors, jobErrors } from './refusals.ts'

const count = Type.Integer()
const countOrNull = orNull<number>('integer', {})
const money = Type.Number({ description: 'of prompts whose price is known, in USD' })
const day = Type.String({ format: 'date', description: 'a UTC day' })
const verdict = Type.Enum(
  ['ran', 'running', 'skipped', 'missed', 'superseded', 'cancelled', 'due', 'planned'],
  { description: '`planned`: still to come' },
)
const verdicts = { ran: count, skipped: count, missed: count, cancelled: count, superseded: count }
const runState = Type.Enum([...runStates])

const lane = object(
  {
    job_id: jobId,
    project: Type.String({ description: 'of the job' }),
    name: Type.String(),
    timezone: Type.String(),
    tags: Type.Array(Type.String()),
    state: Type.Enum(['scheduled', 'paused', 'completed', 'error']),
    wake_at: instantOut,
    owed: Type.Boolean({ description: 'the timer service has not confirmed its wake-up' }),
    expected_ms: { ...countOrNull, description: 'the median of its last 20 runs; null: none has ended' },
    slots: Type.Array(
      object({
        at: instantOut,
        verdict,
        overlaps: Type.Boolean({ description: 'the slot before is expected to be at work still' }),
        run_id: textOrNull,
        run_state: Type.Union([runState, Type.Null()]),
      }),
    ),
    more: Type.Boolean({ description: 'it has more slots in the window than are shown' }),
    live: Type.Array(
      object({
        run_id: runId,
        state: Type.Enum(['claimed', 'running', 'waiting']),
        slot: instantOutOrNull,
        started_at: instantOutOrNull,
        waiting_since: { ...instantOutOrNull, description: 'for a place' },
      }),
    ),
    clock_changes: Type.Array(object({ at: instantOut, from: Type.String(), to: Type.String() })),
  },
  { title: 'Lane' },
)

const strip = object(
  {
    job_id: jobId,
    next_run_at: instantOutOrNull,
    slots: Type.Array(
      object({
        slot: instantOut,
        verdict,
        state: Type.Union([runState, Type.Null()], { description: 'of its run' }),
        run_id: textOrNull,
        reason: textOrNull,
      }),
      { description: 'the last 30, oldest first' },
    ),
    runs: Type.Integer({ description: 'how many of the last 50 have ended, skipped ones left out' }),
    success_rate: Type.Union([Type.Number(), Type.Null()], { description: 'of them, 0 to 1' }),
    p50_ms: countOrNull,
    p95_ms: countOrNull,
  },
  { title: 'Strip' },
)

const failure = object(
  {
    code: Type.String(),
    cause: Type.String({ description: 'the message, with each number as #' }),
    count,
    first_at: instantOut,
    last_at: instantOut,
    last_run_id: runId,
    last_message: { ...textOrNull, description: 'of that run, as it is' },
    jobs: Type.Array(object({ job_id: jobId, project: Type.String(), name: Type.String(), count }), {
      description: 'those that failed most first; 20 at most',
    }),
    job_count: count,
  },
  { title: 'Failure' },
)

const used = {
  runs: count,
  attempts: count,
  busy_ms: Type.Integer({
    description: 'for how long its attempts kept a process up; side by side they count twice',
  }),
  tokens_in: count,
  tokens_out: count,
  cost_usd: money,
}
const awake = {
  awake_ms: Type.Integer({ description: 'how long processes were up, those of all machines added up' }),
  starts: Type.Integer({ description: 'of processes' }),
  fires: Type.Integer({ description: 'that came' }),
  wakes_shared: Type.Integer({
    description: 'fires that found a process up, so that no start was paid for them',
  }),
}

const jobDay = object(
  {
    day,
    ...verdicts,
    runs: object({
      succeeded: count,
      failed: count,
      timed_out: count,
      interrupted: count,
      cancelled: count,
      skipped: count,
    }),
    attempts: count,
    duration_p50_ms: { ...countOrNull, description: 'not above it; a bound of the histogram' },
    duration_p95_ms: countOrNull,
    lateness_p50_ms: countOrNull,
    lateness_p95_ms: countOrNull,
    tokens_in: count,
    tokens_out: count,
    cost_usd: money,
  },
  { title: 'JobDay' },
)

const ids = Type.Refine(
  Type.String({
    maxLength: 1299,
    ...expecting('1 to 100 ids of jobs, separated by commas'),
    description: '1 to 100 ids of jobs, separated by commas; those that do not exist are left out',
    examples: ['ab12cd34ef56,0123456789ab'],
  }),
  (text) => text.split(',').every((id) => /^[0-9a-f]{12}$/.test(id)),
)

const date = Type.String({
  pattern: String.raw`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$`,
  ...expecting('a date such as 2030-01-31'),
  examples: ['2030-01-31'],
})

/** Overviews: what would take a call for each job otherwise. Each is answered by one statement, from indexes. */
export const overviewOperations = {
  'GET /api/timeline': {
    id: 'readTimeline',
    scope: 'jobs:read',
    isLarge: true,
    summary:
      'What has run, runs and will run in a window: a lane for each job, those that wake first come first',
    query: object({
      from: Type.Optional({ ...instant, description: 'default: now' }),
      to: Type.Optional({ ...instant, description: 'default: 24 hours after `from`; 7 days at most' }),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'lanes' })),
    }),
    status: 200,
    answer: object({
      now: instantOut,
      from: instantOut,
      to: instantOut,
      lanes: Type.Array(lane),
      more: Type.Boolean({ description: 'more jobs wake in the window than have a lane here' }),
    }),
    errors: [...inputErrors],
  },
  'GET /api/jobs/strips': {
    id: 'readStrips',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'Of each job that is named its last 30 slots, how often it succeeds and how long it takes',
    query: object({ ids }),
    status: 200,
    answer: object({ strips: Type.Array(strip) }),
    errors: [...inputErrors],
  },
  'GET /api/jobs/{id}/days': {
    id: 'listDays',
    scope: 'jobs:read',
    summary: 'What the slots and runs of a job add up to, for each UTC day that has any; oldest first',
    params: jobParams,
    query: object({
      from: Type.Optional({ ...date, description: 'default: 370 days before `to`, which is the most' }),
      to: Type.Optional({ ...date, description: 'inclusive; default: today' }),
    }),
    status: 200,
    answer: object({ days: Type.Array(jobDay) }),
    errors: [...jobErrors, ...inputErrors],
  },
  'GET /api/failures': {
    id: 'listFailures',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'Failed, timed out and interrupted runs by their cause, the latest first',
    query: object({
      since: Type.Optional({ ...instant, description: 'of the claim; default: 24 hours ago' }),
      job: Type.Optional(jobId),
    }),
    status: 200,
    answer: object({
      since: instantOut,
      failures: Type.Array(failure, { description: '100 at most' }),
      runs: Type.Integer({ description: 'that were grouped: the newest 1,000 of each state at most' }),
    }),
    errors: [...inputErrors],
  },
  'GET /api/costs': {
    id: 'readCosts',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'What the service has used, by UTC day and by job, and what this month comes to',
    query: object({
      from: Type.Optional({ ...date, description: 'default: 29 days before `to`; 370 days at most' }),
      to: Type.Optional({ ...date, description: 'inclusive; default: today' }),
    }),
    status: 200,
    answer: object({
      from: day,
      to: day,
      days: Type.Array(object({ day, ...used, ...awake })),
      jobs: Type.Array(object({ job_id: jobId, name: textOrNull, ...used }), {
        description:
          'those that were busy longest first; 100 at most, of the jobs that were among the 200 busiest of a day',
      }),
      others: object(used, {
        description: 'what all jobs used that are not in `jobs`, deleted ones included',
      }),
      jobs_from: { ...day, description: 'since when `jobs` counts: always `from`' },
      totals: object({
        ...used,
        ...awake,
        always_on_ms: Type.Integer({
          description: 'how long one machine that never sleeps is up in the window, from `awake_since` on',
        }),
      }),
      forecast: object(
        {
          month: Type.String({ examples: ['2030-01'] }),
          awake_ms: count,
          always_on_ms: count,
          starts: count,
          tokens_in: count,
          tokens_out: count,
          cost_usd: money,
        },
        { description: 'this UTC month: what was used so far, and the rate of the last 7 days for the rest' },
      ),
      awake_since: {
        ...instantOutOrNull,
        description: 'since when `awake_ms`, `starts` and `fires` have been counted',
      },
    }),
    errors: [...inputErrors],
  },
} satisfies Record<string, Operation & { scope: Scope }>
