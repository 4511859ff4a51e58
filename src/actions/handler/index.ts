import type { Static } from 'typebox'
import type { ActionType } from '../type.ts'
import { unknownHandler } from './known.ts'
import { handlerSchema } from './schema.ts'

export const handler = {
  type: 'handler',
  docs: 'runs a TypeScript function of `handlers/`',
  schema: handlerSchema,
  secretsOf: ['input'],
  callsOf: () => [],
  check: () => [],
  lacks: unknownHandler,
  async load() {
    const { runHandler } = await import('./run.ts')
    return ({ job, run, signal, context }) => runHandler(job, run, signal, context)
  },
} as const satisfies ActionType<Static<ReturnType<typeof handlerSchema>>>
