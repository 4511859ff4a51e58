import { type Cover, createCover } from './cover.ts'
import { formsOf } from './forms.ts'
import { piecesOf } from './pieces.ts'
import { createSearch, type Search } from './search.ts'

/** Takes secret values out of whatever is to be kept or shown. */
export type Redactor = {
  /** `isCut`: the text was cut at its end, so the beginning of a secret, of 4 bytes or more, counts as one. */
  text(text: string, wish?: { isCut: boolean }): string
  /** JSON with all its texts, names and numbers redacted; values nested deeper than 256 levels are left out. */
  json(value: unknown): unknown
  /** For text in pieces: a secret is found wherever it was split. `end` returns the text that was held back. */
  stream(): RedactingStream
}

export type RedactingStream = {
  write(chunk: string | Uint8Array): Uint8Array
  /** `isCut`: as for a text. */
  end(wish?: { isCut: boolean }): Uint8Array
}

const redacted = '[REDACTED]'
const placeholder = Buffer.from(redacted)
const deepest = 256

/**
 * Replaces every occurrence of each value and of its secret parts (`piecesOf`), as it is and as it is
 * commonly encoded (`formsOf`), by `[REDACTED]`: one
 * for each unbroken stretch, so that values that overlap, touch or contain each other leave nothing between them.
 * Values of less than 4 bytes are not looked for: they would shred every text.
 *
 * Bytes outside of replaced stretches stay as they are, whether they are text or not. The time is linear in the input;
 * making ready for the values takes longer (some 10 ms for ten tokens in a cold process) and is put off until the first use.
 */
export function createRedactor(values: Iterable<string>): Redactor {
  const known = [...new Set([...values].flatMap((value) => [value, ...piecesOf(value)]))]
  let search: Search | undefined
  const cover = (): Cover => {
    search ??= createSearch(known.flatMap(formsOf))
    return createCover(search, placeholder)
  }

  function text(given: string, wish?: { isCut: boolean }): string {
    if (known.length === 0 || given === '') return given
    const one = cover()
    const pieces = [one.write(Buffer.from(given)), one.end(wish)]
    return one.hasFound() ? Buffer.concat(pieces).toString() : given
  }

  function json(value: unknown, depth = 0): unknown {
    if (known.length === 0) return value
    if (typeof value === 'string') return text(value)
    if (typeof value === 'number') return text(String(value)) === String(value) ? value : redacted
    if (typeof value !== 'object' || value === null) return value
    if (depth >= deepest) return redacted
    if (Array.isArray(value)) return value.map((item) => json(item, depth + 1))
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [text(name), json(item, depth + 1)]),
    )
  }

  function stream(): RedactingStream {
    if (known.length === 0) return { write: bytesOf, end: () => new Uint8Array() }
    const one = cover()
    return { write: (chunk) => one.write(bytesOf(chunk)), end: (wish) => one.end(wish) }
  }

  return { text, json: (value) => json(value), stream }
}

/** Texts of a whole process: a value that was noted once is removed from everything that follows. */
export type GrowingRedactor = {
  note(value: string): void
  text(text: string): string
}

/** A process that lives for long forgets the values that were noted first. */
const mostNoted = 1_000

/** For the log, in which the secrets of any attempt may appear. Prepared again only if a value was added meanwhile. */
export function createGrowingRedactor(always: readonly string[]): GrowingRedactor {
  const noted = new Set<string>()
  let redactor: Redactor | null = null
  return {
    note(value) {
      if (noted.has(value)) return
      noted.add(value)
      if (noted.size > mostNoted) noted.delete(noted.values().next().value ?? '')
      redactor = null
    },
    text(text) {
      redactor ??= createRedactor([...always, ...noted])
      return redactor.text(text)
    },
  }
}

function bytesOf(chunk: string | Uint8Array): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}
