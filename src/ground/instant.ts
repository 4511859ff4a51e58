/**
 * The instant that an ISO 8601 text with an offset names, cut to milliseconds; null for any other text.
 * NAS may write one instant in many ways, so instants are compared, never texts.
 */
export function readInstant(text: unknown): Date | null {
  if (typeof text !== 'string' || text.length > 64) return null
  try {
    return new Date(Temporal.Instant.from(text).epochMilliseconds)
  } catch {
    return null
  }
}

/** Its UTC day, such as `2026-06-18`. */
export function isoDay(instant: Date): string {
  return instant.toISOString().slice(0, 10)
}

/** Its second of Unix time: what is left if fractions are dropped. */
export function secondOf(instant: Date): number {
  return Math.floor(instant.getTime() / 1000)
}
