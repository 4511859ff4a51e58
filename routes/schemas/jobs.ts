import Type from 'typebox'
import type { Scope } from '../../src/access/keys/index.ts'
import { arm, ignored, job, run, slot, slotDay, upcoming, warnings } from './answers.ts'
import {
  clientQuery,
  cursor,
  instant,
  instantOut,
  jobId,
  jobParams,
  limit,
  noBody,
  object,
  orNull,
  pageQuery,
  profile,
} from './fields.ts'
import { jobInput, jobPatch, pauseInput, runInput } from './inputs.ts'
import type { Operation } from './operation.ts'
import { bodyErrors, inputErrors, jobErrors, scheduleErrors } from './refusals.ts'

const oneJob = object({ job, ignored: Type.Optional(ignored) }, { title: 'OneJob' })
const savedJob = object(
  { job, warnings: Type.Optional(warnings), ignored: Type.Optional(ignored) },
  { title: 'SavedJob' },
)
const draft = object(
  {
    valid: Type.Literal(true),
    job: Type.Object({}, { additionalProperties: true, description: 'as a file of jobs has it' }),
    timezone: Type.String(),
    description: Type.String(),
    upcoming,
    warnings: Type.Optional(warnings),
    ignored: Type.Optional(ignored),
  },
  { title: 'Draft', description: 'with `validate_only`: what would be made' },
)
const ifMatch = {
  'If-Match': Type.Optional(Type.String({ description: 'the `ETag` that was read, or `*`' })),
}
export const jobOperations = {
  'GET /api/jobs': {
    id: 'listJobs',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'Jobs, newest first or in another order',
    description:
      'Paused and finished jobs are left out unless `state` or `include_disabled` asks for them; `hidden` is how many were. `next_cursor` is null on the last page.',
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
      order: Type.Optional(
        Type.Enum(['name', '-name', 'next', '-next', 'state', '-state'], {
          description:
            'instead of the newest first: by `name`, by the `next` run (those without one come last), by `state` (what needs a look first); with `-` the other way round',
        }),
      ),
      failing: Type.Optional(Type.Boolean({ description: 'true: only those whose last run failed' })),
      unarmed: Type.Optional(
        Type.Boolean({ description: 'true: only those whose wake-up the timer service has not confirmed' }),
      ),
      tells_nobody: Type.Optional(
        Type.Boolean({ description: 'true: only those of whose failures no one is told' }),
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
    description:
      'Send an `Idempotency-Key` and repeat the call as often as you like: one job is made. 424 `NOT_ARMED`: the job is saved, and the timer service could not be told yet; do not send it again.',
    headers: {
      'Idempotency-Key': Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 255,
          description: 'the same key and body give the same job, however often they are sent',
        }),
      ),
    },
    query: object({
      profile,
      validate_only: Type.Optional(
        Type.Boolean({ default: false, description: 'nothing is made: 200 with what would be' }),
      ),
    }),
    body: jobInput,
    status: 201,
    answerHeaders: ['Location', 'ETag', 'Idempotency-Replayed'],
    answer: savedJob,
    otherAnswers: { 200: draft },
    errors: [...bodyErrors, ...scheduleErrors, 'KEY_TAKEN', 'IDEMPOTENCY_KEY_REUSED', 'NOT_ARMED'],
  },
  'POST /api/tries': {
    id: 'tryJob',
    scope: 'jobs:write',
    summary: 'Make one attempt of a job that is not stored, and follow it as server-sent events',
    description:
      'The body is that of a new job, with the same checks; its schedule and its retries play no part, and no receiver is told. Events `log` come while it is at work, and `end` with its outcome. Nothing of it is stored, so nothing is left; the attempt ends when the caller disconnects or the process shuts down.',
    body: jobInput,
    status: 200,
    answer: 'text/event-stream; charset=utf-8',
    errors: [...bodyErrors, ...scheduleErrors, 'PROJECT_PAUSED', 'TRIES_FULL'],
  },
  'GET /api/jobs/{id}': {
    id: 'readJob',
    scope: 'jobs:read',
    summary: 'One job',
    params: jobParams,
    query: clientQuery,
    status: 200,
    answerHeaders: ['ETag'],
    answer: oneJob,
    errors: [...jobErrors, ...inputErrors],
  },
  'PATCH /api/jobs/{id}': {
    id: 'changeJob',
    scope: 'jobs:write',
    summary: 'Change the fields that are given',
    description:
      'Fields that are left out stay as they are; null sets one back to its default. With `If-Match` only if no one has changed the job meanwhile.',
    params: jobParams,
    headers: ifMatch,
    query: clientQuery,
    body: jobPatch,
    status: 200,
    answerHeaders: ['ETag'],
    answer: savedJob,
    errors: [
      ...jobErrors,
      ...bodyErrors,
      ...scheduleErrors,
      'AFTER_CYCLE',
      'KEY_TAKEN',
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
    answerHeaders: ['ETag'],
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
    answerHeaders: ['ETag'],
    answer: oneJob,
    errors: [...jobErrors, ...bodyErrors, 'JOB_STATE_CONFLICT', 'NOT_ARMED'],
  },
  'POST /api/jobs/{id}/run': {
    id: 'runJob',
    scope: 'runs:start',
    summary: 'Run a job now, beside its schedule',
    description:
      'The run is made and begun; its outcome comes later. Read the run, or follow its log, to see how it ends.',
    params: jobParams,
    query: clientQuery,
    body: runInput,
    status: 202,
    answerHeaders: ['Location', 'ETag'],
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
  'GET /api/jobs/{id}/why': {
    id: 'explainJob',
    scope: 'jobs:read',
    summary: 'What has become of its last slots and of its wake-up, in sentences',
    params: jobParams,
    status: 200,
    answer: object({ job_id: jobId, story: Type.Array(Type.String()) }),
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
    summary:
      'Every nominal slot and its verdict, oldest first; without `from` those of one day. `days`: UTC days from which single slots have been removed, and what all their slots add up to',
    params: jobParams,
    query: object({ from: Type.Optional(instant), to: Type.Optional(instant), ...pageQuery }),
    status: 200,
    answer: object({
      slots: Type.Array(slot),
      days: Type.Array(slotDay),
      next_cursor: orNull<string>('string', {}),
    }),
    errors: [...jobErrors, ...inputErrors, 'CURSOR_INVALID'],
  },
} satisfies Record<string, Operation & { scope: Scope }>
