import Type from 'typebox'
import { object, runId } from './fields.ts'
import type { Operation } from './operation.ts'

export const logOperations = {
  'GET /api/runs/{id}/logs': {
    id: 'readLogs',
    scope: 'jobs:read',
    summary: 'What an attempt wrote: its first and last 64 KiB, as bytes or (`follow`) as server-sent events',
    description:
      'With `follow` the answer is `text/event-stream`. It ends with the event `end`; if it ends without, the process went down: ask again with `Last-Event-ID`.',
    params: object({ id: runId }),
    query: object({
      attempt: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'default: the newest' }),
      ),
      follow: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'events `log` while the run is live, and `end` when it has finished',
        }),
      ),
    }),
    headers: {
      'Last-Event-ID': Type.Optional(
        Type.String({ description: 'with `follow`: the events after this one, as `EventSource` sends it' }),
      ),
    },
    status: 200,
    answerHeaders: ['X-Chronos-Attempt', 'X-Chronos-Total-Bytes'],
    answer: 'text/plain; charset=utf-8',
    otherMedia: ['application/octet-stream', 'text/event-stream'],
    errors: ['RUN_ID_INVALID', 'RUN_NOT_FOUND', 'FIELD_INVALID', 'FIELD_UNKNOWN', 'FOLLOWERS_FULL'],
  },
} satisfies Record<string, Operation>
