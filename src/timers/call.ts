import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type RequestOptions,
} from 'node:http'
import { urlToHttpOptions } from 'node:url'
import { isJsonObject } from '../ground/json.ts'
import { readRetryAfter } from '../ground/retry-after.ts'
import { failureName } from '../ground/failure-name.ts'
import { createRedactorMemory, type Redactor } from '../redact/index.ts'
import { type CallCode, failure, type TimerAnswer, type TimerFailure } from './answer.ts'
import { type BodyReader, createWholeReader } from './body.ts'
import { type Connections, createConnections } from './connections.ts'

export type Call<Service extends string> = {
  /** What the codes of its failures begin with. */
  service: Service
  method: 'get' | 'post' | 'delete'
  url: URL
  headers: Record<string, string>
  json?: unknown
  body?: URLSearchParams
  /** Beside the `authorization` header: what an answer may echo, and no log may show. */
  secrets?: readonly string[]
  /** For the whole call, body included. */
  timeoutMs: number
  /** For a long answer: with no byte for so long it is given up before its time is over. */
  silenceMs?: number | undefined
  maxBytes: number
  /** The reader of its body; default: as a whole. */
  reader?: BodyReader | undefined
  signal?: AbortSignal | undefined
}

/** `body` is null if the answer held no JSON object; `text` is the beginning of its body then. */
export type Reply = {
  status: number
  headers: IncomingHttpHeaders
  body: Record<string, unknown> | null
  text: string
}

// Failures before a connection stood: nothing can have been received.
const unsent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/**
 * One HTTP request: no retry, no redirect followed. Any status is a reply; a failure (always transient) is a
 * call without one.
 *
 * By `node:http` itself, which a server has loaded anyway: the fetch beneath ky costs a boot 35 to 70 ms, and the
 * first arm stands between a fire and its 202.
 */
export async function send<Service extends string>(call: Call<Service>): Promise<Sent<Service>> {
  const { service, url, timeoutMs, silenceMs = timeoutMs, reader = createWholeReader(), signal } = call
  const aborted = failure('transient', `${service}_ABORTED` as const, 'the call was cancelled on our side')
  if (signal?.aborted) return aborted
  const open = url.protocol === 'https:' ? (await loadTls()).open : openPlain
  const redactor = redactorOf(call)
  return new Promise((resolve) => {
    const asked = open(url, call)
    const finish = (answer: Sent<Service>) => {
      clearTimeout(timer)
      clearTimeout(silence)
      signal?.removeEventListener('abort', giveUp)
      resolve(answer)
      if (!answer.ok) asked.destroy()
    }
    const giveUpAfter = (ms: number, what: string) =>
      setTimeout(() => finish(failure('transient', `${service}_TIMEOUT`, `no ${what} within ${ms} ms`)), ms)
    const timer = giveUpAfter(timeoutMs, 'complete answer')
    const silence = silenceMs < timeoutMs ? giveUpAfter(silenceMs, 'byte of an answer') : undefined
    const giveUp = () => finish(aborted)
    signal?.addEventListener('abort', giveUp, { once: true })
    asked.on('error', (error) => finish(broken(service, error)))
    asked.on('response', (response) => {
      response.on('data', () => silence?.refresh())
      read(response, { call, reader, redactor, finish })
    })
    asked.end(bodyOf(call))
    // while the service answers
    if (call.json) setImmediate(redactor.prepare)
  })
}

type Sent<Service extends string> = TimerAnswer<Reply, CallCode<Service>>
type AnyCall = Call<string>
type Open = (url: URL, call: AnyCall) => ClientRequest

const plain = createConnections(Agent)
const openPlain: Open = (url, call) => request(optionsOf(url, plain.agent, call))
let overTls: Promise<{ connections: Connections; open: Open }> | undefined

/** TLS is loaded with its first use. */
function loadTls() {
  overTls ??= import('node:https').then((https) => {
    const connections = createConnections(https.Agent)
    const { agent } = connections
    const open: Open = (url, call) => https.request(optionsOf(url, agent, call))
    return { connections, open }
  })
  return overTls
}

/** Of addresses that are called again, each a URL that stays. */
const places = new WeakMap<URL, RequestOptions>()

function optionsOf(url: URL, agent: Agent, call: AnyCall): RequestOptions {
  const place = places.get(url) ?? urlToHttpOptions(url)
  places.set(url, place)
  return { ...place, agent, method: call.method, headers: headersOf(call) }
}

