import type { FastifyInstance } from 'fastify'
import { AppError } from '../src/errors.ts'
import type { Parts } from './parts.ts'

/** What anybody may ask. Nothing here touches the database but `/readyz`, through what is injected. */
export function openRoutes(scope: FastifyInstance, parts: Pick<Parts, 'readiness' | 'config'>): void {
  scope.get('/healthz', async () => ({ status: 'ok' }))

  scope.get('/readyz', async () => {
    const readiness = await parts.readiness()
    if (readiness.ready) return readiness
    throw new AppError('NOT_READY', 'This process is not ready to take fires yet', {
      extra: readiness,
      retryAfterS: 1,
    })
  })

  scope.get('/openapi.json', async () => {
    const { openApiDocument } = await import('./openapi.ts')
    return openApiDocument(parts.config)
  })
}
