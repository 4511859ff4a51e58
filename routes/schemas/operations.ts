import Type from 'typebox'
import type { Scope } from '../../src/access/keys/index.ts'
import { problem, schedule, upcoming } from './answers.ts'
import { auditOperations } from './audit.ts'
import { channelOperations } from './channels.ts'
import { declaredOperations } from './declared.ts'
import { deliveryOperations } from './deliveries.ts'
import { existingOperations } from './existing.ts'
import { instantOut, instantOutOrNull, noBody, object } from './fields.ts'
import { previewInput } from './inputs.ts'
import { jobOperations } from './jobs.ts'
import { keyOperations } from './keys.ts'
import { logOperations } from './logs.ts'
import type { Operation } from './operation.ts'
import { bodyErrors, inputErrors, scheduleErrors } from './refusals.ts'
import { overviewOperations } from './overview.ts'
import { project, projectOperations } from './projects.ts'
import { runOperations } from './runs.ts'
import { secretOperations } from './secrets.ts'

/**
 * What each route takes and answers: the one place for validation and for the OpenAPI document. The keys are the
 * routes that the API registers; that both sets are the same is checked by the compiler and by a test.
 */
export const operations = {
  ...deliveryOperations,
  ...logOperations,
  ...existingOperations,
  ...jobOperations,
  ...declaredOperations,
  ...runOperations,
  ...overviewOperations,
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
      awake: Type.Optional(
        object({
          because: Type.Array(Type.String(), { description: 'why this process is up, as sentences' }),
          goes_down_at: {
            ...instantOutOrNull,
            description:
              'if no client calls until then; null: something holds it, or it stays up. With a key only',
          },
        }),
      ),
      projects: Type.Optional(
        Type.Array(project, { description: 'those that the key sees, and `*` for all. With a key only' }),
      ),
      nous_session_valid: Type.Enum(['valid', 'terminal', 'unknown'], {
        description:
          'the login at the timer service: good, dead until it is replaced, or neither is known (also without one)',
      }),
    }),
    errors: [...inputErrors],
  },
  'POST /mcp': {
    id: 'mcp',
    scope: 'jobs:read',
    summary: 'A message of an agent: the MCP server, over streamable HTTP and without sessions',
    body: Type.Object({}, { additionalProperties: true }),
    status: 200,
    answer: Type.Object({}, { additionalProperties: true }),
    errors: [...bodyErrors],
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
  ...projectOperations,
  ...channelOperations,
  ...secretOperations,
  ...auditOperations,
} satisfies Record<string, Operation & { scope: Scope }>

export type Operations = typeof operations

export { otherOperations } from './open.ts'
export { problem }
