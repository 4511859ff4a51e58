import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, call, type Incoming, listen, readIncoming } from './http.ts'
import { at } from './json.ts'
import { type Claims, createKey, everyKey, type SigningKey, sign } from './keys.ts'
import { createLogin, secret } from './login.ts'
import { createRelay } from './relay.ts'

export type CallName = 'provision' | 'cancel' | 'list' | 'token' | 'jwks'
export type Call = Incoming & { name: CallName | null }
export type Reply = (call: Call, response: ServerResponse, usual: () => void) => unknown

const paths: Record<string, CallName> = {
  'POST /api/agent-cron/provision': 'provision',
  'POST /api/agent-cron/cancel': 'cancel',
  'GET /api/agent-cron/list': 'list',
  'POST /oauth/token': 'token',
  'GET /.well-known/jwks.json': 'jwks',
}

/** What HTTP libraries call themselves if their user does not say otherwise: the portal's firewall knows them. */
const libraries =
  /^(node|undici|node-fetch|got|axios|ky|curl|wget|python|python-requests|go-http-client|okhttp|java)\b/i

export type PortalOptions = {
  host?: string
  port?: number
  /** What the service calls it, if that is not where it listens: a proxy in between, or TLS in front. */
  publish?: (url: string) => string | Promise<string>
  audience?: string
  accessToken?: string
}

/**
 * The portal as the contract describes it, written without a look at any other implementation: the three calls,
 * the login, the signing keys, and a timer that calls back. It keeps every call that came in.
 */
export async function createPortal(options: PortalOptions = {}) {
  const audience = options.audience ?? 'agent:conformance'
  const calls: Call[] = []
  const replies = new Map<CallName, Reply>()
  const keys: SigningKey[] = [...(await everyKey())]
  const accessToken = options.accessToken ?? secret('static')
  const login = createLogin()

  const listening = await listen((message, response) => {
    receive(message, response).catch((error: unknown) => response.destroy(error as Error))
  }, options)
  const url = options.publish ? await options.publish(listening.url) : listening.url
  const relay = createRelay({ token: () => portal.token() })

  async function receive(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const incoming = await readIncoming(message)
    const name = paths[`${incoming.method} ${incoming.path}`] ?? null
    const received: Call = Object.assign(incoming, { name })
    calls.push(received)
    response.on('finish', () => (received.answeredAt = Date.now()))
    response.on('close', () => (received.closedAt ??= received.answeredAt ? undefined! : Date.now()))
    const usual = () => behave(received, response)
    const reply = name && replies.get(name)
    await (reply ? reply(received, response, usual) : usual())
  }

  function behave(received: Call, response: ServerResponse): void {
    const { name } = received
    if (!name) return answer(response, 404, { error: 'not_found' })
    if (name === 'jwks') return answer(response, 200, { keys: keys.map(({ jwk }) => jwk) })
    if (isStopped(received)) return firewallPage(response)
    if (name === 'token') {
      const granted = login.answer(received)
      return answer(response, granted.status, granted.body)
    }
    if (!isAllowed(received)) return answer(response, 401, { error: 'invalid_token' })
    if (name === 'list') return answer(response, 200, { armed: relay.list() })
    const jobId = String(at(received.body, 'job_id'))
    if (name === 'cancel') {
      relay.cancel(jobId)
      return answer(response, 200, { ok: true })
    }
    const row = relay.arm({
      jobId,
      fireAt: String(at(received.body, 'fire_at')),
      callback: String(at(received.body, 'agent_callback_url')),
      dedupKey: String(at(received.body, 'dedup_key')),
    })
    return answer(response, 200, { schedule_id: row.scheduleId })
  }

  function isAllowed({ headers }: Call): boolean {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
    return token !== undefined && (token === accessToken || login.hasAccess(token))
  }

  const portal = {
    url,
    audience,
    calls,
    keys,
    accessToken,
    login,
    relay,
    rows: relay.rows,

    /** How a call is answered from now on; without `reply` as usual again. */
    answer(name: CallName, reply?: Reply): void {
      if (reply) replies.set(name, reply)
      else replies.delete(name)
    },

    /** Everything as at the beginning, rows and calls apart. */
    behave(): void {
      replies.clear()
      relay.reset()
      Object.assign(login, { reads: 'both', expiresIn: 900 })
    },

    callsOf: (name: CallName, jobId?: string) =>
      calls.filter((it) => it.name === name && (jobId === undefined || at(it.body, 'job_id') === jobId)),

    claims(changes: Claims = {}): Claims {
      const now = Math.floor(Date.now() / 1000)
      return { aud: audience, iss: url, iat: now, nbf: now, exp: now + 60, purpose: 'cron_fire', ...changes }
    },

    token: (changes: Claims = {}, key = keys[0]!) => sign(key, portal.claims(changes)),

    /** `POST /api/cron/fire` at `base`, by hand. */
    async fire(base: string, body: unknown, { token }: { token?: string } = {}): Promise<Answer> {
      const headers = { Authorization: `Bearer ${token ?? (await portal.token())}` }
      return call('POST', `${base}/api/cron/fire`, { headers, json: body })
    },

    /** A new key signs from now on; the key set has it too. */
    async rotate(): Promise<void> {
      keys.unshift(await createKey('ES256', `es256-${keys.length + 1}-${secret('k').slice(2, 8)}`))
    },

    async close(): Promise<void> {
      relay.stop()
      await listening.close()
    },
  }
  return portal
}

export type Portal = Awaited<ReturnType<typeof createPortal>>

function isStopped({ headers }: Call): boolean {
  const agent = headers['user-agent'] ?? ''
  return agent === '' || libraries.test(agent) || !(headers.accept ?? '').includes('application/json')
}

export function isLibraryName(userAgent: string): boolean {
  return libraries.test(userAgent)
}

function answer(response: ServerResponse, status: number, body?: unknown, headers = {}): void {
  if (body === undefined) return void response.writeHead(status, headers).end()
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
}

function firewallPage(response: ServerResponse): void {
  const page =
    '<!DOCTYPE html><html><head><title>Attention Required!</title></head><body>Blocked</body></html>'
  response.writeHead(403, { 'Content-Type': 'text/html; charset=UTF-8', Server: 'cloudflare' }).end(page)
}

/** Replies for `portal.answer`. */
export const replies = {
  json:
    (status: number, body?: unknown, headers = {}): Reply =>
    (_, response) =>
      answer(response, status, body, headers),
  text:
    (status: number, text: string): Reply =>
    (_, response) =>
      response.writeHead(status, { 'Content-Type': 'text/plain' }).end(text),
  firewall: ((_, response) => firewallPage(response)) as Reply,
  cut: ((_, response) => response.destroy()) as Reply,
  hang: (() => {}) as Reply,
}
