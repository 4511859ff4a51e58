import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Answer } from './portal.ts'

// A provision is below 1 KB; whatever is longer is not for us.
const longestBody = 65_536

/** The whole body as text; null if it is longer than 64 KB. */
export async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= longestBody) chunks.push(chunk)
  }
  return length > longestBody ? null : Buffer.concat(chunks).toString('utf8')
}

/** Sends the answer: texts as they are (HTML unless the headers say otherwise), everything else as JSON. */
export function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8'
  if (status === 204) return void response.writeHead(204, headers).end()
  response
    .writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers })
    .end(text)
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

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>

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
