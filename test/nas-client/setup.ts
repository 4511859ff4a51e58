import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { startNas, type NasOptions } from '../../dev/nas/index.ts'
import { createNasClient, createStaticToken, type AccessTokens } from '../../src/timers/nas/index.ts'

export const userAgent = 'chronos/0.1.0'
export const jobId = 'ab12cd34ef56'
export const callbackUrl = 'https://chronos.test'

export type LogLine = { level: string; message: string; fields: object }

export function collectLog() {
  const lines: LogLine[] = []
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields })
  return { lines, info: write('info'), warn: write('warn'), error: write('error') }
}

/** The local NAS, and a client for it. */
export async function setup(
  t: TestContext,
  options: NasOptions & { timeoutMs?: number; token?: string } = {},
) {
  const nas = await startNas(options)
  t.after(() => nas.close())
  const log = collectLog()
  const { timeoutMs = 15_000, token = nas.accessToken } = options
  const connect = (accessToken: AccessTokens) =>
    createNasClient({ portalUrl: nas.url, accessToken, userAgent, log, timeoutMs })
  return { nas, log, connect, client: connect(createStaticToken(token)) }
}

export type Seen = { request: IncomingMessage; body: string }

/** A portal that answers as it is told, for what no NAS would do. */
export async function oddPortal(
  t: TestContext,
  answer: (response: ServerResponse, seen: Seen[]) => void,
  token = 't',
) {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      seen.push({ request, body })
      answer(response, seen)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  assert.ok(address && typeof address === 'object')
  const url = `http://127.0.0.1:${address.port}`
  const log = collectLog()
  const client = createNasClient({
    portalUrl: `${url}/`,
    accessToken: createStaticToken(token),
    userAgent,
    log,
    timeoutMs: 2_000,
  })
  return { seen, url, log, client }
}
