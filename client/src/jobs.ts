import type { Api } from './api.ts'
import type { components } from './document.ts'
import { pagesOf, queryAt } from './pages.ts'
import type { JobInput, JobOfFile, JobPatch, JobQuery, SpanQuery } from './shapes.ts'
import { taken } from './taken.ts'

type Saved = components['schemas']['SavedJob']

export function jobsOf(api: Api) {
  const at = (id: string) => ({ path: { id } })
  return {
    /** Newest first. Paused and finished ones only with `state` or `include_disabled`. */
    list: (query: JobQuery = {}) =>
      pagesOf(async (cursor) => {
        const params = queryAt(query, cursor)
        const { jobs, next_cursor } = await taken(api.GET('/api/jobs', { params }))
        return { items: jobs, next: next_cursor }
      }),
    /** Made once, however often the call is repeated: under a key of its own, or under yours. */
    create: async (job: JobInput, { idempotencyKey }: { idempotencyKey?: string } = {}): Promise<Saved> => {
      const header = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }
      // 200 is for `validate_only`
      return (await taken(api.POST('/api/jobs', { params: { header }, body: job }))) as Saved
    },
    read: async (id: string) => (await taken(api.GET('/api/jobs/{id}', { params: at(id) }))).job,
    readByKey: async (key: string) =>
      (await taken(api.GET('/api/jobs/by-key/{key}', { params: { path: { key } } }))).job,
    /** Makes the job with this key, or makes it what `job` says. */
    put: (key: string, job: JobOfFile) =>
      taken(api.PUT('/api/jobs/by-key/{key}', { params: { path: { key } }, body: job })),
    /** `ifVersion`: refused with VERSION_CONFLICT if the job has another `version` by now. */
    change: (id: string, patch: JobPatch, { ifVersion }: { ifVersion?: number } = {}) => {
      const header = ifVersion === undefined ? {} : { 'If-Match': `"${ifVersion}"` }
      return taken(api.PATCH('/api/jobs/{id}', { params: { ...at(id), header }, body: patch }))
    },
    remove: (id: string) => taken(api.DELETE('/api/jobs/{id}', { params: at(id) })),
    pause: async (id: string, body: { reason?: string; until?: string } = {}) =>
      (await taken(api.POST('/api/jobs/{id}/pause', { params: at(id), body }))).job,
    resume: async (id: string) =>
      (await taken(api.POST('/api/jobs/{id}/resume', { params: at(id), body: {} }))).job,
    /** Runs the job now, beside its schedule. */
    run: async (id: string, input?: unknown) => {
      const body = input === undefined ? {} : { input }
      return (await taken(api.POST('/api/jobs/{id}/run', { params: at(id), body }))).run
    },
    next: (id: string, query: { count?: number; from?: string } = {}) =>
      taken(api.GET('/api/jobs/{id}/next', { params: { ...at(id), query } })),
    /** The slots between two instants, each with its verdict, oldest first. */
    slots: (id: string, query: SpanQuery & { limit?: number } = {}) =>
      pagesOf(async (cursor) => {
        const params = { ...at(id), ...queryAt(query, cursor) }
        const { slots, next_cursor } = await taken(api.GET('/api/jobs/{id}/slots', { params }))
        return { items: slots, next: next_cursor }
      }),
    /** Its outcomes by the day, kept for longer than its runs. */
    days: async (id: string, query: SpanQuery = {}) =>
      (await taken(api.GET('/api/jobs/{id}/days', { params: { ...at(id), query } }))).days,
    /** What the timer holds for it. */
    arm: (id: string) => taken(api.GET('/api/jobs/{id}/arm', { params: at(id) })),
    /** What has become of its last slots, in sentences. */
    why: async (id: string) => (await taken(api.GET('/api/jobs/{id}/why', { params: at(id) }))).story,
  }
}
