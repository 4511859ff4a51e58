import { unescape } from 'node:querystring'
import { AppError } from '../../ground/errors.ts'
import { namesIn, renderJson, type Values } from '../../template/index.ts'
import { callbackHeader, callbackName } from './callback.ts'
import type { ActionContext } from '../shared/context.ts'
import { identity } from '../shared/identity.ts'
import type { ActionJob, ActionRun } from '../shared/outcome.ts'
import { writeBody, writeForm, writeHeaders } from './payload.ts'
import { renderUrl } from './url.ts'
import { isSecret, valuesOf } from '../shared/values.ts'
import { beginningOf } from '../../ground/text.ts'

/** An http action, read and ready to be sent. */
export type HttpCall = {
  /** Without credentials (they are in `headers`); with its query. */
  url: URL
  /** The target in messages: its origin, or the name of the secret that the URL is. */
  shownAs: string
  method: string
  headers: Headers
  body: string | null
  /** For the whole attempt, the answer's body included. */
  timeoutMs: number
  /** `2xx`, `404` or `200-299` (both ends inclusive). */
  success: string[]
  maxRedirects: number
  /** The parts that must not follow a redirect to another origin. */
  secretHeaders: string[]
  isBodySecret: boolean
  /** So long may the target take to report after a 202; null: a 202 is an answer as any other. */
  callbackMs: number | null
}

const usualTimeoutMs = 60_000
// A longer timer fires at once (Node keeps 32 bits).
const longestTimeoutMs = 2 ** 31 - 1
const usualRedirects = 5

/**
 * The call that an action means for this run, its templates filled in.
 *
 * A JSON value as `body` is sent as application/json, a string as it is; null is no body; `form` is sent urlencoded.
 * Where the action has neither and its method takes one, the run's input is the body. Credentials in the URL become
 * basic authorization.
 *
 * @throws AppError FIELD_INVALID: a field that cannot be sent; and what `valuesOf` and `context.callbackUrl` throw
 */
export async function readCall(job: ActionJob, run: ActionRun, context: ActionContext): Promise<HttpCall> {
  const { action } = job
  const { url: urlText, headers: headerTexts, body: givenBody = null, form = null } = action
  const callbackMs = readCallback(action['callback'])
  const values: Record<string, unknown> = {
    ...(await valuesOf(namesIn([urlText, headerTexts, givenBody, form]), { job, run, context })),
    ...(callbackMs === null ? {} : { [callbackName]: context.callbackUrl(callbackMs) }),
  }
  const { url, shownAs } = renderUrl(urlText, values)
  const method = readMethod(action['method'])
  const headers = writeHeaders(headerTexts, values)
  const takesBody = method !== 'GET' && method !== 'HEAD'
  if ((givenBody !== null || form !== null) && !takesBody)
    throw new AppError('FIELD_INVALID', `action.body: a ${method} request has no body`)
  const body = takesBody ? bodyOf({ body: givenBody, form, input: run.input ?? null }, values, headers) : null
  moveCredentials(url, headers)
  if (!headers.has('user-agent')) headers.set('user-agent', context.userAgent)
  for (const [name, value] of Object.entries(identity(job, run))) headers.set(name, value)
  if (context.traceparent !== null) headers.set('traceparent', context.traceparent)
  if (callbackMs !== null) headers.set(callbackHeader, String(values[callbackName]))
  return {
    url,
    shownAs,
    method,
    headers,
    body,
    timeoutMs: readTimeout(job),
    success: readSuccess(action['success']),
    maxRedirects: readRedirects(action['max_redirects']),
    secretHeaders: [callbackHeader, ...secretHeadersIn(headerTexts)],
    isBodySecret: holdsSecret([givenBody, form]),
    callbackMs,
  }
}

function readMethod(value: unknown = 'POST'): string {
  const method = typeof value === 'string' ? value.toUpperCase() : ''
  if (/^[A-Z-]+$/.test(method) && !['CONNECT', 'TRACE', 'TRACK'].includes(method)) return method
  throw wrong('method', value, 'an HTTP method other than CONNECT, TRACE and TRACK')
}

type Given = { body: unknown; form: unknown; input: unknown }

/** The input is a value, whatever it holds: no template is read in it. */
function bodyOf({ body, form, input }: Given, values: Values, headers: Headers): string | null {
  if (form === null) return writeBody(body === null ? input : renderJson(body, values), headers)
  if (body === null) return writeForm(renderJson(form, values), headers)
  throw new AppError('FIELD_INVALID', 'action.form: use either body or form, not both')
}

function moveCredentials(url: URL, headers: Headers): void {
  if (!url.username && !url.password) return
  const text = `${unescape(url.username)}:${unescape(url.password)}`
  if (!headers.has('authorization'))
    headers.set('authorization', `Basic ${Buffer.from(text).toString('base64')}`)
  url.username = ''
  url.password = ''
}

function secretHeadersIn(headers: unknown = {}): string[] {
  return Object.entries(headers as object).flatMap(([name, text]) => (holdsSecret(text) ? [name] : []))
}

/** The URL to report to is one: anyone who has it can report an outcome. */
function holdsSecret(value: unknown): boolean {
  return [...namesIn(value)].some((name) => isSecret(name) || name === callbackName)
}

function readTimeout(job: ActionJob): number {
  const own = job.action['timeout_ms'] ?? job.timeoutMs ?? usualTimeoutMs
  if (typeof own !== 'number' || !(own > 0)) throw wrong('timeout_ms', own, 'milliseconds above 0')
  return Math.min(own, job.timeoutMs ?? own, longestTimeoutMs)
}

function readSuccess(value: unknown = ['2xx']): string[] {
  const patterns = Array.isArray(value) ? value.map(String) : []
  if (patterns.length > 0 && patterns.every((pattern) => /^[1-5](xx|\d\d(-[1-5]\d\d)?)$/.test(pattern)))
    return patterns
  throw wrong('success', value, 'a list of status codes such as "2xx", "404" or "200-299"')
}

function readRedirects(value: unknown = usualRedirects): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
  throw wrong('max_redirects', value, 'a whole number from 0 on')
}

function readCallback(value: unknown = null): number | null {
  if (value === null) return null
  const deadlineMs = typeof value === 'object' && 'deadline_ms' in value ? value.deadline_ms : null
  if (typeof deadlineMs === 'number' && deadlineMs > 0) return deadlineMs
  throw wrong('callback', value, 'an object with "deadline_ms", milliseconds above 0')
}

function wrong(field: string, given: unknown, expected: string): AppError {
  const text = beginningOf(JSON.stringify(given) ?? 'nothing', 80)
  return new AppError('FIELD_INVALID', `action.${field}: must be ${expected}, not ${text}`)
}
