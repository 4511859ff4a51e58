import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Behaviour, behaviours } from './behaviours.ts'

/** A call as it came in. `at`: ISO 8601. `path`: with its query. `headers`: names in lower case. */
export type TargetCall = {
  method: string
  path: string
  headers: Record<string, string>
  body: string
  at: string
}

export type Target = {
  /** Without a trailing slash. */
  url: string
  /** Oldest first. A call is in here (and in the log file) before any of its answer is sent. */
  calls: TargetCall[]
  /** The calls, once so many are there or the predicate holds. Rejects after `timeoutMs`, default 5 s. */
  waitFor(wanted: number | ((calls: TargetCall[]) => boolean), timeoutMs?: number): Promise<TargetCall[]>
  /** From now on; the path is compared without its query. */
  behave(path: string, behaviour: Behaviour): void
  /** Calls that it will never answer (`hang`), and whose callers still wait. */
  hanging(): number
  /** Once no connection stands any more. Rejects as `waitFor`. */
  allClosed(timeoutMs?: number): Promise<void>
  close(): Promise<void>
}

export type TargetOptions = {
  /** Default: a free one. */
  port?: number
  /** A file that gets one JSON line (`TargetCall`) per call. */
  log?: string
  print?: (line: string) => void
}

/**
 * A program that jobs can call, on loopback. It answers 200 unless told otherwise, and keeps what it was sent.
 *
 * Other processes read it by `GET /_calls` (`?path=` for one path) and change it by
 * `POST /_behave {"path","behaviour"}`; neither counts as a call. Rejects with the system's error (`EADDRINUSE`).
 */
export async function startTarget({ port = 0, log, print }: TargetOptions = {}): Promise<Target> {
  const calls: TargetCall[] = []
  const set = new Map<string, Behaviour>()
  const sockets = new Set<Socket>()
  const waiting = new Set<() => void>()
  const hanging = new Set<ServerResponse>()
  const tell = () => waiting.forEach((look) => look())

  const keep = (call: TargetCall) => {
    calls.push(call)
    if (log !== undefined) appendFileSync(log, `${JSON.stringify(call)}\n`)
    print?.(`${call.at} ${call.method} ${call.path} ${call.headers['idempotency-key'] ?? ''}`.trimEnd())
    tell()
  }

  const behaviourOf = (path: string): Behaviour => {
    const behaviour = set.get(path)
    if (!behaviour) return { does: 'status' }
    if (behaviour.times !== undefined && --behaviour.times <= 0) set.delete(path)
    return behaviour
  }

  const behave = (path: string, behaviour: Behaviour) => {
    if (!Object.hasOwn(behaviours, behaviour.does))
      throw new RangeError(
        `"${behaviour.does}" is no behaviour; known: ${Object.keys(behaviours).join(', ')}`,
      )
    set.set(path, { ...behaviour })
  }

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readText(request)
    const [path = '', query] = (request.url ?? '').split('?')
    if (path === '/_calls') return sendCalls(response, calls, new URLSearchParams(query).get('path'))
    if (path === '/_behave') return takeBehaviour(response, body, behave)
    keep(callOf(request, body))
    const behaviour = behaviourOf(path)
    if (behaviour.does === 'hang') {
      hanging.add(response)
      response.once('close', () => hanging.delete(response))
    }
    return behaviours[behaviour.does]({ request, response, body, behaviour })
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      tell()
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error(`listening on ${address}, expected a port`)

  return {
    url: `http://127.0.0.1:${address.port}`,
    calls,
    behave,
    hanging: () => hanging.size,
    async waitFor(wanted, timeoutMs = 5_000) {
      const isThere = typeof wanted === 'number' ? () => calls.length >= wanted : () => wanted(calls)
      await waitUntil(isThere, waiting, timeoutMs).catch((cause: unknown) => {
        throw new Error(`${calls.length} calls came within ${timeoutMs} ms instead of ${String(wanted)}`, {
          cause,
        })
      })
      return calls
    },
    async allClosed(timeoutMs = 5_000) {
      await waitUntil(() => sockets.size === 0, waiting, timeoutMs).catch((cause: unknown) => {
        throw new Error(`${sockets.size} connections are still open after ${timeoutMs} ms`, { cause })
      })
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function waitUntil(isThere: () => boolean, waiting: Set<() => void>, timeoutMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error('time is over')), timeoutMs)
  const look = () => {
    if (isThere()) resolve()
  }
  waiting.add(look)
  look()
  return promise.finally(() => {
    clearTimeout(timer)
    waiting.delete(look)
  })
}

async function readText(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}

function callOf({ method = '', url = '', headers }: IncomingMessage, body: string): TargetCall {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) texts[name] = String(value)
  return { method, path: url, headers: texts, body, at: new Date().toISOString() }
}

function sendCalls(response: ServerResponse, calls: TargetCall[], path: string | null) {
  const asked = path === null ? calls : calls.filter((call) => call.path.split('?')[0] === path)
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(asked))
}

function takeBehaviour(response: ServerResponse, body: string, behave: Target['behave']) {
  try {
    const wanted: unknown = JSON.parse(body)
    if (!isWanted(wanted)) throw new TypeError('the body is no {"path":"/…","behaviour":{"does":"…"}}')
    behave(wanted.path, wanted.behaviour)
    response.writeHead(204).end()
  } catch (error) {
    response.writeHead(400).end(String(error))
  }
}

function isWanted(value: unknown): value is { path: string; behaviour: Behaviour } {
  if (!isObject(value) || !('path' in value) || !('behaviour' in value)) return false
  const { path, behaviour } = value
  return typeof path === 'string' && isObject(behaviour) && 'does' in behaviour
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
