import type { Reply } from '../../outbound/index.ts'
import { storable } from '../../ground/text.ts'
import { createCharset } from '../shared/charset.ts'
import type { Answer } from './exchange.ts'
import type { ActionOutcome } from '../shared/outcome.ts'
import type { HttpCall } from './request.ts'

/** How far an answer has come. `status` is null before its headers are there; `bytes` are those of its body. */
export type Progress = { status: number | null; bytes: number }

/** What was read of a body. `isCut`: there was more of it. `unknownCharset`: as it was named; it was read as UTF-8. */
export type Body = { text: string; isCut: boolean; unknownCharset: string | null }

/** So much of a body is kept; it goes into the run's row. */
const mostBytes = 64 * 1024
const longestRetryAfterMs = 24 * 3_600_000

/**
 * The first 64 KiB of the body (after decompression) as text that Postgres can keep: read in the charset that the answer
 * names (a byte order mark has the last word), what does not fit it is replaced, NULs are left out. No more than one
 * piece beyond that is ever taken from the connection. `log` gets the bytes as they come; in another charset than UTF-8,
 * the text.
 *
 * Rejects with the signal's reason when it aborts, and with CallFailed when the answer breaks off.
 */
export async function readBody(
  response: Reply,
  progress: Progress,
  signal: AbortSignal,
  log: (chunk: string | Uint8Array) => void = () => undefined,
): Promise<Body> {
  const charset = createCharset(response.headers.get('content-type'))
  let text = ''
  try {
    for await (const piece of response.body ?? []) {
      signal.throwIfAborted()
      const kept = piece.subarray(0, Math.max(0, mostBytes - progress.bytes))
      // A character that the cut would split stays in the decoder, and is dropped with it.
      const read = charset.decode(kept)
      text += read
      if (kept.byteLength > 0) log(charset.isUtf8 ? kept : read)
      progress.bytes += piece.byteLength
      if (progress.bytes > mostBytes)
        return { text: storable(text), isCut: true, unknownCharset: charset.unknown }
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
  signal.throwIfAborted()
  const rest = charset.end()
  if (!charset.isUtf8) log(rest)
  return { text: storable(text + rest), isCut: false, unknownCharset: charset.unknown }
}

/** How far things had come, for a message: it decides whether the target may have done its work. */
export function where({ status, bytes }: Progress): string {
  return status === null ? 'before it answered' : `after it answered ${status} and ${bytes} bytes of a body`
}

/** The status line, an empty line, and the body. */
function outputOf({ response, body, redirects, tookMs }: Answer): string {
  const cut = body.isCut ? `, cut after ${mostBytes} bytes` : ''
  const charset =
    body.unknownCharset === null
      ? ''
      : `, charset "${body.unknownCharset}" is not known here and was read as UTF-8`
  const way = redirects > 0 ? `, after ${redirects} redirect${redirects > 1 ? 's' : ''}` : ''
  return `HTTP ${response.status} in ${Math.round(tookMs)} ms${way}${cut}${charset}\n\n${body.text}`
}

/**
 * What a whole answer means: succeeded where its status is one of `call.success`, else failed with HTTP_STATUS. Where
 * the target may report later, a 202 says that it will.
 */
export function judge(call: HttpCall, answer: Answer): ActionOutcome {
  const output = outputOf(answer)
  const { status, headers } = answer.response
  if (status === 202 && call.callbackMs !== null) return { state: 'waiting', waitMs: call.callbackMs, output }
  if (call.success.some((pattern) => matches(pattern, status))) return { state: 'succeeded', output }
  const expected = call.success.join(' or ')
  const message = `target ${answer.from} answered ${status}${redirection(call, headers)}, expected ${expected}`
  return { state: 'failed', error: { code: 'HTTP_STATUS', message }, output, ...wishesOf(answer) }
}

/** What a target that refuses wants of the next attempt. */
export function wishesOf({
  response: { status, headers },
}: Answer): Pick<ActionOutcome, 'retryAfterMs' | 'final'> {
  const retryAfterMs = status === 429 || status === 503 ? readRetryAfter(headers.get('retry-after')) : null
  return {
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    ...(headers.get('x-chronos-retry')?.trim().toLowerCase() === 'no' ? { final: true } : {}),
  }
}

function matches(pattern: string, status: number): boolean {
  if (pattern.endsWith('xx')) return pattern[0] === String(status)[0]
  const [first, last = first] = pattern.split('-')
  return Number(first) <= status && status <= Number(last)
}

/** Where a redirect points, as its origin only: paths and queries of redirects carry tokens. */
function redirection({ url, shownAs }: HttpCall, headers: Reply['headers']): string {
  const location = headers.get('location')
  const to = location === null ? null : URL.parse(location, url)
  return to ? ` (a redirect to ${to.origin === url.origin ? shownAs : to.origin}, not followed)` : ''
}

/** `Retry-After`, seconds or a date, in milliseconds from now; null: there is none that can be read. At most 24 h. */
export function readRetryAfter(text: string | null): number | null {
  if (text === null) return null
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(waitMs, 0), longestRetryAfterMs)
}
