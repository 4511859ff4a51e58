import type { Json, Service } from '../support/service.ts'

type Called = { status: number; body: Json; headers: Headers }

/** What the page sends with each call. */
export const ofThePage = { 'x-chronos-page': '1', 'sec-fetch-site': 'same-origin' }

/** Calls as a browser makes them for the page: with a cookie, and without a key. */
export function browser({ url }: Pick<Service, 'url'>, cookie: string | null = null) {
  return async (
    method: string,
    path: string,
    body?: unknown,
    headers: object = ofThePage,
  ): Promise<Called> => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(url + path, {
      ...{ method, ...sent, redirect: 'manual' },
      headers: { ...type, ...headers, ...(cookie === null ? {} : { cookie }) },
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }
}

/** The cookie that an answer sets, as the browser sends it back. */
export function cookieIn({ headers }: Pick<Called, 'headers'>): string {
  return headers.get('set-cookie')?.split(';')[0] ?? ''
}

/** A browser that has signed in with this key. */
export async function signedIn(service: Pick<Service, 'url'>, key: string) {
  const answer = await browser(service)('POST', '/api/session', { key })
  if (answer.status !== 201) throw new Error(`not signed in: ${answer.status} ${JSON.stringify(answer.body)}`)
  return browser(service, cookieIn(answer))
}
