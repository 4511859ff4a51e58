const longestMs = 24 * 3_600_000

/**
 * `Retry-After` (RFC 9110, 10.2.3), seconds or a date, in milliseconds from now, at most 24 h; null: there is none that
 * can be read.
 */
export function readRetryAfter(text: string | null | undefined, mostMs = longestMs): number | null {
  if (text === null || text === undefined) return null
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(waitMs, 0), mostMs)
}
