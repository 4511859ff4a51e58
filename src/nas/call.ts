import { failureName, readJsonObject, readLimited } from '../portal.ts'
import { failure, type NasAnswer, type NasFailure } from './answer.ts'

export type Call = {
  method: 'get' | 'post'
  url: URL
  headers: Record<string, string>
  json?: unknown
  body?: URLSearchParams
  /** For the whole call, body included. */
  timeoutMs: number
  maxBytes: number
  signal?: AbortSignal | undefined
}

/** `body` is null where the answer held no JSON object. */
export type Reply = { status: number; headers: Headers; body: Record<string, unknown> | null }

// Failures before a connection stood: nothing can have been received.
const unsent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/**
 * One HTTP request: no retry, no redirect followed. Any status is a reply; a failure (always transient) is a
 * call without one.
 */
export async function send(call: Call): Promise<NasAnswer<Reply>> {
  const { method, url, headers, json, body, timeoutMs, maxBytes } = call
  const deadline = AbortSignal.timeout(timeoutMs)
  const signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline
  // Loaded at the first call: ky and the fetch below it take about 50 ms, which a refused fire need not pay.
  const { default: ky } = await import('ky')
  try {
    const response = await ky(url, {
      ...(json === undefined ? {} : { json }),
      ...(body ? { body } : {}),
      method,
      headers,
      signal,
      redirect: 'manual',
      retry: 0,
      timeout: false,
      throwHttpErrors: false,
    })
    const text = await readLimited(response, maxBytes)
    if (text === null)
      return failure('transient', 'NAS_UNREADABLE', `the answer is larger than ${maxBytes} bytes`)
    return {
      ok: true,
      value: { status: response.status, headers: response.headers, body: readJsonObject(text) },
    }
  } catch (error) {
    if (call.signal?.aborted) return failure('transient', 'NAS_ABORTED', 'the call was given up on our side')
    if (deadline.aborted) return failure('transient', 'NAS_TIMEOUT', `no whole answer within ${timeoutMs} ms`)
    const name = failureName(error)
    const code = unsent.has(name) ? 'NAS_UNREACHABLE' : 'NAS_ANSWER_LOST'
    return failure('transient', code, `the call failed: ${name}`)
  }
}

/** What an answer other than 2xx means. */
export function failureOf({ status, headers, body }: Reply): NasFailure {
  const said = errorOf(body)
  const message = said ? `answered ${status}: ${said}` : `answered ${status}`
  const retryAfterMs = retryAfter(headers)
  const more = { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  if (status === 403 && body?.['error'] === 'invalid_client') {
    return { ...failure('refused', 'NAS_INVALID_CLIENT', message), ...more }
  }
  if (status === 429) return { ...failure('transient', 'NAS_BUSY', message), ...more }
  // Without a JSON body it was not NAS that spoke, but something in front of it (a firewall, a maintenance page).
  // 408 and 425 ask for the same request again; a redirect is not followed.
  const isOurs = body && status >= 400 && status < 500 && status !== 408 && status !== 425
  if (isOurs) return { ...failure('rejected', 'NAS_REJECTED', message), ...more }
  return { ...failure('transient', 'NAS_FAILED', message), ...more }
}

/** The text of an error body (`error`, and `error_description`, `detail` or `message` behind it), cut short. */
export function errorOf(body: Record<string, unknown> | null): string {
  const parts = [body?.['error'], body?.['error_description'] ?? body?.['detail'] ?? body?.['message']]
  const text = parts.filter((part) => typeof part === 'string').join(': ')
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200)
}

const maxRetryAfterMs = 3_600_000

function retryAfter(headers: Headers): number | undefined {
  const text = headers.get('retry-after')
  if (!text) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), maxRetryAfterMs)
}
