import { readInstant } from '../src/ground/instant.ts'

// Four digits are what Postgres reads and what ISO 8601 has without an agreement between the two sides.
const first = Date.parse('0001-01-01T00:00:00Z')
const last = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * The instant that a client wrote, ISO 8601 with an offset, in the years 1 to 9999; null: it is none. In a query string `+` stands for a
 * space, so an offset that was not percent-encoded arrives as one.
 */
export function instantOf(text: string): Date | null {
  const instant = readInstant(text.replace(' ', '+'))
  return instant && instant.getTime() >= first && instant.getTime() <= last ? instant : null
}

/** The instant of these epoch milliseconds, or the first or the last one that is taken if it lies beyond. */
export function instantNear(ms: number): Date {
  return new Date(Math.min(Math.max(ms, first), last))
}

/** A field that may be absent and that the schema has let through. */
export function instantIn(text: string | null | undefined): Date | null {
  return text ? instantOf(text) : null
}
