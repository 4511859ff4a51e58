import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { readAsked } from './answer.ts'
import { behaviours, type ModelBehaviour } from './behaviours.ts'

/** A call as it came in. `body`: parsed; the text itself if it is not JSON. Names of headers in lower case. */
export type ModelCall = { method: string; path: string; headers: Record<string, string>; body: unknown }

export type Model = {
  /** What a client takes as its base URL; without a trailing slash. */
  url: string
  /** Oldest first. A call is in here before any of its answer is sent. */
  calls: ModelCall[]
  /** From now on. */
  behave(behaviour: ModelBehaviour): void
  /** Once so many calls are there. Rejects after 5 s. */
  waitFor(count: number): Promise<ModelCall[]>
  /** Once no connection stands any more. Rejects after 5 s. */
  allClosed(): Promise<void>
  close(): Promise<void>
}

type Options = { port?: number; print?: (line: string) => void }

const longestWaitMs = 5_000

/**
 * A server that speaks as OpenAI's `chat/completions` does, streamed or not, without a model behind it: it answers
 * with what it was asked, unless it is told to misbehave. Another process tells it by `POST {url}/_behave` with a
 * behaviour as JSON. Rejects with the system's error (`EADDRINUSE`).
 */
export async function startModel({ port = 0, print }: Options = {}): Promise<Model> {
  const calls: ModelCall[] = []
  const sockets = new Set<Socket>()
  const waiting = new Set<() => void>()
  const tell = () => waiting.forEach((look) => look())
  let behaviour: ModelBehaviour = { does: 'answer' }

  function behave(wanted: ModelBehaviour) {
    if (!Object.hasOwn(behaviours, wanted.does))
      throw new RangeError(`"${wanted.does}" is no behaviour; known: ${Object.keys(behaviours).join(', ')}`)
    behaviour = { ...wanted }
  }

  function nextBehaviour(): ModelBehaviour {
    const now = behaviour
    if (now.times !== undefined && --now.times <= 0) behaviour = { does: 'answer' }
    return now
  }

  const server = createServer((request, response) => {
    const serve = async () => {
      const body = await readJson(request)
      const path = (request.url ?? '').split('?')[0] ?? ''
      if (path === '/v1/_behave') {
        behave(body as ModelBehaviour)
        return response.writeHead(204).end()
      }
      calls.push({ method: request.method ?? '', path, headers: textsOf(request), body })
      print?.(`${request.method} ${path} ${JSON.stringify(body)}`)
      tell()
      if (request.method !== 'POST' || path !== '/v1/chat/completions') return response.writeHead(404).end()
      return behaviours[behaviour.does]({
        request,
        response,
        asked: readAsked(body),
        behaviour: nextBehaviour(),
      })
    }
    serve().catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else response.writeHead(400).end(String(error))
    })
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

  function until(isSo: () => boolean, what: () => string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error(`${what()} after ${longestWaitMs} ms`)), longestWaitMs)
    const look = () => {
      if (isSo()) resolve()
    }
    waiting.add(look)
    look()
    return promise.finally(() => {
      clearTimeout(timer)
      waiting.delete(look)
    })
  }

  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    calls,
    behave,
    async waitFor(count) {
      await until(
        () => calls.length >= count,
        () => `${calls.length} calls came instead of ${count}`,
      )
      return calls
    },
    allClosed: () =>
      until(
        () => sockets.size === 0,
        () => `${sockets.size} connections are still open`,
      ),
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = []
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
  const text = Buffer.concat(pieces).toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function textsOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
