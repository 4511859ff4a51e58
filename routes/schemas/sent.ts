import Type from 'typebox'
import { instantOut, instantOutOrNull, jobId, orNull, textOrNull } from './fields.ts'

/** The body of a delivery to a webhook (src/delivery/senders/webhook/send.ts; a test holds the two together). */
export const webhookEvent = Type.Object(
  {
    type: Type.Enum(['run.succeeded', 'run.failed', 'run.recovered', 'service.health', 'test'], {
      description: '`run.recovered`: the first success after failures',
    }),
    timestamp: instantOut,
    data: Type.Object({
      job: Type.Object({ id: jobId, name: Type.String() }),
      run: Type.Object({
        id: Type.String(),
        slot: { ...instantOutOrNull, description: 'the due time; null: the run has none' },
        state: Type.String({ description: 'of the run; of `service.health` the health' }),
        attempt: Type.Integer(),
        trigger: Type.String(),
        started_at: instantOutOrNull,
        finished_at: instantOutOrNull,
        duration_ms: orNull<number>('integer', {}),
      }),
      output: orNull<string>('string', { description: '20,000 characters of it at most' }),
      output_truncated: Type.Boolean(),
      error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
      skipped_reason: textOrNull,
      text: Type.String({ description: 'what a person would be told' }),
      link: orNull<string>('string', { description: 'of the run in the page; null without CALLBACK_URL' }),
    }),
  },
  { title: 'WebhookEvent', description: 'How a run ended.' },
)

const header = (description: string, example: string) => Type.String({ description, examples: [example] })

/** Headers of a delivery to a webhook, as Standard Webhooks has them. */
export const webhookHeaders = {
  'webhook-id': header(
    'The id of the delivery, the same in all tries',
    '0d5f1c2a-3b4c-4d5e-8f60-718293a4b5c6',
  ),
  'webhook-timestamp': header('When this try was made, in seconds since 1970', '1781773201'),
  'webhook-signature': header(
    'For each secret of the channel `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, separated by spaces',
    'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  ),
}

/** Headers of the call that an action of the type `http` makes. */
export const callHeaders = {
  'Idempotency-Key': header('The same in every attempt of a run', 'ab12cd34ef56:2026-06-18T09:00:00.000Z'),
  'X-Chronos-Job': header('The id of the job', 'ab12cd34ef56'),
  'X-Chronos-Run': header('The id of the run', '5b1c2f9e-0a6d-4c1e-9d3a-1f2e3d4c5b6a'),
  'X-Chronos-Attempt': header('1 for the first', '1'),
  'X-Chronos-Fence': header(
    'Grows with each claim of the run: refuse one that is smaller than the last you saw',
    '1',
  ),
  'X-Chronos-Slot': header('The due time, if the run has one', '2026-06-18T09:00:00.000Z'),
  'X-Chronos-Callback': header(
    'With `callback`: where the outcome may be reported later',
    'https://chronos.example/api/callbacks/…',
  ),
}
