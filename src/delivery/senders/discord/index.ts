import type { Receiver } from '../receiver.ts'
import { chatSchema } from '../shared/schema.ts'
import type { DiscordTarget } from './send.ts'

export const discord = {
  type: 'discord',
  docs: 'beyond 2,000 characters attached as `output.txt`',
  schema: (kit) => chatSchema(kit, 'discord'),
  secretsOf: ['url'],
  callsOf: ({ url }) => [{ field: 'url', url }],
  load: async () => (await import('./send.ts')).sendToDiscord,
} as const satisfies Receiver<DiscordTarget>
