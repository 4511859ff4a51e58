import Type from 'typebox'
import type { ErrorCode } from '../../src/ground/errors.ts'
import {
  cursor,
  instantOut,
  instantOutOrNull,
  jobId,
  limit,
  object,
  orNull,
  runId,
  textOrNull,
} from './fields.ts'
import { inputErrors } from './refusals.ts'

// Routes of existing clients; see docs/existing-clients.md.

const scope = 'jobs:read' as const
const jobErrors: ErrorCode[] = ['JOB_ID_INVALID', 'JOB_NOT_FOUND', ...inputErrors]
const profile = Type.Optional(Type.String({ maxLength: 200, description: 'accepted and ignored' }))

export const existingOperations = {
  'GET /v1/models': {
    id: 'listModels',
    scope,
    summary: 'The model that prompts are put to, in the form of an OpenAI list',
    query: object({ profile }),
    status: 200,
    answer: Type.Object({
      object: Type.Literal('list'),
      data: Type.Array(
        Type.Object({
          id: Type.String(),
          object: Type.Literal('model'),
          created: Type.Integer(),
          owned_by: Type.String(),
        }),
      ),
    }),
    errors: [...inputErrors] satisfies ErrorCode[],
  },
  'GET /v1/capabilities': {
    id: 'readCapabilities',
    scope,
    summary: 'What of an agent API is here, for clients that ask before they call',
    query: object({ profile }),
    status: 200,
    answer: Type.Object({
      object: Type.String(),
      platform: Type.String(),
      service: Type.String(),
      version: Type.String(),
      model: Type.String(),
      auth: Type.Object({ type: Type.Literal('bearer'), required: Type.Literal(true) }),
      runtime: Type.Object({}),
      features: Type.Object({}),
      endpoints: Type.Object({}),
    }),
    errors: [...inputErrors] satisfies ErrorCode[],
  },
  'GET /api/jobs/{id}/executions': {
    id: 'listExecutions',
    scope,
    isLarge: true,
    summary: 'Runs of a job, newest first, as a ledger of executions',
    params: object({ id: jobId }),
    query: object({ limit: Type.Optional(limit(50)), cursor: Type.Optional(cursor), profile }),
    status: 200,
    answer: object({
      executions: Type.Array(
        Type.Object({
          id: runId,
          job_id: jobId,
          source: Type.String(),
          status: Type.String({
            description: '`claimed`, `running`, `completed`, `failed`, `unknown`, `cancelled` or `skipped`',
          }),
          state: Type.String({ description: '`state` of the run' }),
          scheduled_instant: instantOutOrNull,
          claimed_at: instantOut,
          started_at: instantOutOrNull,
          finished_at: instantOutOrNull,
          duration_ms: orNull<number>('integer', {}),
          error: textOrNull,
        }),
      ),
      next_cursor: orNull<string>('string', {}),
    }),
    errors: [...jobErrors, 'CURSOR_INVALID'] satisfies ErrorCode[],
  },
  'GET /api/jobs/{id}/output': {
    id: 'readOutput',
    scope,
    isLarge: true,
    summary: 'The outputs of the newest runs of a job, newest first',
    params: object({ id: jobId }),
    query: object({
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 10, description: 'runs' })),
      profile,
    }),
    status: 200,
    answer: object({
      job_id: jobId,
      output: orNull<string>('string', { description: 'the newest; null: there is none' }),
      outputs: Type.Array(
        Type.Object({
          run_id: runId,
          filename: Type.String(),
          timestamp: instantOut,
          content: Type.String(),
          size: Type.Integer({ description: 'bytes of `content`' }),
          truncated: Type.Boolean({ description: '`content` is only the beginning; the run has all of it' }),
        }),
      ),
    }),
    errors: jobErrors,
  },
}
