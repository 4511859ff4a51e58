import type { FastifyInstance } from 'fastify'
import { answerFires } from './fires.ts'
import type { RouteNeeds } from './needs.ts'

export type { RouteNeeds } from './needs.ts'
export { answerError } from './problem.ts'

/**
 * Everything that is answered over HTTP. A machine boots for a fire, so `first` has its route and no other one. The first
 * other call loads the rest (all.ts), into an instance that `another` makes, and is handed on to it as it came.
 */
export function registerRoutes(
  first: FastifyInstance,
  needs: RouteNeeds,
  another: () => FastifyInstance,
): void {
  handOn(first, async () => {
    const { registerAll } = await import('./all.ts')
    const rest = another()
    registerAll(rest, needs)
    await rest.ready()
    return rest
  })
  answerFires(first, needs)
}

/** Calls that `first` has no route for go to the other instance, before anything of their body is read. */
function handOn(first: FastifyInstance, load: () => Promise<FastifyInstance>): void {
  let loaded: Promise<FastifyInstance> | undefined
  first.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined
      throw error
    })
    const { routing } = await loaded
    reply.hijack()
    routing(request.raw, reply.raw)
  })
  first.addHook('onClose', async () => (await loaded)?.close())
}