/** Opens a connection for the next call of `url`, unless there is one; see `Connections`. */
export function openConnection(url: URL): void {
  if (url.protocol !== 'https:') plain.open(url)
  else void loadTls().then(({ connections }) => connections.open(url))
}

function headersOf({ headers, json, body }: AnyCall): Record<string, string> {
  const own = { ...headers, 'accept-encoding': 'identity' }
  if (json !== undefined) return { ...own, 'content-type': 'application/json' }
  return body ? { ...own, 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' } : own
}

function bodyOf({ json, body }: AnyCall): string | undefined {
  return json === undefined ? body?.toString() : JSON.stringify(json)
}

type Reading<Service extends string> = {
  call: Call<Service>
  reader: BodyReader
  redactor: Redactor
  finish: (answer: Sent<Service>) => void
}

function read<Service extends string>(response: IncomingMessage, reading: Reading<Service>) {
  const { call, reader, redactor, finish } = reading
  const { service, maxBytes } = call
  let size = 0
  response.on('data', (chunk: Buffer) => {
    size += chunk.length
    const problem = size > maxBytes ? `the answer is larger than ${maxBytes} bytes` : reader.take(chunk)
    if (problem !== null) finish(failure('transient', `${service}_UNREADABLE`, problem))
  })
  response.on('error', (error) => finish(broken(service, error)))
  response.on('end', () => {
    const { statusCode: status = 0, headers } = response
    const isOk = status >= 200 && status < 300
    const given = reader.end()
    // the answers of a login hold tokens that are wanted; those to a JSON request hold none
    const body = given && (!isOk || call.json) ? (redactor.json(given) as typeof given) : given
    finish({ ok: true, value: { status, headers, body, text: body ? '' : (reader.text?.() ?? '').trim() } })
  })
}

/** What a service says goes into rows and logs, and it may echo the tokens of the request. */
function redactorOf({ headers, secrets = [] }: AnyCall): Redactor {
  const { authorization } = headers
  const token = authorization && (/^Bearer (\S+)$/.exec(authorization)?.[1] ?? authorization)
  return redactorFor(token ? [token, ...secrets] : secrets)
}

/** Making a redactor ready costs a millisecond or two, and calls with one token follow each other. */
const redactorFor = createRedactorMemory(4)

function broken<Service extends string>(service: Service, error: unknown): TimerFailure<CallCode<Service>> {
  const name = failureName(error)
  const how = unsent.has(name) ? 'UNREACHABLE' : 'ANSWER_LOST'
  return failure('transient', `${service}_${how}` as const, `the call failed: ${name}`)
}

const mostRetryAfterMs = 3_600_000

/** The meaning of an answer other than 2xx. */
export function failureOf<Service extends string>(
  service: Service,
  { status, headers, body }: Reply,
): TimerFailure<CallCode<Service>> {
  const said = errorOf(body)
  const message = said ? `answered ${status}: ${said}` : `answered ${status}`
  const retryAfterMs = readRetryAfter(headers['retry-after'], mostRetryAfterMs)
  const more = { status, ...(retryAfterMs === null ? {} : { retryAfterMs }) }
  if (status === 429) return { ...failure('transient', `${service}_BUSY` as const, message), ...more }
  // Without a JSON body it was not the service that spoke, but something in front of it (a firewall, a maintenance page).
  // 408 and 425 ask for the same request again; a redirect is not followed.
  const isOurs = body && status >= 400 && status < 500 && status !== 408 && status !== 425
  if (isOurs) return { ...failure('rejected', `${service}_REJECTED` as const, message), ...more }
  return { ...failure('transient', `${service}_FAILED` as const, message), ...more }
}

/** True for an HTML page: it is from a firewall or a proxy, never from the service or its login. */
export function isPage({ text }: Reply): boolean {
  return text.startsWith('<')
}

/** The text of an error body (`error`, and `error_description`, `detail` or `message` behind it), cut short. */
export function errorOf(body: Record<string, unknown> | null): string {
  const error = body?.['error']
  // as Google has it
  const inner = isJsonObject(error) ? [error['status'], error['message']] : [error]
  const parts = [...inner, body?.['error_description'] ?? body?.['detail'] ?? body?.['message']]
  const text = parts.filter((part) => typeof part === 'string').join(': ')
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200)
}
