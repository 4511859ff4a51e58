import type { Receiver } from '../receiver.ts'
import { chatSchema } from '../shared/schema.ts'
import type { SlackTarget } from './send.ts'

export const slack = {
  type: 'slack',
  docs: 'beginning and end, 3,900 characters in all',
  schema: (kit) => chatSchema(kit, 'slack'),
  secretsOf: ['url'],
  callsOf: ({ url }) => [{ field: 'url', url }],
  load: async () => (await import('./send.ts')).sendToSlack,
} as const satisfies Receiver<SlackTarget>
