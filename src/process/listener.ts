import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
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
 */
export function createListener(): Listener {
  const early: Parameters<RequestListener>[] = []
  const server = createServer({
    requestTimeout: 30_000,
    connectionsCheckingInterval: 5_000,
    keepAliveTimeout: keepAliveMs,
  })
  const keep: RequestListener = (...call) => void early.push(call)
  server.on('request', keep).on('clientError', answerUnreadable)
  const firstAnswered = new Promise<void>((resolve) => {
    server.on('request', (request, response) => {
      if (request.url !== checkPath) response.once('close', () => resolve())
    })
  })

  return {
    ...{ server, firstAnswered },
    async listen(address) {
      server.listen(address)
      await once(server, 'listening')
    },
    serve(answer) {
      server.off('request', keep)
      server.on('request', answer)
      for (const call of early.splice(0)) answer(...call)
    },
  }
}
