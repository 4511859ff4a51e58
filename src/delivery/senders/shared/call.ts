import ky from 'ky'
import { readAtMost } from '../../../ground/read-limited.ts'
import { readRetryAfter } from '../../../ground/retry-after.ts'
import type { Sent } from './message.ts'
import type { Sending } from './sending.ts'
import { beginningOf } from '../../../ground/text.ts'

export type Call = {
  url: URL
  method?: 'GET' | 'POST'
  headers?: Record<string, string> | Headers
  body?: string | FormData
}

/** `text`: at most 16 KiB of the body, and none of a 2xx, which has said all by its status. */
export type ReceiverAnswer = {
  origin: string
  status: number
  headers: Headers
  text: string
  hide: Sending['hide']
}

const mostText = 16 * 1024
const longestRetryAfterMs = 24 * 3_600_000

/** One request, never repeated, no redirect followed. Rejects with what fetch rejects with. */
export async function call(
  { line, hide, signal }: Pick<Sending, 'line' | 'hide' | 'signal'>,
  { url, ...request }: Call,
): Promise<ReceiverAnswer> {
  const response = await ky(url, {
    method: 'POST',
    ...request,
    signal,
    fetch: line.fetch,
    retry: 0,
    timeout: false,
    throwHttpErrors: false,
    redirect: 'manual',
  })
  const { status, headers } = response
  const text = response.ok ? '' : await beginningOfBody(response).catch(() => '')
  return { origin: url.origin, status, headers, text, hide }
}

/**
 * The meaning of an answer: 2xx delivered, 410 gone permanently, 408, 425, 429 and 5xx to be tried again, all else failed.
 * `says`: the receiver's own words.
 */
export function verdictOf({ origin, status, headers, hide }: ReceiverAnswer, says = ''): Sent {
  if (status >= 200 && status < 300) return { state: 'delivered' }
  const words = says && `: ${beginningOf(hide(says).replaceAll(/\p{Cc}+/gu, ' '), 200)}`
  const redirect = status >= 300 && status < 400 ? ', a redirect, which is not followed' : ''
  const error = {
    code: 'HTTP_STATUS',
    message: `${origin} answered ${status}${redirect}${words}`,
  }
  if (status === 410) return { state: 'disabled', error }
  if (status < 500 && ![408, 425, 429].includes(status)) return { state: 'failed', error }
  return retry(error, readRetryAfter(headers.get('retry-after')))
}

/** To be tried again; null: whenever it suits. */
export function retry(error: { code: string; message: string }, afterMs: number | null): Sent {
  if (afterMs === null) return { state: 'retry', error }
  return { state: 'retry', error, retryAfterMs: Math.min(Math.max(afterMs, 0), longestRetryAfterMs) }
}

async function beginningOfBody({ body }: Response): Promise<string> {
  return (await readAtMost(body as AsyncIterable<Uint8Array> | null, mostText)).text
}

/** A JSON object in an answer; empty if there is none. */
export function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
