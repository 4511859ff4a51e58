import Type from 'typebox'
import type { Scope } from '../../src/access/keys/index.ts'
import { outcomeGroups } from '../../src/columns/index.ts'
import { job, run } from './answers.ts'
import {
  cursor,
  expecting,
  instant,
  instantOutOrNull,
  jobId,
  jobParams,
  limit,
  noBody,
  object,
  orNull,
  textOrNull,
  profile,
  runId,
} from './fields.ts'
import type { Operation } from './operation.ts'
import { bodyErrors, inputErrors, jobErrors } from './refusals.ts'

const runErrors = ['RUN_ID_INVALID', 'RUN_NOT_FOUND'] as const
const runParams = object({ id: runId })
const runState = run.properties.state
const outcomes = [...runState.enum, ...Object.keys(outcomeGroups)]
const statusWords = `one or several of ${outcomes.join(', ')}, separated by commas`
const runQuery = {
  limit: Type.Optional(limit(100)),
  cursor: Type.Optional(cursor),
  status: Type.Optional(
    Type.Refine(
      Type.String({
        maxLength: 200,
        description: statusWords,
        ...expecting(statusWords),
      }),
      (text) => text.split(',').every((one) => outcomes.includes(one)),
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

export const runOperations = {
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
    description:
      'In a list an output is only the beginning (`output_cut`). `next_cursor` is null on the last page.',
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
  'GET /api/runs/{id}/request': {
    id: 'readRunRequest',
    scope: 'jobs:read',
    summary: 'What the newest attempt of a run was asked to do: the action of its job, filled in',
    params: runParams,
    status: 200,
    answer: object({
      action: Type.Record(Type.String(), Type.Unknown(), {
        description: 'filled in; names of secrets, and of what only the attempt knew, stand as written',
      }),
      prompt: textOrNull,
      job_changed_at: {
        ...instantOutOrNull,
        description: 'when the job was changed after the attempt began: it may have asked for something else',
      },
    }),
    errors: [...runErrors, ...inputErrors, 'JOB_NOT_FOUND'],
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
    answerHeaders: ['Location', 'ETag'],
    answer: object({ run, job }),
    errors: [...runErrors, ...bodyErrors, 'RUN_STATE_CONFLICT', 'JOB_STATE_CONFLICT', 'NOT_ARMED'],
  },
} satisfies Record<string, Operation & { scope: Scope }>
