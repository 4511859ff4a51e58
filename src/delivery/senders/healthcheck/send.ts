import { call, verdictOf } from '../shared/call.ts'
import type { Sent, Message } from '../shared/message.ts'
import type { Sending } from '../shared/sending.ts'
import { beginningOf, withoutHalfStart } from '../../../ground/text.ts'

export type HealthcheckTarget = {
  type: 'healthcheck'
  url: string
  /** Default: healthchecks */
  style?: 'healthchecks' | 'cronitor'
}

// Healthchecks keeps 100 kB; older and self-hosted ones 10 kB.
const mostBytes = 10_000
// https://cronitor.io/docs/telemetry-api
const mostMessage = 2_000

/** A ping of Healthchecks (https://healthchecks.io/docs/http_api) or Cronitor, told apart by run, so that overlaps are. */
export async function pingHealthcheck(
  sending: Sending,
  target: HealthcheckTarget,
  message: Message,
): Promise<Sent> {
  const headers = { 'user-agent': sending.userAgent }
  if (target.style === 'cronitor') {
    return verdictOf(await call(sending, { url: cronitorUrl(target.url, message), method: 'GET', headers }))
  }
  const body = tail(reportOf(message))
  const asText = { ...headers, 'content-type': 'text/plain; charset=utf-8' }
  return verdictOf(await call(sending, { url: pingUrl(target.url, message), headers: asText, body }))
}

/** `log` leaves the state of a check as it is: a test must not make one look well. */
const pings = {
  start: '/start',
  success: '',
  recovery: '',
  failure: '/fail',
  test: '/log',
  health: '/log',
} as const

function pingUrl(base: string, { event, run }: Message): URL {
  const url = new URL(base)
  url.pathname = url.pathname.replace(/(?<!\/)\/+$/, '') + pings[event]
  url.searchParams.set('rid', run.id)
  return url
}

const states = {
  start: 'run',
  success: 'complete',
  recovery: 'complete',
  failure: 'fail',
  test: null,
  health: null,
} as const

function cronitorUrl(base: string, message: Message): URL {
  const url = new URL(base)
  const { event, run } = message
  const state = states[event]
  if (state) url.searchParams.set('state', state)
  url.searchParams.set('series', run.id)
  if (run.durationMs !== null) url.searchParams.set('metric', `duration:${run.durationMs / 1000}`)
  const text = message.error ? `${message.error.code}: ${message.error.message}` : ''
  if (text) url.searchParams.set('message', beginningOf(text, mostMessage))
  return url
}

function reportOf({ error, output }: Message): string {
  return [output, error && `${error.code}: ${error.message}`].filter(Boolean).join('\n\n')
}

/** The last bytes of a text, from a whole character on. */
function tail(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= mostBytes) return text
  return withoutHalfStart(bytes.subarray(-mostBytes)).toString()
}
