import { unescape } from 'node:querystring'
import { AppError } from '../errors.ts'
import { isReservedHeader } from './headers.ts'
import { identity } from './identity.ts'
import type { ActionJob, ActionRun } from './outcome.ts'

/** An http action, read and ready to be sent. */
export type HttpCall = {
  /** Without credentials (they are in `headers`); with its query. */
  url: URL
  method: string
  headers: Headers
  body: string | null
  /** For the whole attempt, the answer's body included. */
  timeoutMs: number
  /** `2xx`, `404` or `200-299` (both ends inclusive). */
  success: string[]
}

const usualTimeoutMs = 60_000
// A longer timer fires at once (Node keeps 32 bits).
const longestTimeoutMs = 2 ** 31 - 1

/**
 * The call that an action means for this run.
 *
 * A JSON value as `body` is sent as application/json, a string as it is; null is no body. Where the action has none
 * and its method takes one, the run's input is the body. Credentials in the URL become basic authorization.
 *
 * @throws AppError FIELD_INVALID: a field that cannot be sent.
 */
export function readCall(job: ActionJob, run: ActionRun, userAgent: string): HttpCall {
  const { action } = job
  const url = readUrl(action['url'])
  const method = readMethod(action['method'])
  const headers = readHeaders(action['headers'])
  const takesBody = method !== 'GET' && method !== 'HEAD'
  const given = action['body'] ?? null
  if (given !== null && !takesBody)
    throw new AppError('FIELD_INVALID', `action.body was given; expected none, as ${method} takes none`)
  const body = writeBody(takesBody ? (given ?? run.input ?? null) : null, headers)
  moveCredentials(url, headers)
  if (!headers.has('user-agent')) headers.set('user-agent', userAgent)
  for (const [name, value] of Object.entries(identity(job, run))) headers.set(name, value)
  return { url, method, headers, body, timeoutMs: readTimeout(job), success: readSuccess(action['success']) }
}

function readUrl(value: unknown): URL {
  const url = typeof value === 'string' ? URL.parse(value) : null
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url
  // Not quoted: what cannot be read as a URL may hold a password all the same.
  throw new AppError('FIELD_INVALID', 'action.url cannot be called as given; expected an http or https URL')
}

function readMethod(value: unknown = 'POST'): string {
  const method = typeof value === 'string' ? value.toUpperCase() : ''
  if (/^[A-Z-]+$/.test(method) && !['CONNECT', 'TRACE', 'TRACK'].includes(method)) return method
  throw wrong('method', value, 'an HTTP method other than CONNECT, TRACE and TRACK')
}

function readHeaders(value: unknown = {}): Headers {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AppError('FIELD_INVALID', 'action.headers is no object; expected one of names and texts')
  const headers = new Headers()
  for (const [name, text] of Object.entries(value)) {
    if (isReservedHeader(name)) continue
    if (typeof text !== 'string' || !setHeader(headers, name, text))
      throw new AppError(
        'FIELD_INVALID',
        `action.headers ${JSON.stringify(name)} cannot be sent; expected a name and a text of one line`,
      )
  }
  return headers
}

function setHeader(headers: Headers, name: string, text: string): boolean {
  try {
    headers.set(name, text)
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

function writeBody(value: unknown, headers: Headers): string | null {
  if (value === null) return null
  const isText = typeof value === 'string'
  const type = isText ? 'text/plain;charset=UTF-8' : 'application/json'
  if (!headers.has('content-type')) headers.set('content-type', type)
  return isText ? value : JSON.stringify(value)
}

function moveCredentials(url: URL, headers: Headers): void {
  if (!url.username && !url.password) return
  const text = `${unescape(url.username)}:${unescape(url.password)}`
  if (!headers.has('authorization'))
    headers.set('authorization', `Basic ${Buffer.from(text).toString('base64')}`)
  url.username = ''
  url.password = ''
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

function wrong(field: string, given: unknown, expected: string): AppError {
  const text = (JSON.stringify(given) ?? 'nothing').slice(0, 80)
  return new AppError('FIELD_INVALID', `action.${field} is ${text}; expected ${expected}`)
}
