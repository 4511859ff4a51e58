import type { On } from './api.ts'
import type { RouteNeeds } from './needs.ts'

export function serviceRoutes(on: On, needs: RouteNeeds): void {
  on('GET /api/status', async () => needs.status())
  on('POST /api/cron/reconcile', async () => needs.reconcile())
  if (!needs.config.metricsHere) return
  on('GET /metrics', async (_input, _request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8')
    return needs.metrics()
  })
}
