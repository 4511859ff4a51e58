import { readRetryAfter } from '../../ground/retry-after.ts'
import type { Reply } from '../../outbound/index.ts'
import type { Body } from '../shared/body.ts'
import { mostOutputBytes } from '../shared/limits.ts'
import type { ActionOutcome } from '../shared/outcome.ts'
import type { HttpCall } from './request.ts'

/** A whole answer. `from` names who gave it, as messages may. */
export type HttpAnswer = { response: Reply; body: Body; from: string; redirects: number; tookMs: number }

/** The status line, an empty line, and the body. */
function outputOf({ response, body, redirects, tookMs }: HttpAnswer): string {
  const cut = body.isCut ? `, cut after ${mostOutputBytes} bytes` : ''
  const charset =
    body.unknownCharset === null
      ? ''
      : `, charset "${body.unknownCharset}" is not known here and was read as UTF-8`
  const way = redirects > 0 ? `, after ${redirects} redirect${redirects > 1 ? 's' : ''}` : ''
  return `HTTP ${response.status} in ${Math.round(tookMs)} ms${way}${cut}${charset}\n\n${body.text}`
}

/**
 * The outcome of a complete answer: succeeded if its status is one of `call.success`, otherwise failed with HTTP_STATUS. If
 * the target may report later, a 202 says that it will.
 */
export function judge(call: HttpCall, answer: HttpAnswer): ActionOutcome {
  const output = outputOf(answer)
  const { status, headers } = answer.response
  if (status === 202 && call.callbackMs !== null) return { state: 'waiting', waitMs: call.callbackMs, output }
  if (call.success.some((pattern) => matches(pattern, status))) return { state: 'succeeded', output }
  const expected = call.success.join(' or ')
  const message = `target ${answer.from} answered ${status}${redirection(call, headers)}, expected ${expected}`
  return { state: 'failed', error: { code: 'HTTP_STATUS', message }, output, ...wishesOf(answer) }
}

/** The wishes of a refusing target for the next attempt. */
export function wishesOf({
  response: { status, headers },
}: HttpAnswer): Pick<ActionOutcome, 'retryAfterMs' | 'final'> {
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
