import type { On } from './api.ts'
import type { Parts } from './parts.ts'

export function serviceRoutes(on: On, parts: Parts): void {
  on('GET /api/status', async () => parts.status())
  on('POST /api/cron/reconcile', async () => parts.reconcile())
  if (!parts.config.metricsHere) return
  on('GET /metrics', async (_input, _request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8')
    return parts.metrics()
  })
}
