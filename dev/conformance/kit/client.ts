import { type Answer, call } from './http.ts'

/** A client of the REST API, as others write them: a base URL and a key. */
export function createClient(base: string, key: string | null) {
  const headers = (more: Record<string, string>) => ({
    ...(key && { Authorization: `Bearer ${key}` }),
    ...more,
  })
  return {
    get: (path: string, more: Record<string, string> = {}): Promise<Answer> =>
      call('GET', base + path, { headers: headers(more) }),
    post: (path: string, json: unknown = {}, more: Record<string, string> = {}) =>
      call('POST', base + path, { json, headers: headers(more) }),
    patch: (path: string, json: unknown, more: Record<string, string> = {}) =>
      call('PATCH', base + path, { json, headers: headers(more) }),
    delete: (path: string, more: Record<string, string> = {}) =>
      call('DELETE', base + path, { headers: headers(more) }),
    options: (path: string, more: Record<string, string>) =>
      call('OPTIONS', base + path, { headers: headers(more) }),
  }
}

export type Client = ReturnType<typeof createClient>
