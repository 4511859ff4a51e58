import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { type Receiver, startReceiver } from './http.ts'

export type GotWebhook = {
  id: string
  isVerified: boolean
  payload: WebhookPayload | null
  headers: Record<string, string>
}

export type WebhookPayload = {
  type: string
  timestamp: string
  data: {
    job: { id: string; name: string }
    run: Record<string, unknown>
    output: string | null
    text: string
    [more: string]: unknown
  }
}

/** Takes what its secret verifies, by the published library, and answers 401 to everything else. */
export function startWebhookReceiver(
  secret: string,
  options: { port?: number } = {},
): Promise<Receiver<GotWebhook>> {
  const webhook = new Webhook(secret)
  return startReceiver<GotWebhook>(({ headers, body }) => {
    const id = headers['webhook-id'] ?? ''
    try {
      const payload = webhook.verify(body, headers) as WebhookPayload
      return { status: 204, got: { id, isVerified: true, payload, headers } }
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error
      return { status: 401, body: error.message, got: { id, isVerified: false, payload: null, headers } }
    }
  }, options)
}
