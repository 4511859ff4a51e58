import Type from 'typebox'
import type { Scope } from '../../src/access/keys/index.ts'
import { arm, ignored, job, problem, run, schedule, slot, upcoming, warnings } from './answers.ts'
import { auditOperations } from './audit.ts'
import {
  cursor,
  expecting,
  instant,
  instantOut,
  jobId,
  limit,
  object,
  orNull,
  pageQuery,
  runId,
} from './fields.ts'
import { channelOperations } from './channels.ts'
import { deliveryOperations } from './deliveries.ts'
import { existingOperations } from './existing.ts'
import { keyOperations } from './keys.ts'
import { logOperations } from './logs.ts'
import type { Operation } from './operation.ts'
import { secretOperations } from './secrets.ts'
import { jobInput, jobPatch, pauseInput, previewInput, runInput } from './inputs.ts'
import { bodyErrors, inputErrors } from './refusals.ts'

const scheduleErrors = ['SCHEDULE_INVALID', 'SCHEDULE_IN_PAST', 'TIMEZONE_UNKNOWN'] as const
const jobErrors = ['JOB_ID_INVALID', 'JOB_NOT_FOUND'] as const
const runErrors = ['RUN_ID_INVALID', 'RUN_NOT_FOUND'] as const

/** Clients of an agent with several profiles name one with every call. */
const profile = Type.Optional(Type.String({ maxLength: 200, description: 'accepted and ignored' }))
const noBody = object({})
const jobParams = object({ id: jobId })
const runParams = object({ id: runId })
const clientQuery = object({ profile })
const oneJob = object({ job, ignored: Type.Optional(ignored) }, { title: 'OneJob' })
const savedJob = object(
  { job, warnings: Type.Optional(warnings), ignored: Type.Optional(ignored) },
  { title: 'SavedJob' },
)
const ifMatch = {
  'If-Match': Type.Optional(Type.String({ description: 'the `ETag` that was read, or `*`' })),
}
const runState = run.properties.state
const runQuery = {
  limit: Type.Optional(limit(100)),
  cursor: Type.Optional(cursor),
  status: Type.Optional(
    Type.Refine(
      Type.String({
        maxLength: 200,
        description: `one or several of ${runState.enum.join(', ')}, separated by commas`,
        ...expecting(`one or several of ${runState.enum.join(', ')}, separated by commas`),
      }),
      (text) => text.split(',').every((one) => (runState.enum as string[]).includes(one)),
    ),
  ),
  tag: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'of the job' })),
  since: Type.Optional(instant),
  until: Type.Optional(instant),
  profile,
}
const runList = object(
  { runs: Type.Array(run), next_cursor: orNull<string>('string', {}) },
  { title: 'Runs' },
)

/**
 * What each route takes and answers: the one place for validation and for the OpenAPI document. The keys are the
 * routes that the API registers; that both sets are the same is checked by the compiler and by a test.
 */
