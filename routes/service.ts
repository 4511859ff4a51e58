import { projectOf } from './access.ts'
import { projectBody } from './projects.ts'
import type { On } from './api.ts'
import type { RouteNeeds } from './needs.ts'

export function serviceRoutes(on: On, needs: RouteNeeds): void {
  on('GET /api/status', async (_input, request) => {
    const project = projectOf(request)
    const projects = (await needs.projects.list(project)).map(projectBody)
    // all the rest of it is about all projects
    return { ...(project === null ? await needs.status() : needs.brief()), projects }
  })
  on('POST /api/cron/reconcile', async () => needs.reconcile())
  if (!needs.config.metricsHere) return
  on('GET /metrics', async (_input, _request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8')
    return needs.metrics()
  })
}
