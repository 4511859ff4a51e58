import { setTimeout as delay } from 'node:timers/promises'
import { call } from './http.ts'

/** A client of the REST API, as others write them: a base URL and a key. */
export function createClient(base: string, key: string | null) {
  const send = async (method: string, path: string, more: Record<string, string>, json?: unknown) => {
    const headers = { ...(key && { Authorization: `Bearer ${key}` }), ...more }
    const once = () => call(method, base + path, { headers, ...(json !== undefined && { json }) })
    const answer = await once()
    // a service that limits its callers says when to come again
    const waitS = Number(answer.headers.get('retry-after'))
    if (answer.status !== 429 || !(waitS > 0 && waitS <= 60)) return answer
    await delay(waitS * 1000)
    return once()
  }
  return {
    get: (path: string, more: Record<string, string> = {}) => send('GET', path, more),
    post: (path: string, json: unknown = {}, more: Record<string, string> = {}) =>
      send('POST', path, more, json),
    patch: (path: string, json: unknown, more: Record<string, string> = {}) =>
      send('PATCH', path, more, json),
    delete: (path: string, more: Record<string, string> = {}) => send('DELETE', path, more),
    options: (path: string, more: Record<string, string>) => send('OPTIONS', path, more),
  }
}

export type Client = ReturnType<typeof createClient>
