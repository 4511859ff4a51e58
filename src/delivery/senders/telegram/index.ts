import type { Receiver } from '../receiver.ts'
import { usualBase } from './base.ts'
import { telegramSchema } from './schema.ts'
import type { TelegramTarget } from './send.ts'

export const telegram = {
  type: 'telegram',
  docs: 'beyond 4,096 characters a document',
  schema: telegramSchema,
  secretsOf: ['bot_token'],
  callsOf: ({ api_base: url = usualBase }) => [{ field: 'api_base', url }],
  load: async () => (await import('./send.ts')).sendToTelegram,
} as const satisfies Receiver<TelegramTarget>
