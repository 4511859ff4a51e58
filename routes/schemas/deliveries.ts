import Type from 'typebox'
import type { Operation } from './operation.ts'
import { cursor, instantOut, instantOutOrNull, jobId, limit, object, runId, textOrNull } from './fields.ts'
import { bodyErrors, inputErrors } from './refusals.ts'

const delivery = Type.Object(
  {
    id: runId,
    run_id: runId,
    job_id: jobId,
    job_name: Type.Optional(Type.String({ description: 'in the list of all' })),
    project: Type.Optional(Type.String({ description: 'of its job; in the list of all' })),
    to: Type.Object(
      {
        channel: Type.Optional(Type.String()),
        type: Type.Optional(Type.String()),
        job: Type.Optional(jobId),
      },
      { description: 'a channel by its name, a kind of receiver, or a job that is started' },
    ),
    event: Type.Enum(['success', 'failure', 'recovery']),
    state: Type.Enum(['pending', 'delivered', 'failed']),
    attempt: Type.Integer({ description: 'tries begun' }),
    next_try_at: instantOutOrNull,
    error: Type.Union([Type.Object({ code: Type.String(), message: textOrNull }), Type.Null()]),
    created_at: instantOut,
    finished_at: instantOutOrNull,
  },
  { title: 'Delivery' },
)

export const deliveryOperations = {
  'GET /api/deliveries': {
    id: 'listAllDeliveries',
    scope: 'jobs:read',
    isLarge: true,
    summary: 'Deliveries of all jobs, newest first',
    query: object({
      state: Type.Optional(Type.Enum(['pending', 'delivered', 'failed'])),
      limit: Type.Optional(limit(100)),
      cursor: Type.Optional(cursor),
    }),
    status: 200,
    answer: object({ deliveries: Type.Array(delivery), next_cursor: textOrNull }),
    errors: ['CURSOR_INVALID', ...inputErrors],
  },
  'GET /api/runs/{id}/deliveries': {
    id: 'listDeliveries',
    scope: 'jobs:read',
    summary: 'The deliveries of a run, sent and pending',
    params: object({ id: runId }),
    status: 200,
    answer: object({ deliveries: Type.Array(delivery) }),
    errors: ['RUN_ID_INVALID', 'RUN_NOT_FOUND', ...inputErrors],
  },
  'POST /api/runs/{id}/deliveries/{delivery}/retry': {
    id: 'retryDelivery',
    scope: 'runs:start',
    summary: 'Retry a failed delivery, under the same id',
    params: object({ id: runId, delivery: runId }),
    body: object({}),
    status: 202,
    answer: object({ deliveries: Type.Array(delivery) }),
    errors: [
      'RUN_ID_INVALID',
      'RUN_NOT_FOUND',
      'DELIVERY_NOT_FOUND',
      'DELIVERY_STATE_CONFLICT',
      ...bodyErrors,
    ],
  },
} satisfies Record<string, Operation>
