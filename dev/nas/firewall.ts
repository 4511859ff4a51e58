import type { IncomingHttpHeaders } from 'node:http'

// What HTTP libraries call themselves when no one told them otherwise.
const libraryNames =
  /^(node|undici|node-fetch|axios|got|ky|jose|superagent|needle|deno|bun|curl|wget|python|okhttp|java|go-http-client|libwww)\b/i

const page = '<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>\n'

/** The page that a request without a `User-Agent` and `Accept` of its own gets, like from the portal's firewall; null: it may pass. */
export function firewallPage(
  headers: IncomingHttpHeaders,
  { needsJson }: { needsJson: boolean },
): string | null {
  const userAgent = headers['user-agent'] ?? ''
  const acceptsJson = /\bapplication\/(json|\*)/i.test(headers.accept ?? '')
  const isLibraryDefault = userAgent.trim() === '' || libraryNames.test(userAgent)
  return isLibraryDefault || (needsJson && !acceptsJson) ? page : null
}

export const forbiddenPage = page
