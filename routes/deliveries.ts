import type { ShownDelivery } from '../db/index.ts'
import { projectOf } from './access.ts'
import type { On } from './api.ts'
import { cursorFor, readCursor } from './cursor.ts'
import type { RouteNeeds } from './needs.ts'

export function deliveryRoutes(on: On, { deliveries }: Pick<RouteNeeds, 'deliveries'>): void {
  const list = async (runId: string) => ({ deliveries: (await deliveries.of(runId)).map(deliveryBody) })

  on('GET /api/runs/{id}/deliveries', async ({ params }) => list(params.id.toLowerCase()))

  on('GET /api/deliveries', async ({ query: { state = null, limit = 100, cursor } }, request) => {
    const page = { project: projectOf(request), state, after: readCursor('deliveries', cursor), limit }
    const { items, next } = await deliveries.list(page)
    const bodies = items.map((delivery) => ({
      ...deliveryBody(delivery),
      ...{ job_name: delivery.jobName, project: delivery.project },
    }))
    return { deliveries: bodies, next_cursor: cursorFor('deliveries', next) }
  })

  on('POST /api/runs/{id}/deliveries/{delivery}/retry', async ({ params }, _request, reply) => {
    const runId = params.id.toLowerCase()
    await deliveries.again(runId, params.delivery.toLowerCase())
    reply.code(202)
    return list(runId)
  })
}

/** Of a receiver only what says which it is: the rest of it may be secret. */
function deliveryBody(delivery: ShownDelivery) {
  const { channel, type, job } = delivery.target
  return {
    id: delivery.id,
    run_id: delivery.runId,
    job_id: delivery.jobId,
    to: {
      ...(channel !== undefined && { channel }),
      ...(type !== undefined && { type }),
      ...(job !== undefined && { job }),
    },
    event: delivery.event,
    state: delivery.state,
    attempt: delivery.attempt,
    next_try_at: (delivery.dueAt ?? delivery.leaseUntil)?.toISOString() ?? null,
    error: delivery.error,
    created_at: delivery.createdAt.toISOString(),
    finished_at: delivery.finishedAt?.toISOString() ?? null,
  }
}
