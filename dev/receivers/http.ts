import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createBox } from './box.ts'

/** A call as it came in. `headers`: names in lower case. */
export type Call = { method: string; url: URL; headers: Record<string, string>; body: Buffer }

/** What a receiver answers, and what it keeps. */
export type Reply<T> = { status: number; headers?: Record<string, string>; body?: unknown; got: T }

/** What a receiver does instead of its work. `hang`: never answers; `close`: ends the connection;
 * `stall`: a beginning of a body and nothing more; `flood`: a body without an end. */
export type Misbehaviour =
  | { does: 'answer'; status: number; headers?: Record<string, string>; body?: unknown }
  | { does: 'stall'; status: number }
  | { does: 'flood'; status: number }
  | { does: 'hang' }
  | { does: 'close' }

export type Receiver<T> = {
  /** Without a trailing slash. */
  url: string
  /** What was accepted or refused by the receiver's own rules, oldest first. */
  got: T[]
  /** The calls, also those that it misbehaved at. */
  calls: Call[]
  /** For the next `times` calls, default for ever; null: it works again. */
  behave(how: Misbehaviour | null, times?: number): void
  /** What it got, once so much is there. Rejects after 5 s. */
  waitFor(count: number): Promise<T[]>
  /** Once it holds; looked at with each call. Rejects after 5 s. */
  until(isSo: () => boolean): Promise<void>
  close(): Promise<void>
}

/** A server on loopback that receives as `receive` says. */
export async function startReceiver<T>(
  receive: (call: Call) => Reply<T> | Promise<Reply<T>>,
  { port = 0 }: { port?: number } = {},
): Promise<Receiver<T>> {
  const box = createBox<T>()
  const calls: Call[] = []
  const sockets = new Set<Socket>()
  let how: Misbehaviour | null = null
  let left = Infinity

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const call = await readCall(request)
    calls.push(call)
    box.look()
    const wrong = how && left-- > 0 ? how : null
    if (wrong?.does === 'hang') return
    if (wrong?.does === 'close') return void request.socket.destroy()
    if (wrong?.does === 'stall') return void response.writeHead(wrong.status).write('the beginning')
    if (wrong?.does === 'flood') return void endless().pipe(response.writeHead(wrong.status))
    if (wrong) return answer(response, wrong)
    const reply = await receive(call)
    box.put(reply.got)
    answer(response, reply)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => answer(response, { status: 500, body: String(error) }))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: bound } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${bound}`,
    got: box.items,
    calls,
    waitFor: box.waitFor,
    until: box.until,
    behave(next, times = Infinity) {
      how = next
      left = times
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function endless(): Readable {
  return new Readable({
    read() {
      this.push('x'.repeat(64 * 1024))
    },
  })
}

/** The fields and files of a multipart body; of any other body none. */
export async function formOf({ headers, body }: Call): Promise<FormData> {
  const type = headers['content-type'] ?? ''
  if (!type.startsWith('multipart/form-data')) return new FormData()
  return new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
}

/** The object in a JSON body; null if there is none. */
export function jsonOf({ headers, body }: Call): Record<string, unknown> | null {
  if (!headers['content-type']?.startsWith('application/json')) return null
  try {
    return JSON.parse(body.toString()) as Record<string, unknown> | null
  } catch {
    return null
  }
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const { method = '', url = '/', headers } = request
  const body = await buffer(request)
  return { method, url: new URL(url, 'http://receiver'), headers: headers as Record<string, string>, body }
}

function answer(response: ServerResponse, { status, headers, body = '' }: Omit<Reply<unknown>, 'got'>): void {
  const isText = typeof body === 'string'
  const type = isText ? 'text/plain' : 'application/json'
  response.writeHead(status, { 'content-type': type, ...headers }).end(isText ? body : JSON.stringify(body))
}
