import type { components } from './document.ts'

export type WebhookEvent = components['schemas']['WebhookEvent']

/** The request is not one that Chronos has signed with any of these secrets, or it is too old. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
}

export type SignedWebhook = {
  /** As it came: parsed and written again it has other bytes. */
  body: string | Uint8Array
  headers: Headers | Record<string, string | string[] | undefined>
  /** `whsec_…` of the channel; several while they are rotated. */
  secret: string | string[]
  /** How far the timestamp may be off. */
  toleranceS?: number
}

/**
 * The event in a delivery to a webhook, once its signature is proven (https://www.standardwebhooks.com). `webhook-id` in
 * the headers is the same in all tries of a delivery.
 *
 * @throws WebhookError
 */
export async function verifyWebhook(given: SignedWebhook): Promise<WebhookEvent> {
  const { body, secret, toleranceS = 300 } = given
  const [id, timestamp, signatures] = names.map((name) => headerOf(given.headers, name))
  if (!id || !timestamp || !signatures) throw new WebhookError(`The headers ${names.join(', ')} are required`)
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1_000 - Number(timestamp)) > toleranceS)
    throw new WebhookError(`webhook-timestamp is not within ${toleranceS} s of now`)

  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  const signed = joined(new TextEncoder().encode(`${id}.${timestamp}.`), bytes)
  const sent = signatures.split(' ').filter((one) => one.startsWith('v1,'))
  for (const one of [secret].flat()) {
    const key = await keyOf(one)
    for (const signature of sent)
      if (await isSignature(key, signature.slice(3), signed))
        return JSON.parse(new TextDecoder().decode(bytes)) as WebhookEvent
  }
  throw new WebhookError('No signature fits. Compare the secret, and pass the body as it came.')
}

const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const

function headerOf(headers: SignedWebhook['headers'], name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined
  const [, value] = Object.entries(headers).find(([key]) => key.toLowerCase() === name) ?? []
  return Array.isArray(value) ? value[0] : value
}

const algorithm = { name: 'HMAC', hash: 'SHA-256' }

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = fromBase64(secret.replace(/^whsec_/, ''))
  if (!bytes?.length) throw new WebhookError('The secret must be "whsec_" followed by base64')
  return crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify'])
}

/** Compared by the runtime, in constant time. */
async function isSignature(
  key: CryptoKey,
  base64: string,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const signature = fromBase64(base64)
  return signature !== null && crypto.subtle.verify('HMAC', key, signature, signed)
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  } catch {
    return null
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(one.length + other.length)
  whole.set(one)
  whole.set(other, one.length)
  return whole
}