export const operations = {
  ...deliveryOperations,
  ...logOperations,
  ...existingOperations,
  'GET /api/jobs': {
    id: 'listJobs',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'Jobs, newest first',
    query: object({
      include_disabled: Type.Optional(
        Type.Boolean({ default: false, description: 'paused and finished jobs as well; also 1, yes, on' }),
      ),
      limit: Type.Optional(limit(1000)),
      cursor: Type.Optional(cursor),
      state: Type.Optional(
        Type.Enum([...job.properties.state.enum, 'all'], { description: '`all`: whatever their state is' }),
      ),
      profile,
      tag: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
      q: Type.Optional(
        Type.String({ minLength: 1, maxLength: 200, description: 'a part of name or prompt' }),
      ),
    }),
    status: 200,
    answer: object(
      {
        jobs: Type.Array(job),
        next_cursor: orNull<string>('string', {}),
        hidden: Type.Integer({
          description: 'paused and finished jobs that match and were left out; see `state`',
        }),
        ignored: Type.Optional(ignored),
      },
      { title: 'Jobs' },
    ),
    errors: [...inputErrors, 'CURSOR_INVALID'],
  },
  'POST /api/jobs': {
    id: 'createJob',
    scope: 'jobs:write',
    summary: 'Make a job, and arm its wake-up',
    headers: {
      'Idempotency-Key': Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 255,
          description: 'the same key and body give the same job, however often they are sent',
        }),
      ),
    },
    query: clientQuery,
    body: jobInput,
    status: 201,
    answer: savedJob,
    errors: [...bodyErrors, ...scheduleErrors, 'IDEMPOTENCY_KEY_REUSED', 'NOT_ARMED'],
  },
  'GET /api/jobs/{id}': {
    id: 'readJob',
    scope: 'jobs:read',
    summary: 'One job',
    params: jobParams,
    query: clientQuery,
    status: 200,
    answer: oneJob,
    errors: [...jobErrors, ...inputErrors],
  },
  'PATCH /api/jobs/{id}': {
    id: 'changeJob',
    scope: 'jobs:write',
    summary: 'Change the fields that are given',
    params: jobParams,
    headers: ifMatch,
    query: clientQuery,
    body: jobPatch,
    status: 200,
    answer: savedJob,
    errors: [
      ...jobErrors,
      ...bodyErrors,
      ...scheduleErrors,
      'AFTER_CYCLE',
      'JOB_STATE_CONFLICT',
      'VERSION_CONFLICT',
      'NOT_ARMED',
    ],
  },
  'DELETE /api/jobs/{id}': {
    id: 'removeJob',
    scope: 'jobs:write',
    summary: 'Remove a job with its history; cancels its arm and its live runs',
    params: jobParams,
    query: clientQuery,
    headers: ifMatch,
    status: 200,
    answer: object({ ok: Type.Literal(true), id: jobId }),
    errors: [...jobErrors, ...bodyErrors, 'JOB_STATE_CONFLICT', 'VERSION_CONFLICT'],
  },
  'POST /api/jobs/{id}/pause': {
    id: 'pauseJob',
    scope: 'jobs:write',
    summary: 'Pause a job, until resumed or until an instant',
    params: jobParams,
    query: clientQuery,
    body: pauseInput,
    status: 200,
    answer: oneJob,
    errors: [...jobErrors, ...bodyErrors, 'JOB_STATE_CONFLICT', 'NOT_ARMED'],
  },
  'POST /api/jobs/{id}/resume': {
    id: 'resumeJob',
    scope: 'jobs:write',
    summary: 'Let a paused job go on',
    params: jobParams,
    query: clientQuery,
    body: noBody,
    status: 200,
    answer: oneJob,
    errors: [...jobErrors, ...bodyErrors, 'JOB_STATE_CONFLICT', 'NOT_ARMED'],
  },
  'POST /api/jobs/{id}/run': {
    id: 'runJob',
    scope: 'runs:start',
    summary: 'Run a job now, beside its schedule',
    params: jobParams,
    query: clientQuery,
    body: runInput,
    status: 202,
    answer: object({ run, job }),
    errors: [...jobErrors, ...bodyErrors, 'JOB_STATE_CONFLICT', 'NOT_ARMED'],
  },
  'GET /api/jobs/{id}/next': {
    id: 'nextSlots',
    scope: 'jobs:read',
    summary: "The next slots, with the zone's clock changes",
    params: jobParams,
    query: object({
      count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 5 })),
      from: Type.Optional(instant),
    }),
    status: 200,
    answer: object({ job_id: jobId, timezone: Type.String(), next: Type.Array(instantOut), upcoming }),
    errors: [...jobErrors, ...inputErrors],
  },
  'GET /api/jobs/{id}/arm': {
    id: 'readArm',
    scope: 'jobs:read',
    summary: 'The wake-up that is wanted, and what the timer service was told',
    params: jobParams,
    status: 200,
    answer: arm,
    errors: [...jobErrors, ...inputErrors],
  },
  'GET /api/jobs/{id}/slots': {
    id: 'listSlots',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'Every nominal slot and its verdict, oldest first; without `from` those of one day',
    params: jobParams,
    query: object({ from: Type.Optional(instant), to: Type.Optional(instant), ...pageQuery }),
    status: 200,
    answer: object({ slots: Type.Array(slot), next_cursor: orNull<string>('string', {}) }),
    errors: [...jobErrors, ...inputErrors, 'CURSOR_INVALID'],
  },
  'GET /api/jobs/{id}/runs': {
    id: 'listRunsOfJob',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'Runs of a job, newest first; `since` and `until`: when they were claimed',
    params: jobParams,
    query: object(runQuery),
    status: 200,
    answer: runList,
    errors: [...jobErrors, ...inputErrors, 'CURSOR_INVALID'],
  },
  'GET /api/runs': {
    id: 'listRuns',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'Runs of all jobs, newest first; `since` and `until`: when they were claimed',
    query: object({ ...runQuery, job: Type.Optional(jobId) }),
    status: 200,
    answer: runList,
    errors: [...inputErrors, 'CURSOR_INVALID'],
  },
  'GET /api/runs/{id}': {
    id: 'readRun',
    scope: 'jobs:read',
    summary: 'One run, with its attempts and its whole output',
    params: runParams,
    status: 200,
    answer: object({ run }),
    errors: [...runErrors, ...inputErrors],
  },
  'POST /api/runs/{id}/cancel': {
    id: 'cancelRun',
    scope: 'jobs:write',
    summary: 'Cancel a live run',
    params: runParams,
    body: noBody,
    status: 202,
    answer: object({ run }),
    errors: [...runErrors, ...bodyErrors, 'RUN_STATE_CONFLICT'],
  },
  'POST /api/runs/{id}/retry': {
    id: 'retryRun',
    scope: 'runs:start',
    summary: 'Repeat a finished run, in addition to the schedule: a new run with the same input',
    params: runParams,
    body: noBody,
    status: 202,
    answer: object({ run, job }),
    errors: [...runErrors, ...bodyErrors, 'RUN_STATE_CONFLICT', 'JOB_STATE_CONFLICT', 'NOT_ARMED'],
  },
  'POST /api/schedules/preview': {
    id: 'previewSchedule',
    scope: 'jobs:read',
    summary: 'Read and explain a schedule without saving it',
    body: previewInput,
    status: 200,
    answer: object({
      schedule,
      timezone: Type.String(),
      description: Type.String(),
      next: Type.Array(instantOut),
      upcoming,
    }),
    errors: [...bodyErrors, ...scheduleErrors],
  },
  'POST /api/cron/reconcile': {
    id: 'reconcile',
    scope: 'admin',
    summary: 'Make what the timer service holds agree with the database, now',
    body: noBody,
    status: 200,
    answer: object({
      attended: Type.Integer({ description: 'overdue jobs that were attended to' }),
      armed: Type.Integer(),
      cancelled: Type.Integer(),
      owed: Type.Integer({ description: 'arms that are still owed' }),
      foreign: Type.Integer({ description: 'arms of no job of ours; left alone' }),
      complete: Type.Boolean({ description: 'false: the timer service did not say what it holds' }),
    }),
    errors: [...bodyErrors],
  },
  'GET /api/status': {
    id: 'status',
    scope: 'jobs:read',
    summary: 'What the service owes and holds; without a key its health, and nothing of Postgres',
    isOpen: true,
    status: 200,
    answer: Type.Object({
      status: Type.Enum(['ok', 'degraded'], {
        description: '`degraded`: the timer service did not call for a job. Without a key always `ok`',
      }),
      version: Type.String(),
      provider: Type.String({ description: 'the scheduler that triggers: `chronos` or `builtin`' }),
      nous_session_valid: Type.Enum(['valid', 'terminal', 'unknown'], {
        description:
          'the login at the timer service: good, dead until it is replaced, or neither is known (also without one)',
      }),
    }),
    errors: [...inputErrors],
  },
  'GET /metrics': {
    id: 'metrics',
    scope: 'jobs:read',
    summary: 'Prometheus metrics',
    status: 200,
    answer: 'text/plain; version=0.0.4',
    errors: [...inputErrors],
  },
  ...keyOperations,
  ...channelOperations,
  ...secretOperations,
  ...auditOperations,
} satisfies Record<string, Operation & { scope: Scope }>

