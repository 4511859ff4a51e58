import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Scope } from '../src/access/keys/index.ts'
import type { Operation, Operations } from './schemas/index.ts'

type Key = keyof Operations
type Of<K extends Key, Name extends string> =
  Operations[K] extends Record<Name, infer S extends TSchema> ? Static<S> : unknown

/** The input of a route's handler: checked against the schemas of its operation. */
export type Input<K extends Key> = {
  params: Of<K, 'params'>
  query: Of<K, 'query'>
  body: Of<K, 'body'>
}

export type On = <K extends Key>(
  key: K,
  handle: (input: Input<K>, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  /** `maxBytes`: of the body, if it may be larger than others. */
  options?: { maxBytes: number },
) => void

/**
 * Registers API routes by the key of their operation (`'GET /api/jobs/{id}'`). Schemas are loaded and compiled with
 * the first request, not at boot: Fastify is given none, so it builds no validator and no serialiser.
 */
export function routesOf(scope: FastifyInstance): On {
  return (key, handle, options) => {
    const [method = '', path = ''] = key.split(' ')
    const config = { operation: key }
    scope.route({
      method,
      config,
      ...(options && { bodyLimit: options.maxBytes }),
      url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      handler: async (request, reply) => {
        const { readInput } = await import('./schemas/index.ts')
        const { params, query, body } = request
        return handle(readInput(key, { params, query, body }) as Input<typeof key>, request, reply)
      },
    })
  }
}

/**
 * The operation that a request of the API's scope addresses. The schemas are loaded with it: an authenticated caller needs them anyway.
 *
 * @throws Error as `keyOf`
 */
export async function operationOf(request: FastifyRequest): Promise<Operation & { scope: Scope }> {
  const { operations } = await import('./schemas/index.ts')
  return operations[keyOf(request)]
}

/** The key of that operation. @throws Error: the route was registered without one, so it is unknown who may call it */
export function keyOf(request: FastifyRequest): Key {
  const { operation: key } = request.routeOptions.config as { operation?: Key }
  if (key) return key
  throw new Error(`${request.method} ${request.routeOptions.url} has no operation`)
}

/** A key that may only read changes nothing: a preview is a POST, but not a change. */
export function changesSomething(method: string, { scope }: Pick<Operation, 'scope'>): boolean {
  return method !== 'GET' && method !== 'HEAD' && scope !== 'jobs:read'
}
