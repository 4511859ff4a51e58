import type { Static } from 'typebox'
import type { ActionType } from '../type.ts'
import { missingForPrompt } from './needs.ts'
import { promptSchema } from './schema.ts'

export const prompt = {
  type: 'prompt',
  docs: 'puts a prompt to a model or an agent',
  schema: promptSchema,
  secretsOf: ['base_url', 'api_key'],
  callsOf: ({ base_url }) => [{ field: 'base_url', url: base_url }],
  check: (fields, _path, place) => missingForPrompt(fields, place),
  async load() {
    const { runPrompt } = await import('./run.ts')
    return ({ job, run, signal, context }, settings) => runPrompt(job, run, signal, context, settings.prompt)
  },
} as const satisfies ActionType<Static<ReturnType<typeof promptSchema>>>
