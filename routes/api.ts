import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Operations } from './schemas/index.ts'

type Key = keyof Operations
type Of<K extends Key, Name extends string> =
  Operations[K] extends Record<Name, infer S extends TSchema> ? Static<S> : unknown

/** What a route's handler gets: checked against the schemas of its operation. */
export type Input<K extends Key> = {
  params: Of<K, 'params'>
  query: Of<K, 'query'>
  body: Of<K, 'body'>
}

export type On = <K extends Key>(
  key: K,
  handle: (input: Input<K>, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
) => void

/**
 * Registers API routes by the key of their operation (`'GET /api/jobs/{id}'`). Schemas are loaded and compiled with
 * the first request, not at boot: Fastify is given none, so it builds no validator and no serialiser.
 */
export function routesOf(scope: FastifyInstance): On {
  return (key, handle) => {
    const [method = '', path = ''] = key.split(' ')
    scope.route({
      method,
      url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      handler: async (request, reply) => {
        const { readInput } = await import('./schemas/index.ts')
        const { params, query, body } = request
        return handle(readInput(key, { params, query, body }) as Input<typeof key>, request, reply)
      },
    })
  }
}
