import { isAsleep, noteAnswer } from './live.ts'

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

/** Anything that was thrown, in the form in which errors are shown. */
export function asApiError(caught: unknown): ApiError {
  return caught instanceof ApiError ? caught : new ApiError(0, { detail: String(caught) })
}

/** The body of an error; `errors` names the fields that are wrong. */
export type Problem = {
  code?: string
  title?: string
  detail?: string
  errors?: readonly { path: string; message: string }[]
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Called when the API says that no one is signed in (any more). */
let signedOut = (_error: ApiError) => {}
export function onSignedOut(told: (error: ApiError) => void): void {
  signedOut = told
}

/** Headers of each call besides, by its path: the project that is looked at. */
let besides = (_path: string): Record<string, string> => ({})
export function sendsWith(headers: typeof besides): void {
  besides = headers
}

/** What was answered last, by path and project: what can be shown of a machine that sleeps. */
const known = new Map<string, unknown>()
const mostKnown = 200

/**
 * One call of the API, with the cookie of the session; `headers` are for `If-Match` and `Idempotency-Key`. While the machine
 * sleeps a GET is answered from what is known, so that looking wakes nothing; anything else wakes it, because its reader
 * asked for that.
 *
 * @throws ApiError: any answer that is no 2xx, and none at all
 */
export async function call<T>(
  method: Method,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const isLook = method === 'GET'
  const place = `${Object.values(besides(path)).join()} ${path}`
  if (isLook && isAsleep.value) return remembered(place) as T
  const response = await send(method, path, body, headers)
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const answer: unknown = isJson ? await response.json() : await response.text()
  noteAnswer(response.status, response.headers.get('x-chronos-goes-down-in'))
  if (response.ok && isLook) remember(place, answer)
  if (response.ok) return answer as T
  const error = new ApiError(response.status, isJson ? (answer as Problem) : {})
  if (response.status === 401) signedOut(error)
  throw error
}

function remember(place: string, answer: unknown): void {
  known.delete(place)
  known.set(place, answer)
  const [oldest] = known.keys()
  if (known.size > mostKnown && oldest !== undefined) known.delete(oldest)
}

function remembered(place: string): unknown {
  if (known.has(place)) return known.get(place)
  throw new ApiError(0, {
    title: 'The machine is asleep',
    detail: 'This was not looked at before it went down. Wake it (above) to see it.',
    code: 'ASLEEP',
  })
}

/** Nothing that one key has seen is shown to the next. */
export function forget(): void {
  known.clear()
}

async function send(method: Method, path: string, body: unknown, headers: Record<string, string>) {
  const all: Record<string, string> = {
    accept: 'application/json',
    'x-chronos-page': '1',
    ...besides(path),
    ...headers,
  }
  const request: RequestInit = { method, headers: all, credentials: 'same-origin' }
  if (body !== undefined) {
    all['content-type'] = 'application/json'
    request.body = JSON.stringify(body)
  }
  try {
    return await fetch(path, request)
  } catch (error) {
    noteAnswer(0, null)
    throw new ApiError(0, { detail: `The machine did not answer (${String(error)}). Try again.` })
  }
}

/** A call whose answer is read as it comes, as server-sent events: one that breaks wakes no machine by itself. */
export async function stream(
  method: Method,
  path: string,
  { body, headers, signal }: { body?: unknown; headers?: Record<string, string>; signal: AbortSignal },
): Promise<ReadableStream<Uint8Array>> {
  const response = await fetch(path, {
    ...{ method, signal, credentials: 'same-origin' },
    headers: {
      ...{ accept: 'text/event-stream', 'x-chronos-page': '1' },
      ...besides(path),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  noteAnswer(response.status, response.headers.get('x-chronos-goes-down-in'))
  if (response.ok && response.body) return response.body
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  throw new ApiError(response.status, isJson ? ((await response.json()) as Problem) : {})
}

/** `?a=1&b=2` of the values that are set; empty if none is. */
export function search(values: Record<string, string | number | boolean | null | undefined>): string {
  const set = Object.entries(values).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  )
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString()
  return text ? `?${text}` : ''
}
