import { OutboundRefusal } from './refusal.ts'
import type { Asked, Reply } from './send.ts'

/** A request on its way along redirects. */
export type Hop = Asked & { headers: Headers }

export type RedirectRules = {
  /** So many redirects are followed; default 5. With 0 the redirect itself is the answer. */
  most?: number
  /** Headers that hold a secret; like `authorization` and `cookie` they stay with the first origin. */
  secretHeaders?: readonly string[]
  /** True: the body holds a secret, and is not sent to another origin. */
  isBodySecret?: boolean
}

/** `url`: the source of the answer; `redirects`: how many were followed. */
export type Arrival<Got extends Reply = Reply> = { response: Got; url: URL; redirects: number }

const usualMost = 5

/**
 * Sends `first` by `send` (which must not follow redirects by itself), and goes where the answer points, as fetch
 * does (fetch.spec.whatwg.org, "HTTP-redirect fetch"; RFC 9110, 15.4): 303 becomes a GET without body, 301 and 302 do
 * where the method was POST, 307 and 308 repeat method and body. An answer without `location` is the last one.
 *
 * Credentials of an origin are not sent to another one, nor to the first again after that.
 *
 * @throws OutboundRefusal REDIRECT_LIMIT: more than `most`; REDIRECT_REFUSED: from https to http, to an address that is not an http
 * URL, with credentials in it, or with a secret body to another origin. Whatever `send` throws.
 */
export async function followRedirects<Got extends Reply>(
  first: Hop,
  send: (hop: Hop) => Promise<Got>,
  rules: RedirectRules = {},
): Promise<Arrival<Got>> {
  const most = rules.most ?? usualMost
  let hop = first
  for (let redirects = 0; ; redirects += 1) {
    const response = await send(hop)
    const location = locationOf(response)
    if (location === null || most === 0) return { response, url: hop.url, redirects }
    // Its connection is closed with it; the page that says "moved" is not read.
    await response.body?.cancel()
    if (redirects === most) throw limit(first, hop, most)
    hop = nextHop(hop, response.status, readTarget(hop.url, location), rules)
  }
}

function locationOf({ status, headers }: Reply): string | null {
  return [301, 302, 303, 307, 308].includes(status) ? headers.get('location') : null
}

function readTarget(from: URL, location: string): URL {
  // Headers come as one character a byte; bytes beyond ASCII were UTF-8.
  const url = URL.parse(Buffer.from(location, 'latin1').toString(), from)
  const where = `a redirect of ${from.origin}`
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw refused(`${where} leads to an address that is not an http or https URL`)
  if (from.protocol === 'https:' && url.protocol === 'http:')
    throw refused(`${where} leads to ${url.origin}, from https to http`)
  if (url.username || url.password)
    throw refused(`${where} leads to ${url.origin} with credentials in the URL`)
  return url
}

function nextHop(hop: Hop, status: number, url: URL, rules: RedirectRules): Hop {
  const headers = new Headers(hop.headers)
  const isSame = url.origin === hop.url.origin
  if (!isSame) dropCredentials(headers, rules.secretHeaders ?? [])
  if (becomesGet(hop.method, status)) {
    for (const name of ofBody) headers.delete(name)
    return { url, method: 'GET', headers, body: null }
  }
  if (!isSame && rules.isBodySecret && hop.body !== null)
    throw refused(`a redirect of ${hop.url.origin} would send a body with a secret to ${url.origin}`)
  return { url, method: hop.method, headers, body: hop.body }
}

/** A header that was not declared as a secret, but is one by its name (`x-api-key`, `private-token`), is dropped as well. */
function dropCredentials(headers: Headers, secret: readonly string[]): void {
  const named = new Set(['host', ...secret.map((name) => name.toLowerCase())])
  for (const name of [...headers.keys()])
    if (named.has(name) || /auth|cookie|token|secret|passw|api-?key|session|signature/.test(name))
      headers.delete(name)
}

const ofBody = ['content-encoding', 'content-language', 'content-length', 'content-location', 'content-type']

function becomesGet(method: string, status: number): boolean {
  if (status === 303) return method !== 'GET' && method !== 'HEAD'
  return (status === 301 || status === 302) && method === 'POST'
}

function limit(first: Hop, last: Hop, most: number): OutboundRefusal {
  const text = `target ${first.url.origin} redirected more than ${most} times, finally from ${last.url.origin}`
  return new OutboundRefusal('REDIRECT_LIMIT', text)
}

function refused(message: string): OutboundRefusal {
  return new OutboundRefusal('REDIRECT_REFUSED', message)
}