export type Operations = typeof operations

const health = object({
  status: Type.Literal('ok'),
  platform: Type.String(),
  service: Type.String(),
  version: Type.String(),
})

/** Routes outside of the API's scope, which check their input themselves or have none. */
export const otherOperations = {
  'POST /api/cron/fire': {
    id: 'fire',
    summary: 'The timer service calls: whatever is due of the job is claimed and run',
    body: Type.Object({ job_id: Type.String(), fire_at: Type.Optional(Type.Unknown()) }),
    status: 202,
    answer: object({ status: Type.Literal('accepted'), job_id: jobId, run_id: runId }),
    errors: [
      'TOKEN_REJECTED',
      'JWKS_UNAVAILABLE',
      'DRAINING',
      'NOT_READY',
      'QUEUE_FULL',
      'BODY_NOT_JSON',
      'FIELD_INVALID',
      'REQUEST_MALFORMED',
      'BODY_TOO_LARGE',
      'ARM_UNCONFIRMED',
    ],
  },
  'POST /api/callbacks/{token}': {
    id: 'callback',
    summary: 'A target that took the work reports how it ended, at the address in its request',
    params: object({ token: Type.String() }),
    body: Type.Object({
      state: Type.Enum(['succeeded', 'failed']),
      output: Type.Optional(Type.Unknown()),
      error: Type.Optional(Type.Unknown({ description: 'a text, or an object with a `message`' })),
    }),
    status: 200,
    answer: object({ ok: Type.Literal(true) }),
    errors: [
      'TOKEN_REJECTED',
      'DRAINING',
      'BODY_NOT_JSON',
      'BODY_TOO_LARGE',
      'MEDIA_TYPE_UNSUPPORTED',
      'FIELD_INVALID',
      'CALLBACK_GONE',
      'REQUEST_MALFORMED',
    ],
  },
  'GET /healthz': {
    id: 'alive',
    summary: 'Alive; touches no database',
    status: 200,
    answer: object({ status: Type.Literal('ok') }),
    errors: [],
  },
  'GET /health': {
    id: 'health',
    summary: 'Alive, as existing clients ask; touches no database',
    status: 200,
    answer: health,
    errors: [],
  },
  'GET /v1/health': {
    id: 'healthV1',
    summary: 'Alive, as existing clients ask; touches no database',
    status: 200,
    answer: health,
    errors: [],
  },
  'GET /readyz': {
    id: 'ready',
    summary: 'Ready to take fires',
    status: 200,
    answer: Type.Object({ ready: Type.Boolean() }),
    errors: ['NOT_READY'],
  },
  'GET /openapi.json': {
    id: 'openapi',
    summary: 'This document',
    status: 200,
    answer: Type.Object({}),
    errors: [],
  },
} satisfies Record<string, Operation>

export { problem }
