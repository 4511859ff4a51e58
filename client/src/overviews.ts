import type { Api } from './api.ts'
import { pagesOf, queryAt } from './pages.ts'
import type { AuditQuery, DeliveryQuery, SpanQuery } from './shapes.ts'
import { taken } from './taken.ts'

/** What concerns many jobs at once. */
export function overviewsOf(api: Api) {
  return {
    /** Of all jobs, newest first. */
    deliveries: (query: DeliveryQuery = {}) =>
      pagesOf(async (cursor) => {
        const params = queryAt(query, cursor)
        const { deliveries, next_cursor } = await taken(api.GET('/api/deliveries', { params }))
        return { items: deliveries, next: next_cursor }
      }),
    /** Who has changed what, newest first. */
    audit: (query: AuditQuery = {}) =>
      pagesOf(async (cursor) => {
        const params = queryAt(query, cursor)
        const { entries, next_cursor } = await taken(api.GET('/api/audit', { params }))
        return { items: entries, next: next_cursor }
      }),
    /** The slots of the jobs side by side. */
    timeline: (query: SpanQuery & { limit?: number } = {}) =>
      taken(api.GET('/api/timeline', { params: { query } })),
    /** By their kind, and what is new among them. */
    failures: (query: { since?: string; job?: string } = {}) =>
      taken(api.GET('/api/failures', { params: { query } })),
    costs: (query: SpanQuery = {}) => taken(api.GET('/api/costs', { params: { query } })),
  }
}
