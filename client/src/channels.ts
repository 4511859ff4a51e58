import type { Api } from './api.ts'
import { pagesOf, queryAt } from './pages.ts'
import type { ChannelInput } from './shapes.ts'
import { taken } from './taken.ts'

export function channelsOf(api: Api) {
  const at = (name: string) => ({ path: { name } })
  return {
    list: (query: { limit?: number } = {}) =>
      pagesOf(async (cursor) => {
        const { channels, next_cursor } = await taken(
          api.GET('/api/channels', { params: queryAt(query, cursor) }),
        )
        return { items: channels, next: next_cursor }
      }),
    read: async (name: string) =>
      (await taken(api.GET('/api/channels/{name}', { params: at(name) }))).channel,
    /** Makes or replaces it. `secret`: of a webhook that came without one, shown this once. */
    put: (name: string, body: ChannelInput) =>
      taken(api.PUT('/api/channels/{name}', { params: at(name), body })),
    remove: (name: string) => taken(api.DELETE('/api/channels/{name}', { params: at(name), body: {} })),
    /** Sends a test message now. */
    test: (name: string) => taken(api.POST('/api/channels/{name}/test', { params: at(name), body: {} })),
  }
}
