import type { Api } from './api.ts'
import { pagesOf, queryAt } from './pages.ts'
import type { KeyInput } from './shapes.ts'
import { taken } from './taken.ts'

export function keysOf(api: Api) {
  return {
    list: (query: { limit?: number } = {}) =>
      pagesOf(async (cursor) => {
        const { keys, next_cursor } = await taken(api.GET('/api/keys', { params: queryAt(query, cursor) }))
        return { items: keys, next: next_cursor }
      }),
    /** `secret`: the key itself, shown this once. */
    create: (body: KeyInput) => taken(api.POST('/api/keys', { body })),
    revoke: async (id: string) =>
      (await taken(api.DELETE('/api/keys/{id}', { params: { path: { id } }, body: {} }))).key,
  }
}
