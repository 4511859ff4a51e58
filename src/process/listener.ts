import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { BoundSocket, isIPv4 } from 'node:net'
import { answerUnreadable } from './unreadable.ts'

/** A port that is open before the program that will answer is loaded. */
export type Listener = {
  server: Server
  /** Rejects with the system's error (EADDRINUSE). */
  listen(address: { host: string; port: number }): Promise<void>
  /** Resolves when the first call has been answered, or its sender has gone. Checks of the platform do not count. */
  firstAnswered: Promise<void>
  /** From now on `answer` gets every request; first those that have come in meanwhile, in their order. */
  serve(answer: RequestListener): void
}

/** As in Fastify: longer than the proxies in front keep an idle connection, so that they are the ones to close it. */
const keepAliveMs = 72_000

/** The platform asks here whether a machine is alive (fly.toml), and starts none for it. */
const checkPath = '/healthz'

/**
 * The proxy that started this machine tries again and again to connect, and gives up after some seconds: an open port
 * is all that it waits for. To read and evaluate the program takes longer than all that Node itself does at a start.
 *
 * Node accepts one connection in a turn of the event loop. If a crowd connects at once, and its first requests make the
 * turns long, the last one is accepted after as many long turns as there are connections: it has waited for seconds when
 * its request is read. So requests wait while connections come in: such turns are short. None waits longer
 * than about `acceptingMs`.
 */
export function createListener(acceptingMs = 50): Listener {
  let waiting: Parameters<RequestListener>[] = []
  let answer: RequestListener | null = null
  /** A connection came in this turn of the event loop; a look at it follows in the next one. */
  let hasAccepted = false
  let isAccepting = false
  let waitsSince = 0
  const server = createServer({
    requestTimeout: 30_000,
    connectionsCheckingInterval: 5_000,
    keepAliveTimeout: keepAliveMs,
  })
  server.on('clientError', answerUnreadable)
  server.on('connection', () => {
    hasAccepted = true
    if (isAccepting) return
    isAccepting = true
    setImmediate(look)
  })
  server.on('request', (...call) => {
    if (waiting.length === 0) waitsSince = performance.now()
    waiting.push(call)
    if (!isAccepting) answerWaiting()
  })

  function look() {
    const isOver = !hasAccepted || (waiting.length > 0 && performance.now() - waitsSince >= acceptingMs)
    hasAccepted = false
    isAccepting = !isOver
    if (isOver) answerWaiting()
    else setImmediate(look)
  }

  function answerWaiting() {
    if (!answer) return
    const calls = waiting
    waiting = []
    for (const call of calls) answer(...call)
  }

  const firstAnswered = new Promise<void>((resolve) => {
    server.on('request', (request, response) => {
      if (request.url !== checkPath) response.once('close', () => resolve())
    })
  })

  return {
    ...{ server, firstAnswered },
    listen: (address) => listenAt(server, address),
    serve(given) {
      answer = given
      if (!isAccepting) answerWaiting()
    },
  }
}

/**
 * Resolves once `server` listens. An address of IPv4 is bound by ourselves: Node would look it up, and compile an expression
 * for all that an address of IPv6 may be, which takes 4 ms.
 *
 * @throws the system's error (EADDRINUSE)
 */
export async function listenAt(server: Server, address: { host: string; port: number }): Promise<void> {
  server.listen(isIPv4(address.host) ? new BoundSocket(address) : address)
  await once(server, 'listening')
}
