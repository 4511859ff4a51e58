import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { createSignal } from '../../dev/nas/signal.ts'
import { type ListedArm, type Nas, type NasOptions, startNas } from '../../dev/nas/index.ts'

export type Fire = {
  path: string | undefined
  body: { job_id?: string; fire_at?: string }
  token: string
  answer: (status: number, headers?: Record<string, string>) => void
}

type React = (fire: Fire, index: number) => void

/** A callback target: keeps the fires it gets and lets `react` answer them; without it each is answered 202. */
export async function startTarget(t: TestContext, react: React = (fire) => fire.answer(202)) {
  const fires: Fire[] = []
  const arrivals = createSignal()
  const server = createServer((request, response) => {
    // a call that its sender broke off is no fire
    void text(request).then(fired, () => response.destroy())

    function fired(body: string) {
      const fire: Fire = {
        path: request.url,
        body: JSON.parse(body) as Fire['body'],
        token: (request.headers.authorization ?? '').replace('Bearer ', ''),
        answer: (status, headers = {}) => response.writeHead(status, headers).end('{"status":"accepted"}'),
      }
      fires.push(fire)
      react(fire, fires.length - 1)
      arrivals.changed()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return {
    /** The base URL that fires are sent below. */
    url: `http://127.0.0.1:${address.port}`,
    fires,
    jobs: () => fires.map((fire) => fire.body.job_id),
    /** Resolves when so many fires have come in all. */
    arrived: (count: number) => arrivals.until(() => fires.length >= count, 5_000, `${count} fires`),
  }
}

/** The claims of the fire's token, unverified. */
export function claimsOf(fire: Fire | undefined): Record<string, unknown> {
  const [, payload = ''] = fire?.token.split('.') ?? []
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}

export const instants = (rows: { fire_at?: string }[]) => rows.map((row) => row.fire_at)

export const startMs = Date.parse('2026-06-18T12:00:00.000Z')

/** An instant `offsetMs` after the time at which `setup`'s NAS begins. */
export const at = (offsetMs: number) => new Date(startMs + offsetMs).toISOString()

type Reply = { status: number; body: Record<string, unknown>; headers: Headers }

/** Calls a NAS as a well-behaved client does. */
export function createClient(nas: Nas, token: string | null = nas.accessToken) {
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply> => {
    const response = await fetch(`${nas.url}${path}`, {
      method,
      headers: {
        'user-agent': 'nas-test/1',
        accept: 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body instanceof URLSearchParams ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: body instanceof URLSearchParams ? body : JSON.stringify(body) }),
    })
    const content = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: content.startsWith('{') ? (JSON.parse(content) as Reply['body']) : { text: content },
    }
  }
  return {
    call,
    provision: (jobId: string, fireAt: string, url: string) =>
      call('POST', '/api/agent-cron/provision', {
        job_id: jobId,
        fire_at: fireAt,
        agent_callback_url: url,
        dedup_key: `${jobId}:${fireAt}`,
      }),
    cancel: (jobId: string) => call('POST', '/api/agent-cron/cancel', { job_id: jobId }),
    list: async () => (await call('GET', '/api/agent-cron/list')).body['armed'] as ListedArm[],
    refresh: (refreshToken: string, fields: Record<string, string> = {}) =>
      call(
        'POST',
        '/oauth/token',
        new URLSearchParams({
          grant_type: 'refresh_token',
          client_id: nas.clientId,
          refresh_token: refreshToken,
          ...fields,
        }),
      ),
  }
}

/** A NAS whose clock stands at `startMs`, a target that answers 202, and a client. */
export async function setup(t: TestContext, options: NasOptions = {}, react?: React) {
  const target = await startTarget(t, react)
  const nas = await startNas({ time: at(0), ...options })
  t.after(() => nas.close())
  const client = createClient(nas)
  const provision = (jobId: string, fireAt: string) => client.provision(jobId, fireAt, target.url)
  return { nas, target, client, provision }
}
