import type { Api } from './api.ts'
import { pagesOf, queryAt } from './pages.ts'
import { taken } from './taken.ts'

/** Names, versions and uses of secrets. Their values are never answered. */
export function secretsOf(api: Api) {
  const at = (name: string) => ({ path: { name } })
  return {
    list: (query: { limit?: number } = {}) =>
      pagesOf(async (cursor) => {
        const { secrets, next_cursor } = await taken(
          api.GET('/api/secrets', { params: queryAt(query, cursor) }),
        )
        return { items: secrets, next: next_cursor }
      }),
    /** Makes it, or replaces its value: the runs that begin from now on have the new one. */
    put: async (name: string, value: string) =>
      (await taken(api.PUT('/api/secrets/{name}', { params: at(name), body: { value } }))).secret,
    remove: (name: string) => taken(api.DELETE('/api/secrets/{name}', { params: at(name), body: {} })),
    /** Seals everything again with the newest ENCRYPTION_KEY. */
    rotate: () => taken(api.POST('/api/secrets/rotate', { body: {} })),
  }
}
