import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Arms } from './arms.ts'
import { firewallPage, forbiddenPage } from './firewall.ts'
import { readBody, send } from './http.ts'
import type { Keys } from './keys.ts'
import type { Log } from './log.ts'
import type { Logins } from './login.ts'
import type { Misbehave, PortalCall } from './misbehave.ts'
import type { Answer, Portal } from './portal.ts'

const calls: Record<string, { call: PortalCall; method: string }> = {
  '/api/agent-cron/provision': { call: 'provision', method: 'POST' },
  '/api/agent-cron/cancel': { call: 'cancel', method: 'POST' },
  '/api/agent-cron/list': { call: 'list', method: 'GET' },
  '/oauth/token': { call: 'token', method: 'POST' },
  '/.well-known/jwks.json': { call: 'jwks', method: 'GET' },
}

type RoutesNeeds = {
  arms: Arms
  portal: Portal
  logins: Logins
  keys: Keys
  misbehave: Misbehave
  log: Log
  /** Persists what a call changed; called before it is answered. */
  save: () => void
  wait: (ms: number) => Promise<void>
}

type Ask = {
  call: PortalCall
  request: IncomingMessage
  text: string | null
  agent: string | null
  jobId: string | undefined
}

/** What the portal does with a request from outside: firewall, identity, the call itself, and every misbehaviour on the way. */
export function createRoutes(needs: RoutesNeeds, { firewall }: { firewall: boolean }) {
  const { misbehave, log } = needs

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const route = calls[new URL(request.url ?? '/', 'http://nas').pathname]
    const text = await readBody(request)
    const body = parsed(text)
    const ask = { request, text, agent: agentOf(needs, request), jobId: field(body, 'job_id') }
    const note = (status: number | null, answer?: Answer) =>
      log.add({
        kind: 'request',
        call: route?.call ?? 'unknown',
        agent: ask.agent,
        job_id: ask.jobId ?? null,
        fire_at: field(body, 'fire_at') ?? null,
        schedule_id: field(answer?.body, 'schedule_id') ?? null,
        status,
        refusal: answer ? refusalOf(answer) : null,
      })
    const reply = (answer: Answer) => {
      note(answer.status, answer)
      send(response, answer)
    }
    const cut = () => {
      note(null)
      request.socket.destroy()
    }

    const where = { call: route?.call, jobId: ask.jobId }
    const down = misbehave.look('down', where)
    if (down?.word === '503') return reply({ status: 503, body: { error: 'unavailable' } })
    if (down?.word === 'reset') return cut()
    const needsJson = route?.call !== 'jwks'
    const page = firewall ? firewallPage(request.headers, { needsJson }) : null
    if (page) return reply({ status: 403, body: page })
    if (!route) return reply({ status: 404, body: { error: 'not_found' } })
    if (request.method !== route.method) {
      return reply({ status: 405, body: { error: 'method_not_allowed' }, headers: { allow: route.method } })
    }
    const canned = misbehave.act('answer', where)
    if (canned) return reply(cannedAnswer(canned.word, canned.amount))
    const answer = await answerTo(needs, { ...ask, call: route.call }, body)
    needs.save()
    const slow = misbehave.act('slow', where)
    if (slow) await needs.wait(slow.amount)
    if (misbehave.act('lose_answer', where)) return cut()
    reply(answer)
  }
}

async function answerTo(needs: RoutesNeeds, ask: Ask, body: unknown): Promise<Answer> {
  if (ask.call === 'jwks') return jwksAnswer(needs)
  if (ask.text === null) return { status: 413, body: { error: 'too_large' } }
  if (ask.call === 'token') return tokenAnswer(needs, ask.request, ask.text)
  if (ask.agent === null) {
    return {
      status: 401,
      body: { error: 'invalid_token' },
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    }
  }
  if (ask.call === 'list') {
    if (needs.misbehave.act('list_missing')) return { status: 404, body: { error: 'not_found' } }
    return needs.portal.listed(ask.agent)
  }
  if (ask.call === 'cancel') return needs.portal.cancel(ask.agent, body)
  const answer = await needs.portal.provision(ask.agent, body)
  const otherwise = answer.status === 200 && needs.misbehave.act('provision_answer', { jobId: ask.jobId })
  return otherwise ? writtenAs(otherwise.word, answer) : answer
}

