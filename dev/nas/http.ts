import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, type Ask, mostBytes } from '../../relay/core/index.ts'

/** The body as text, and no more of it than shows that it is too large. The rest is read and dropped. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (length <= mostBytes) chunks.push(chunk)
    length += chunk.length
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The request as the relay reads it. */
export function askOf({ method = 'GET', url = '/', headers }: IncomingMessage, text: string): Ask {
  return {
    method,
    url: new URL(url, 'http://nas').href,
    headers: { get: (name) => [headers[name.toLowerCase()] ?? []].flat().join(', ') || null },
    text: () => Promise.resolve(text),
  }
}

/** The fields of a JSON object; none if the text is anything else. */
export function fieldsOf(text: string | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** A text in place of JSON; usually a page. */
export function page(status: number, text: string): Answer {
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body: text }
}

export function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const length = body === null ? {} : { 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, { ...headers, ...length }).end(body)
}

export type Listener = {
  address(): AddressInfo
  /** Refuses connections from now on; those that are idle are closed. */
  shut(): void
  /** Takes connections again, at the same port. */
  open(): Promise<void>
  /** Cuts what is open; resolves when the port is free. */
  close(): Promise<void>
}

export type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** A listening server; port 0 takes a free one. Rejects with the system's error (`EADDRINUSE`) if it cannot listen. */
export async function listen(input: { host: string; port: number; handle: Handle }): Promise<Listener> {
  let port = input.port
  const server: Server = createServer((request, response) => {
    if (!server.listening) response.setHeader('connection', 'close')
    input.handle(request, response).catch(() => response.destroy())
  })
  const open = async () => {
    if (server.listening) return
    server.listen(port, input.host)
    await once(server, 'listening')
  }
  await open()
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error(`listening on ${address}, expected a port`)
  port = address.port

  const shut = () => {
    if (!server.listening) return
    server.close()
    server.closeIdleConnections()
  }
  return {
    address: () => address,
    open,
    shut,
    async close() {
      if (!server.listening) return server.closeAllConnections()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
