import type { Reply } from '../outbound/index.ts'
import type { Delivered } from './message.ts'
import type { Sending } from './sending.ts'
import { beginningOf } from '../text.ts'

export type Call = {
  url: URL
  method?: 'GET' | 'POST'
  headers?: Record<string, string> | Headers
  body?: string | FormData
}

/** `text`: at most 16 KiB of the body, and none of a 2xx, which has said all by its status. */
export type Answer = {
  origin: string
  status: number
  headers: Reply['headers']
  text: string
  hide: Sending['hide']
}

const mostText = 16 * 1024
const longestRetryAfterMs = 24 * 3_600_000

/** One request, never repeated, no redirect followed. Rejects as `Line.send` does. */
export async function call(
  { line, hide, signal }: Pick<Sending, 'line' | 'hide' | 'signal'>,
  { url, method = 'POST', headers: given, body }: Call,
): Promise<Answer> {
  const headers = new Headers(given)
  const bytes = body instanceof FormData ? await encoded(body, headers) : (body ?? null)
  const reply = await line.send({ url, method, headers, body: bytes }, signal)
  const isOk = reply.status >= 200 && reply.status < 300
  const text = isOk ? '' : await beginning(reply).catch(() => '')
  return { origin: url.origin, status: reply.status, headers: reply.headers, text, hide }
}

async function encoded(form: FormData, headers: Headers): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Response(form)
  headers.set('content-type', whole.headers.get('content-type') ?? 'multipart/form-data')
  return new Uint8Array(await whole.arrayBuffer())
}

/**
 * What an answer means: 2xx delivered, 410 gone for good, 408, 425, 429 and 5xx to be tried again, all else failed.
 * `says`: the receiver's own words.
 */
export function verdictOf({ origin, status, headers, hide }: Answer, says = ''): Delivered {
  if (status >= 200 && status < 300) return { state: 'delivered' }
  const words = says && `: ${beginningOf(hide(says).replaceAll(/\p{Cc}+/gu, ' '), 200)}`
  const redirect = status >= 300 && status < 400 ? ', a redirect, which is not followed' : ''
  const error = {
    code: 'HTTP_STATUS',
    message: `${origin} answered ${status}${redirect}${words}; expected 2xx`,
  }
  if (status === 410) return { state: 'disabled', error }
  if (status < 500 && ![408, 425, 429].includes(status)) return { state: 'failed', error }
  return retry(error, retryAfterMs(headers.get('retry-after')))
}

/** To be tried again; null: whenever it suits. */
export function retry(error: { code: string; message: string }, afterMs: number | null): Delivered {
  if (afterMs === null) return { state: 'retry', error }
  return { state: 'retry', error, retryAfterMs: Math.min(Math.max(afterMs, 0), longestRetryAfterMs) }
}

/** Seconds, or an HTTP date (RFC 9110, 10.2.3). */
function retryAfterMs(text: string | null): number | null {
  if (text === null) return null
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isNaN(waitMs) ? null : waitMs
}

async function beginning(reply: Reply): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of reply.body ?? []) {
    text += decoder.decode(piece.subarray(0, mostText), { stream: true })
    if (text.length >= mostText) break
  }
  return text
}

/** A JSON object in an answer; empty where there is none. */
export function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
