import type { FastifyInstance, RouteShorthandOptions } from 'fastify'
import { AppError } from '../src/errors.ts'
import { platform, service } from './existing.ts'
import type { Parts } from './parts.ts'

/** A request without an `Authorization` header: such a route of a path comes before the one that asks for a key. */
const withoutKey: RouteShorthandOptions = { constraints: { key: 'none' } }

/** To be called before any route is registered. */
export function tellKeyless(app: FastifyInstance): void {
  app.addConstraintStrategy({
    name: 'key',
    storage() {
      const handlers = new Map<unknown, unknown>()
      return {
        get: (value) => (handlers.get(value) as never) ?? null,
        set: (value, handler) => void handlers.set(value, handler),
      }
    },
    validate() {},
    deriveConstraint: ({ headers }) => (headers.authorization === undefined ? 'none' : 'shown'),
  })
}

/** What anybody may ask. Nothing here touches the database but `/readyz`, through what is injected. */
export function openRoutes(
  scope: FastifyInstance,
  parts: Pick<Parts, 'readiness' | 'brief' | 'config'>,
): void {
  scope.get('/api/status', withoutKey, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return parts.brief()
  })

  scope.get('/healthz', async () => ({ status: 'ok' }))
  for (const path of ['/health', '/v1/health'])
    scope.get(path, async () => ({ status: 'ok', platform, service, version: parts.config.version }))

  scope.get('/readyz', async () => {
    const readiness = await parts.readiness()
    if (readiness.ready) return readiness
    const { problem, ...state } = readiness
    const why = typeof problem === 'string' ? problem : 'This process is going down'
    throw new AppError('NOT_READY', `Not ready to take fires. ${why}`, {
      extra: state,
      retryAfterS: 1,
    })
  })

  scope.get('/openapi.json', async () => {
    const { openApiDocument } = await import('./openapi.ts')
    return openApiDocument(parts.config)
  })
}
