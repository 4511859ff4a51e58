import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RouteNeeds } from './needs.ts'

/** `page`: until it is answered, and without a further stay. `none`: not at all. */
export type Stay = 'request' | 'page' | 'none'

/**
 * Keeps the process up while a call of this scope is answered. To be added after the check of who calls: a stranger
 * holds nothing up. A scrape does not either, or a machine that is watched would never go down.
 */
export function holdWhileAnswering(
  scope: FastifyInstance,
  hold: RouteNeeds['hold'],
  stayFor: (request: FastifyRequest) => Promise<Stay> = () => Promise.resolve('request'),
): void {
  scope.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url === '/metrics') return
    const kind = await stayFor(request)
    // 'close' comes after the whole answer, and as well where the caller went away before
    if (kind !== 'none' && !reply.raw.closed) reply.raw.once('close', hold(kind))
  })
}
