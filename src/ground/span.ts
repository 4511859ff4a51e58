/** A span of time as people say it, in one unit: `850 ms`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function spanOf(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`
  return ms < 48 * 3_600_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}

/** An ISO 8601 instant, seen from `now` (epoch milliseconds): `in 5 min`, `3 h ago`. */
export function whenFrom(instant: string, now: number): string {
  const ms = Date.parse(instant) - now
  return ms >= 0 ? `in ${spanOf(ms)}` : `${spanOf(-ms)} ago`
}
