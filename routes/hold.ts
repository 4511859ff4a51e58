import type { FastifyInstance } from 'fastify'

/**
 * Keeps the process up while a call of this scope is answered. To be added after the check of who calls: a stranger
 * holds nothing up. A scrape does not either, or a machine that is watched would never go down.
 */
export function holdWhileAnswering(scope: FastifyInstance, hold: () => () => void): void {
  scope.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url === '/metrics') return
    // 'close' comes after the whole answer, and as well where the caller went away before
    reply.raw.once('close', hold())
  })
}
