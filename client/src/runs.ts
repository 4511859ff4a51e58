import type { Api } from './api.ts'
import { ChronosError } from './error.ts'
import { follow, type RunEvent } from './follow.ts'
import { pagesOf, queryAt } from './pages.ts'
import type { Run, RunQuery } from './shapes.ts'
import { taken } from './taken.ts'

type Follow = { attempt?: number; signal?: AbortSignal }

export function runsOf(api: Api, retries: number) {
  const at = (id: string) => ({ path: { id } })
  const read = async (id: string): Promise<Run> =>
    (await taken(api.GET('/api/runs/{id}', { params: at(id) }))).run
  const events = (id: string, { attempt, signal }: Follow = {}): AsyncGenerator<RunEvent> =>
    follow({
      retries,
      signal,
      open: (lastId, either) => opened(api, { id, attempt, lastId, signal: either }),
    })
  return {
    /** Newest first; `job`: of one job. */
    list: (query: RunQuery = {}) =>
      pagesOf(async (cursor) => {
        const params = queryAt(query, cursor)
        const { runs, next_cursor } = await taken(api.GET('/api/runs', { params }))
        return { items: runs, next: next_cursor }
      }),
    read,
    /** What its attempts write, as they write it, up to the end of the run. */
    follow: events,
    /** The run when it has ended. */
    wait: async (id: string, options?: Follow): Promise<Run> => {
      for await (const _ of events(id, options));
      return read(id)
    },
    cancel: async (id: string) =>
      (await taken(api.POST('/api/runs/{id}/cancel', { params: at(id), body: {} }))).run,
    /** A new run with the same input. */
    retry: async (id: string) =>
      (await taken(api.POST('/api/runs/{id}/retry', { params: at(id), body: {} }))).run,
    /** What it has written so far, or one attempt of it. */
    log: async (id: string, query: { attempt?: number } = {}): Promise<string> =>
      taken(api.GET('/api/runs/{id}/logs', { params: { ...at(id), query }, parseAs: 'text' })),
    deliveries: async (id: string) =>
      (await taken(api.GET('/api/runs/{id}/deliveries', { params: at(id) }))).deliveries,
    /** Sends one that has failed again. */
    retryDelivery: async (id: string, delivery: string) => {
      const params = { path: { id, delivery } }
      return (await taken(api.POST('/api/runs/{id}/deliveries/{delivery}/retry', { params, body: {} })))
        .deliveries
    },
  }
}

type Opening = { id: string; attempt: number | undefined; lastId: string | undefined; signal: AbortSignal }

async function opened(api: Api, { id, attempt, lastId, signal }: Opening) {
  const { data, error, response } = await api.GET('/api/runs/{id}/logs', {
    params: {
      path: { id },
      query: { follow: true, ...(attempt !== undefined && { attempt }) },
      header: lastId === undefined ? {} : { 'Last-Event-ID': lastId },
    },
    headers: { accept: 'text/event-stream' },
    parseAs: 'stream',
    signal,
  })
  if (!response.ok || !data) throw new ChronosError(response, error)
  return data
}
