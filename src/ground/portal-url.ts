/**
 * `text` as a URL that credentials may be sent to: https, or http to this machine.
 *
 * @throws Error: anything else. A mistake of the configuration, not of a caller.
 */
export function requirePortalUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url
  throw new Error(`The portal address must use https, or http to loopback, not "${text}"`)
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
