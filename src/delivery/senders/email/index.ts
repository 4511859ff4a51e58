import type { Receiver } from '../receiver.ts'
import { emailSchema } from './schema.ts'
import type { EmailTarget } from './send.ts'

export const email = {
  type: 'email',
  docs: 'beyond 20,000 characters attached as `output.txt`',
  schema: emailSchema,
  secretsOf: ['password'],
  callsOf({ host, port, secure }) {
    const usual = secure === true ? 465 : 587
    return [{ field: 'host', host, port: typeof port === 'number' ? port : usual, scheme: 'smtp' }]
  },
  summaryOf: ({ port = null, from, to }) => ({ port, from, to }),
  load: async () => (await import('./send.ts')).sendEmail,
} as const satisfies Receiver<EmailTarget>
