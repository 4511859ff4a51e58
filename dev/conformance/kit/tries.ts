import { isDeepStrictEqual } from 'node:util'

export type Failure = { what: string; expected: string; seen: string }

/** The single observations of one clause. One that does not hold is noted, and the clause goes on. */
export class Tries {
  count = 0
  readonly failures: Failure[] = []

  equal(what: string, seen: unknown, expected: unknown): void {
    this.that(what, isDeepStrictEqual(seen, expected), { expected, seen })
  }

  oneOf(what: string, seen: unknown, expected: readonly unknown[]): void {
    this.that(what, expected.includes(seen), { expected: expected.map(show).join(' or '), seen })
  }

  match(what: string, seen: unknown, expected: RegExp): void {
    this.that(what, typeof seen === 'string' && expected.test(seen), { expected: String(expected), seen })
  }

  that(what: string, held: boolean, { expected, seen }: { expected: unknown; seen: unknown }): void {
    this.count++
    if (!held) this.failures.push({ what, expected: show(expected), seen: show(seen) })
  }

  /** The clause could not be followed to its end. */
  broke(error: unknown): void {
    this.count++
    const seen = error instanceof Error ? `${error.message}${causeOf(error)}` : String(error)
    this.failures.push({ what: 'the check came to its end', expected: 'no error', seen })
  }

  get held(): number {
    return this.count - this.failures.length
  }
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? ` (${error.cause.message})` : ''
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.length > 600 ? `${text.slice(0, 600)}…` : text
}
