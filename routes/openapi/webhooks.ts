import { callHeaders, webhookEvent, webhookHeaders } from '../schemas/index.ts'
import { eventExample } from './examples.ts'
import { type Components, type Json, plain } from './plain.ts'
import { webhookTag } from './tags.ts'

const optional: ReadonlySet<string> = new Set(['X-Chronos-Slot', 'X-Chronos-Callback'])

/** What Chronos sends: deliveries to webhooks, and the calls of jobs. */
export function webhooks(components: Components): Json {
  const sent = { tags: [webhookTag], security: [] }
  const schema = plain(webhookEvent, { components })
  return {
    delivery: {
      post: {
        ...sent,
        operationId: 'receiveDelivery',
        summary: 'How a run ended, to a channel or receiver of the type `webhook`',
        description:
          'Signed as Standard Webhooks has it: verify the signature over the bytes of the body before you read it. A delivery comes at least once, always under the same `webhook-id`.',
        parameters: parametersOf(webhookHeaders),
        requestBody: {
          required: true,
          content: { 'application/json': { schema, example: eventExample } },
        },
        responses: {
          '2XX': { description: 'Taken' },
          410: { description: 'The receiver is gone: the channel is switched off' },
          429: { description: 'Sent again later, as are 408, 425 and 5XX; `Retry-After` is heeded' },
          '4XX': { description: 'Refused: not sent again' },
        },
      },
    },
    call: {
      post: {
        ...sent,
        operationId: 'receiveCall',
        summary: 'The call of a job whose action is of the type `http`',
        description:
          'Method, headers and body are those of the action; these headers come with each call. A target that has done the work of an `Idempotency-Key` answers 2xx and does nothing.',
        parameters: parametersOf(callHeaders),
        requestBody: { content: { 'application/json': { schema: {} } } },
        responses: {
          '2XX': { description: 'The run has succeeded, unless `success` of the action says otherwise' },
          202: { description: 'With `callback`: the outcome is reported later' },
          '4XX': { description: 'The attempt has failed' },
        },
      },
    },
  }
}

function parametersOf(headers: Record<string, object>): Json[] {
  return Object.entries(headers).map(([name, header]) => {
    const { description, ...schema } = plain(header, { components: new Map() }) as Json
    return { name, in: 'header', required: !optional.has(name), description, schema }
  })
}
