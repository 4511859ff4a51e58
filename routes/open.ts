import type { FastifyInstance, RouteHandlerMethod, RouteShorthandOptions } from 'fastify'
import { AppError } from '../src/ground/errors.ts'
import { cookieOf } from './cookie.ts'
import { isTagOf } from './etag.ts'
import { platform, service } from './existing.ts'
import type { OpenApiBytes } from './openapi/index.ts'
import type { RouteNeeds } from './needs.ts'

/** A request without an `Authorization` header and without a session: such a route of a path comes before the one that asks for a key. */
const withoutKey: RouteShorthandOptions = { constraints: { key: 'none' } }

/** To be called before any route is registered. */
export function tellKeyless(app: FastifyInstance, config: Pick<RouteNeeds['config'], 'production'>): void {
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
    deriveConstraint: (request) =>
      request.headers.authorization === undefined && cookieOf(request, config) === undefined
        ? 'none'
        : 'shown',
  })
}

/** Routes without authentication. Nothing here touches the database but `/readyz`, through injected functions. */
export function openRoutes(
  scope: FastifyInstance,
  needs: Pick<RouteNeeds, 'readiness' | 'brief' | 'config'>,
): void {
  scope.get('/api/status', withoutKey, async () => needs.brief())

  scope.get('/healthz', async () => ({ status: 'ok' }))
  for (const path of ['/health', '/v1/health'])
    scope.get(path, async () => ({ status: 'ok', platform, service, version: needs.config.version }))

  // however many ask, the database is asked once at a time
  let looking: ReturnType<typeof needs.readiness> | undefined
  scope.get('/readyz', async () => {
    looking ??= needs.readiness().finally(() => (looking = undefined))
    const readiness = await looking
    if (readiness.ready) return readiness
    const { problem, ...state } = readiness
    const why = typeof problem === 'string' ? problem : 'This process is going down'
    throw new AppError('NOT_READY', `Not ready to take fires. ${why}`, {
      extra: state,
      retryAfterS: 1,
    })
  })

  scope.get(
    '/openapi.json',
    madeOnce('application/json', async () => {
      const { openApiBytes } = await import('./openapi/index.ts')
      return openApiBytes(needs.config)
    }),
  )
  scope.get(
    '/llms.txt',
    madeOnce('text/plain; charset=utf-8', async () => {
      const { llmsBytes } = await import('./llms.ts')
      return llmsBytes()
    }),
  )
  scope.get(
    '/chronos.schema.json',
    madeOnce('application/schema+json', async () => {
      const { fileSchemaBytes } = await import('./openapi/index.ts')
      return fileSchemaBytes()
    }),
  )
}

/** Made once: strangers ask for it, and it is the same as long as the process lives. */
function madeOnce(type: string, make: () => Promise<OpenApiBytes>): RouteHandlerMethod {
  let document: Promise<OpenApiBytes> | undefined
  return async (request, reply) => {
    document ??= make()
    const { bytes, etag } = await document
    reply.headers({ etag, 'cache-control': 'no-cache' })
    if (isTagOf(etag, request.headers['if-none-match'])) return reply.code(304).send()
    return reply.type(type).send(bytes)
  }
}
