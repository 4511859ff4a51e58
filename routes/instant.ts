import { readInstant } from '../src/portal.ts'

/**
 * The instant that a client wrote, ISO 8601 with an offset; null: it is none. In a query string `+` stands for a
 * space, so an offset that was not percent-encoded arrives as one.
 */
export function instantOf(text: string): Date | null {
  return readInstant(text.replace(' ', '+'))
}

/** A field that may be absent and that the schema has let through. */
export function instantIn(text: string | null | undefined): Date | null {
  return text ? instantOf(text) : null
}