function writtenAs(word: string, { body }: Answer): Answer {
  if (word === '201') return { status: 201, body }
  if (word === 'no_id') return { status: 200, body: {} }
  return { status: word === '204' ? 204 : 200, body: word === 'text' ? 'OK' : '' }
}

function tokenAnswer({ logins, misbehave }: RoutesNeeds, request: IncomingMessage, text: string): Answer {
  const headers = { 'cache-control': 'no-store', pragma: 'no-cache' }
  if (!request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    const body = { error: 'invalid_request', error_description: 'expected application/x-www-form-urlencoded' }
    return { status: 400, body, headers }
  }
  const form = new URLSearchParams(text)
  const sent = {
    header: request.headers['x-nous-refresh-token'],
    form: form.get('refresh_token') ?? undefined,
  }
  const refreshToken = refreshTokenOf(sent, misbehave.act('token_from')?.word ?? 'either')
  const answer = logins.grant(form, refreshToken)
  const isDead = answer.body['error'] === 'invalid_grant'
  const otherwise = isDead && misbehave.act('login_error')
  return otherwise ? deadLogin(otherwise.word, answer) : { ...answer, headers }
}

type SentToken = { header: string | string[] | undefined; form: string | undefined }

function refreshTokenOf({ header, form }: SentToken, from: string): string | undefined {
  const inHeader = typeof header === 'string' ? header : undefined
  if (from === 'header') return inHeader
  if (from === 'form') return form
  if (from === 'both') return inHeader === form ? form : undefined
  return inHeader ?? form
}

function deadLogin(word: string, { body }: Answer): Answer {
  if (word === 'firewall') return { status: 403, body: forbiddenPage }
  if (word === '401' || word === '403') return { status: Number(word), body: '' }
  return { status: 400, body: { ...(body as object), error: word } }
}

async function jwksAnswer({ keys, misbehave, wait }: RoutesNeeds): Promise<Answer> {
  const bad = misbehave.act('jwks', { call: 'jwks' })
  const headers = { 'content-type': 'application/json', 'cache-control': 'max-age=300' }
  if (bad?.word === 'down') return { status: 503, body: { error: 'unavailable' } }
  if (bad?.word === 'empty') return { status: 200, body: { keys: [] } }
  if (bad?.word === 'garbage') return { status: 200, body: 'keys: none {', headers }
  if (bad?.word === 'huge') return { status: 200, body: { keys: [], padding: 'x'.repeat(8_000_000) } }
  if (bad?.word === 'slow') await wait(bad.amount || 20_000)
  return { status: 200, body: keys.jwks({ withoutActive: bad?.word === 'missing' }), headers }
}

function cannedAnswer(word: string, amount: number): Answer {
  if (word === '403') return { status: 403, body: { error: 'invalid_client' } }
  if (word === '401') return { status: 401, body: { error: 'invalid_token' } }
  if (word === '429')
    return { status: 429, body: { error: 'slow_down' }, headers: { 'retry-after': String(amount || 1) } }
  if (word === 'firewall') return { status: 403, body: forbiddenPage }
  if (word === 'garbage') return { status: 200, body: 'OK, but this is no JSON {' }
  return { status: Number(word), body: { error: 'server_error' } }
}

function agentOf({ logins }: RoutesNeeds, request: IncomingMessage): string | null {
  const [, token] = /^Bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '') ?? []
  return token === undefined ? null : logins.agentOf(token)
}

function refusalOf({ status, body }: Answer): string | null {
  if (status < 400) return null
  const why = [field(body, 'error'), field(body, 'error_description')].filter(Boolean).join(': ')
  return why || (typeof body === 'string' ? 'firewall' : null)
}

function field(value: unknown, name: string): string | undefined {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
  return typeof found === 'string' ? found : undefined
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
