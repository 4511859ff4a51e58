import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JWK } from 'jose'
import { type Answer, type Ask, json } from '../../relay/core/index.ts'
import type { Credentials } from './credentials.ts'
import { firewallPage } from './firewall.ts'
import { askOf, fieldsOf, page, readBody, send } from './http.ts'
import type { Log } from './log.ts'
import type { Misbehave, PortalCall } from './misbehave.ts'
import { cannedAnswer, deadLogin, spoiltJwks, writtenAs } from './answers.ts'
import { Refused } from './store-manners.ts'
import type { Tokens } from './tokens.ts'

const calls: Record<string, PortalCall> = {
  '/api/agent-cron/provision': 'provision',
  '/api/agent-cron/cancel': 'cancel',
  '/api/agent-cron/list': 'list',
  '/oauth/token': 'token',
  '/.well-known/jwks.json': 'jwks',
}

type RoutesNeeds = {
  /** The relay itself: it decides about every request that gets this far. */
  relay: (ask: Ask) => Promise<Answer>
  credentials: Credentials
  tokens: Tokens
  misbehave: Misbehave
  log: Log
  /** Persists what a call changed; called before it is answered. */
  save: () => void
  wait: (ms: number) => Promise<void>
}

/** What a request from outside meets before the relay's answer and after it: the firewall, and every misbehaviour. */
export function createRoutes(needs: RoutesNeeds, { firewall }: { firewall: boolean }) {
  const { misbehave, log, credentials } = needs

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const ask = askOf(request, await readBody(request))
    const call = calls[new URL(ask.url).pathname]
    const given = fieldsOf(await ask.text())
    const jobId = textOf(given['job_id'])
    const note = (status: number | null, answer?: Answer) =>
      log.add({
        kind: 'request',
        call: call ?? 'unknown',
        agent: credentials.agentOf(ask),
        job_id: jobId ?? null,
        fire_at: textOf(given['fire_at']) ?? null,
        schedule_id: textOf(fieldsOf(answer?.body)['schedule_id']) ?? null,
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

    const where = { call, jobId }
    const down = misbehave.look('down', where)
    if (down?.word === '503') return reply(json(503, { error: 'unavailable' }))
    if (down?.word === 'reset') return cut()
    const refused = firewall ? firewallPage(request.headers, { needsJson: call !== 'jwks' }) : null
    if (refused) return reply(page(403, refused))
    if (!call) return reply(await needs.relay(ask))
    const canned = misbehave.act('answer', where)
    if (canned) return reply(cannedAnswer(canned.word, canned.amount))
    const answer = await answerTo(needs, credentials.identified(ask), call)
    needs.save()
    const slow = misbehave.act('slow', where)
    if (slow) await needs.wait(slow.amount)
    if (misbehave.act('lose_answer', where)) return cut()
    reply(answer)
  }
}

async function answerTo(needs: RoutesNeeds, ask: Ask, call: PortalCall): Promise<Answer> {
  const { relay, misbehave } = needs
  if (call === 'jwks' && ask.method === 'GET') return jwksAnswer(needs, ask)
  if (call === 'token' && ask.method === 'POST') return tokenAnswer(needs, ask)
  const answer = await relay(ask).catch((error: unknown) => {
    if (error instanceof Refused) return error.answer
    throw error
  })
  if (answer.status !== 200) return answer
  if (call === 'list' && misbehave.act('list_missing')) return json(404, { error: 'not_found' })
  if (call !== 'provision') return answer
  const jobId = textOf(fieldsOf(await ask.text())['job_id'])
  const otherwise = misbehave.act('provision_answer', { jobId })
  return otherwise ? writtenAs(otherwise.word, answer) : answer
}

async function tokenAnswer({ relay, credentials, misbehave }: RoutesNeeds, ask: Ask): Promise<Answer> {
  if (!ask.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded')) return relay(ask)
  const form = new URLSearchParams(await ask.text())
  const sent = {
    header: ask.headers.get('x-nous-refresh-token') ?? undefined,
    form: form.get('refresh_token') ?? undefined,
  }
  const refreshToken = refreshTokenOf(sent, misbehave.act('token_from')?.word ?? 'either')
  const answer = await relay(credentials.refreshing(ask, form, refreshToken))
  const { refresh_token: next, error } = fieldsOf(answer.body)
  if (typeof next === 'string') credentials.granted(next)
  const otherwise = error === 'invalid_grant' && misbehave.act('login_error')
  return otherwise ? deadLogin(otherwise.word, answer) : answer
}

type SentToken = { header: string | undefined; form: string | undefined }

function refreshTokenOf({ header, form }: SentToken, from: string): string | undefined {
  if (from === 'header') return header
  if (from === 'form') return form
  if (from === 'both') return header === form ? form : undefined
  return header ?? form
}

async function jwksAnswer({ relay, tokens, misbehave, wait }: RoutesNeeds, ask: Ask): Promise<Answer> {
  const bad = misbehave.act('jwks', { call: 'jwks' })
  const spoilt = bad && spoiltJwks(bad.word)
  if (spoilt) return spoilt
  if (bad?.word === 'slow') await wait(bad.amount || 20_000)
  const answer = await relay(ask)
  const set = fieldsOf(answer.body) as { keys: JWK[] }
  const shown = await tokens.jwks(set, { withoutActive: bad?.word === 'missing' })
  return json(answer.status, shown, answer.headers)
}

function refusalOf({ status, body }: Answer): string | null {
  if (status < 400) return null
  const { error, error_description: says } = fieldsOf(body)
  return [error, says].filter((one) => typeof one === 'string').join(': ') || (body ? 'firewall' : null)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
