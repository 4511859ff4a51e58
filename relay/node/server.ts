import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, type Ask, mostBytes } from '../core/index.ts'

type ServerNeeds = {
  host: string
  port: number
  handle: (ask: Ask) => Promise<Answer>
  failed: (error: unknown) => void
}
const timeouts = {
  requestTimeout: 30_000,
  headersTimeout: 10_000,
  // Longer than proxies keep an idle connection (60 s): one that we close just as it is used again costs an answer.
  keepAliveTimeout: 75_000,
}

/** Listens when this resolves. Rejects with the system's error if the port cannot be had. */
export async function listen({ host, port, handle, failed }: ServerNeeds) {
  const server = createServer(timeouts, (request, response) => {
    answer(request, handle).then(
      (it) => write(response, it),
      (error: unknown) => {
        failed(error)
        const body = '{"error":"server_error","error_description":"The relay failed. Try again."}'
        write(response, { status: 500, headers: { 'content-type': 'application/json' }, body })
      },
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    /** Takes no more; resolves when all open requests are answered. */
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
    cut: () => server.closeAllConnections(),
  }
}

async function answer(request: IncomingMessage, handle: ServerNeeds['handle']): Promise<Answer> {
  const { method = 'GET', headers } = request
  const text = await read(request)
  if (text === null) return { status: 413, headers: { connection: 'close' }, body: null }
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'
  const url = URL.parse(`${scheme}://${headers.host ?? 'relay'}${request.url ?? '/'}`)
  if (!url) return { status: 400, headers: { connection: 'close' }, body: null }
  return handle({
    method,
    url: url.href,
    headers: { get: (name) => headerOf(headers[name.toLowerCase()]) },
    text: () => Promise.resolve(text),
  })
}

function headerOf(value: string | string[] | undefined): string | null {
  return Array.isArray(value) ? value.join(', ') : (value ?? null)
}

/** The body as text; null if it is too large. The rest of it is not read. */
async function read(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function write(response: ServerResponse, { status, headers, body }: Answer): void {
  const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  response.writeHead(status, { ...headers, ...length })
  response.end(response.req.method === 'HEAD' ? undefined : (body ?? undefined))
}
