import type { AddressRules } from './address.ts'

const fireRoute = '/api/cron/fire'

/** The URL of a fire. */
export function fireUrl(callbackUrl: string): string {
  return `${callbackUrl}${fireRoute}`
}

/**
 * A base URL as it is kept: without the route and without slashes at its end. Or the problem with it, as the end of a
 * sentence that begins with it.
 */
export function readBase(given: unknown, rules: AddressRules): { base: string } | { wrong: string } {
  const url = typeof given === 'string' && given.length <= 500 ? URL.parse(given) : null
  if (!url || !/^https?:$/.test(url.protocol)) return { wrong: 'is not an http or https URL' }
  if (url.username || url.password || url.search || url.hash)
    return { wrong: 'has a user, a query or a fragment; give the base URL only' }
  const refused = rules.ofHost(url.hostname)
  if (refused) return { wrong: `${refused}; the relay calls public addresses only, and those in RELAY_ALLOW` }
  if (url.protocol === 'http:' && !rules.isAllowed(url.hostname))
    return { wrong: 'is plain http; use https, or name its host in RELAY_ALLOW' }
  return { base: cut(url) }
}

function cut(url: URL): string {
  const path = url.pathname.replace(/(?<!\/)\/+$/, '').replace(/\/api\/cron\/fire$/, '')
  return `${url.origin}${path.replace(/(?<!\/)\/+$/, '')}`
}

/** `given` as it is kept, if it is one of `bases` or lies below one; otherwise null. */
export function within(bases: readonly string[], given: unknown): string | null {
  const url = typeof given === 'string' ? URL.parse(given) : null
  if (!url || url.username || url.password || url.search || url.hash) return null
  const base = `${url.origin}${url.pathname.replace(/(?<!\/)\/+$/, '')}`
  return bases.some((one) => base === one || base.startsWith(`${one}/`)) ? base : null
}
