import type { Static } from 'typebox'
import { callbackName } from './callback.ts'
import { checkCall, checkHttp } from './check.ts'
import { httpSchema } from './schema.ts'
import type { ActionType } from '../type.ts'

type Fields = Static<ReturnType<typeof httpSchema>>

export const http = {
  type: 'http',
  docs: 'calls a service, which may answer at once or report later',
  schema: httpSchema,
  secretsOf: ['url', 'headers', 'body', 'form'],
  callsOf: ({ url }) => [{ field: 'url', url }],
  check: (fields, path) => [...checkCall(fields, path), ...checkHttp(fields, path)],
  namesOf: ({ callback }) => (callback === undefined ? [] : [callbackName]),
  async load() {
    const { runHttp } = await import('./run.ts')
    return ({ job, run, signal, context }) => runHttp(job, run, signal, context)
  },
} as const satisfies ActionType<Fields>
