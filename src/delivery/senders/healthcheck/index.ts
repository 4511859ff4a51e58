import type { Receiver } from '../receiver.ts'
import { healthcheckSchema } from './schema.ts'
import type { HealthcheckTarget } from './send.ts'

export const healthcheck = {
  type: 'healthcheck',
  docs: 'the last 10 kB',
  schema: healthcheckSchema,
  secretsOf: ['url'],
  callsOf: ({ url }) => [{ field: 'url', url }],
  load: async () => (await import('./send.ts')).pingHealthcheck,
} as const satisfies Receiver<HealthcheckTarget>
