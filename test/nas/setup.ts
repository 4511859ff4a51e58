import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type Nas, type NasOptions, startNas } from '../../dev/nas/index.ts'

export type Fire = {
  body: { job_id?: string; fire_at?: string }
  token: string
  answer: (status: number, headers?: Record<string, string>) => void
}

/** A callback target: counts the fires it gets and answers each as told. */
export async function startTarget(
  t: TestContext,
  react: (fire: Fire, index: number) => void = (fire) => fire.answer(202),
) {
  const fires: Fire[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const token = (request.headers.authorization ?? '').replace('Bearer ', '')
    const fire: Fire = {
      body: JSON.parse(text),
      token,
      answer: (status, headers = {}) => response.writeHead(status, headers).end('{"status":"accepted"}'),
    }
    fires.push(fire)
    react(fire, fires.length - 1)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/cron/fire`
  return { url, fires }
}

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
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text.startsWith('{') ? JSON.parse(text) : { text },
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
    list: async () => (await call('GET', '/api/agent-cron/list')).body['armed'] as Record<string, string>[],
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
export async function setup(
  t: TestContext,
  options: NasOptions = {},
  react?: Parameters<typeof startTarget>[1],
) {
  const target = await startTarget(t, react)
  const nas = await startNas({ time: at(0), ...options })
  t.after(() => nas.close())
  const client = createClient(nas)
  const provision = (jobId: string, fireAt: string) => client.provision(jobId, fireAt, target.url)
  return { nas, target, client, provision }
}
