import { noteAnswer } from './live.ts'

/** Why the API did not do it: `code` never changes, `message` says what to do. `status` 0: there was no answer. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly detail: Problem

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? 'The machine did not answer. Check the network, then try again.')
    this.name = 'ApiError'
    this.status = status
    this.code = problem.code ?? (status === 0 ? 'NO_ANSWER' : `HTTP_${status}`)
    this.detail = problem
  }
}

/** The body of an error; `errors` names the fields that are wrong. */
export type Problem = {
  code?: string
  title?: string
  detail?: string
  errors?: readonly { path: string; message: string }[]
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Called when the API says that nobody is signed in (any more). */
let signedOut = () => {}
export function onSignedOut(told: () => void): void {
  signedOut = told
}

/**
 * One call of the API, with the cookie of the session. `query` in `path` is the caller's; `headers` are for `If-Match` and
 * `Idempotency-Key`.
 *
 * @throws ApiError: any answer that is no 2xx, and none at all
 */
export async function call<T>(
  method: Method,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const response = await send(method, path, body, headers)
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const answer: unknown = isJson ? await response.json() : await response.text()
  noteAnswer(response.status)
  if (response.ok) return answer as T
  if (response.status === 401) signedOut()
  throw new ApiError(response.status, isJson ? (answer as Problem) : {})
}

async function send(method: Method, path: string, body: unknown, headers: Record<string, string>) {
  const all: Record<string, string> = { accept: 'application/json', 'x-chronos-page': '1', ...headers }
  const request: RequestInit = { method, headers: all, credentials: 'same-origin' }
  if (body !== undefined) {
    all['content-type'] = 'application/json'
    request.body = JSON.stringify(body)
  }
  try {
    return await fetch(path, request)
  } catch (error) {
    noteAnswer(0)
    throw new ApiError(0, { detail: `The machine did not answer (${String(error)}). Try again.` })
  }
}

/** `?a=1&b=2` of the values that are set; empty if none is. */
export function search(values: Record<string, string | number | boolean | null | undefined>): string {
  const set = Object.entries(values).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  )
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString()
  return text ? `?${text}` : ''
}
