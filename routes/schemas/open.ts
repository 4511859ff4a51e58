import Type from 'typebox'
import { jobId, object, runId } from './fields.ts'
import type { Operation } from './operation.ts'
import { sessionOperations } from './session.ts'

const health = object({
  status: Type.Literal('ok'),
  platform: Type.String(),
  service: Type.String(),
  version: Type.String(),
})

/** Routes outside of the API's scope, which check their input themselves or have none. */
export const otherOperations = {
  ...sessionOperations,
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
  'GET /llms.txt': {
    id: 'llms',
    summary: 'What an agent needs to know of this service',
    status: 200,
    answerHeaders: ['ETag'],
    answer: 'text/plain; charset=utf-8',
    errors: [],
  },
  'GET /chronos.schema.json': {
    id: 'fileSchema',
    summary: 'The JSON Schema of a file of jobs, for editors',
    status: 200,
    answerHeaders: ['ETag'],
    answer: 'application/schema+json',
    errors: [],
  },
  'GET /openapi.json': {
    id: 'openapi',
    summary: 'This document',
    status: 200,
    answerHeaders: ['ETag'],
    answer: Type.Object({}),
    errors: [],
  },
} satisfies Record<string, Operation>
