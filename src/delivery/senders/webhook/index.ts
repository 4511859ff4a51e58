import { randomBytes } from 'node:crypto'
import type { Receiver } from '../receiver.ts'
import { webhookSchema } from './schema.ts'
import type { WebhookTarget } from './send.ts'

export const webhook = {
  type: 'webhook',
  docs: '20,000 characters of it, `output_truncated`',
  schema: webhookSchema,
  secretsOf: ['url', 'secrets', 'headers'],
  callsOf: ({ url }) => [{ field: 'url', url }],
  summaryOf: ({ secrets }) => (Array.isArray(secrets) ? { signatures: secrets.length } : {}),
  made: { field: 'secrets', make: () => [`whsec_${randomBytes(24).toString('base64')}`] },
  load: async () => (await import('./send.ts')).sendWebhook,
} as const satisfies Receiver<WebhookTarget>
