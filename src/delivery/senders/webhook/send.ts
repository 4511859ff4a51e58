import { Webhook } from 'standardwebhooks'
import { AppError } from '../../../ground/errors.ts'
import { secondOf } from '../../../ground/instant.ts'
import { call, verdictOf } from '../shared/call.ts'
import type { Sent, Message } from '../shared/message.ts'
import type { Sending } from '../shared/sending.ts'
import { shortened, textOf } from '../shared/text.ts'

export type WebhookTarget = {
  type: 'webhook'
  url: string
  /** `whsec_…`; the message is signed with each, the current one first. */
  secrets: string[]
  headers?: Record<string, string>
  template?: string
}

const types = {
  success: 'run.succeeded',
  failure: 'run.failed',
  recovery: 'run.recovered',
  start: 'run.started',
  test: 'test',
  health: 'service.health',
} as const

// Receivers tend to refuse bodies of more than some hundred kilobytes, and the specification wants them small.
const mostOutput = 20_000
const mostText = 4_000

/**
 * One POST of JSON as Standard Webhooks has it (https://www.standardwebhooks.com): the id is the delivery's, the same
 * over all tries, the timestamp that of this try, one signature for each secret. The body is the same over all tries.
 */
export async function sendWebhook(sending: Sending, target: WebhookTarget, message: Message): Promise<Sent> {
  const body = JSON.stringify(
    payloadOf(message, textOf(message, { limit: mostText, template: target.template }).text),
  )
  const now = new Date()
  const headers = headersOf(target)
  headers.set('content-type', 'application/json')
  headers.set('user-agent', sending.userAgent)
  headers.set('webhook-id', message.id)
  headers.set('webhook-timestamp', String(secondOf(now)))
  headers.set(
    'webhook-signature',
    signersOf(target)
      .map((one) => one.sign(message.id, now, body))
      .join(' '),
  )
  return verdictOf(await call(sending, { url: new URL(target.url), headers, body }))
}

function signersOf({ secrets }: WebhookTarget): Webhook[] {
  if (secrets.length === 0) throw unusable('secrets', 'at least one is required')
  return secrets.map((secret) => {
    try {
      return new Webhook(secret)
    } catch (cause) {
      throw unusable('secrets', 'each must be "whsec_" followed by base64', cause)
    }
  })
}

function headersOf({ headers }: WebhookTarget): Headers {
  try {
    return new Headers(headers)
  } catch (cause) {
    throw unusable('headers', 'names must be tokens (RFC 9110) and values one line each', cause)
  }
}

function unusable(field: string, sentence: string, cause?: unknown): AppError {
  return new AppError('FIELD_INVALID', `${field}: ${sentence}`, { cause })
}

function payloadOf({ event, job, run, output, error, skippedReason, link }: Message, text: string) {
  const at = run.finishedAt ?? run.startedAt ?? run.slot
  return {
    type: types[event],
    timestamp: (at ?? new Date()).toISOString(),
    data: {
      job: { id: job.id, name: job.name },
      run: {
        id: run.id,
        slot: iso(run.slot),
        state: run.state,
        attempt: run.attempt,
        trigger: run.trigger,
        started_at: iso(run.startedAt),
        finished_at: iso(run.finishedAt),
        duration_ms: run.durationMs,
      },
      output: output && shortened(output, mostOutput),
      output_truncated: output !== null && output.length > mostOutput,
      error,
      skipped_reason: skippedReason ?? null,
      text,
      link,
    },
  }
}

function iso(instant: Date | null): string | null {
  return instant && instant.toISOString()
}
