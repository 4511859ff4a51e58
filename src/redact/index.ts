import { createRecent } from '../ground/recent.ts'
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
  /** Does now, while there is something to wait for, what the first JSON value would be held up by. */
  prepare(): void
}

export type RedactingStream = {
  write(chunk: string | Uint8Array): Uint8Array
  /** `isCut`: as for a text. */
  end(wish?: { isCut: boolean }): Uint8Array
}

const redacted = '[REDACTED]'
const placeholder = Buffer.from(redacted)
const deepest = 256
/** To look for each form by itself in the first short texts costs less than to make one search for all of them. */
const fewTexts = 4
const shortLength = 4_096

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
  const known = new Set(values)
  let forms: Buffer[] | undefined
  let search: Search | undefined
  let looked = 0
  const formsOfAll = () => (forms ??= allFormsOf(known))
  const cover = (): Cover => {
    search ??= createSearch(formsOfAll())
    return createCover([search], placeholder)
  }

  function text(given: string, wish?: { isCut: boolean }): string {
    return known.size === 0 || given === '' ? given : covered(given, cover(), wish)
  }

  function json(value: unknown, depth = 0): unknown {
    if (known.size === 0) return value
    if (typeof value === 'string') return text(value)
    if (typeof value === 'number') return text(String(value)) === String(value) ? value : redacted
    if (typeof value !== 'object' || value === null) return value
    if (depth >= deepest) return redacted
    if (Array.isArray(value)) return value.map((item) => json(item, depth + 1))
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [text(name), json(item, depth + 1)]),
    )
  }

  /** Of most values nothing is taken out, and one search through all of their texts costs less than one for each. */
  function isClean(value: unknown): boolean {
    if (known.size === 0) return true
    const texts: string[] = []
    if (!gather(value, texts)) return false
    const given = texts.join('\n')
    if (search || given.length > shortLength || looked >= fewTexts) return text(given) === given
    looked += 1
    const bytes = Buffer.from(given)
    return !formsOfAll().some((form) => bytes.includes(form))
  }

  function stream(): RedactingStream {
    if (known.size === 0) return { write: bytesOf, end: () => new Uint8Array() }
    const one = cover()
    return { write: (chunk) => one.write(bytesOf(chunk)), end: (wish) => one.end(wish) }
  }

  return {
    ...{ text, stream },
    json: (value) => (isClean(value) ? value : json(value)),
    prepare: () => void formsOfAll(),
  }
}

/** Puts all texts, names and numbers of a JSON value into `texts`; false: it is nested too deep. */
function gather(value: unknown, texts: string[], depth = 0): boolean {
  if (typeof value === 'string') texts.push(value)
  if (typeof value === 'number') texts.push(String(value))
  if (typeof value !== 'object' || value === null) return true
  if (depth >= deepest) return false
  if (Array.isArray(value)) return value.every((item) => gather(item, texts, depth + 1))
  return Object.entries(value).every(([name, item]) => texts.push(name) && gather(item, texts, depth + 1))
}

/** `createRedactor` that makes ready once for the same values: the `most` sets of values that were used last are kept. */
export function createRedactorMemory(most: number): (values: Iterable<string>) => Redactor {
  const kept = createRecent<Redactor>(most)
  return (values) => {
    const sorted = [...values].toSorted()
    const key = JSON.stringify(sorted)
    const redactor = kept.get(key) ?? createRedactor(sorted)
    kept.note(key, redactor)
    return redactor
  }
}

/** Texts of a whole process: a value that was noted once is removed from everything that follows. */
export type GrowingRedactor = {
  note(value: string): void
  text(text: string): string
}

/**
 * So many values are made ready together, again for each of them that comes: some milliseconds. A process that lives for
 * long forgets the groups that were noted first.
 */
const mostTogether = 32
const mostGroups = 16

type Group = { values: string[]; search: Search | null }

/** For the log, in which the secrets of any attempt may appear. What `always` has is never forgotten. */
export function createGrowingRedactor(always: readonly string[]): GrowingRedactor {
  const forever: Group = { values: [...always], search: null }
  const groups: Group[] = []
  const noted = new Set<string>()
  return {
    note(value) {
      if (noted.has(value)) return
      noted.add(value)
      let group = groups.at(-1)
      if (!group || group.values.length >= mostTogether) {
        group = { values: [], search: null }
        groups.push(group)
      }
      group.values.push(value)
      group.search = null
      if (groups.length > mostGroups) for (const gone of groups.shift()?.values ?? []) noted.delete(gone)
    },
    text(given) {
      const used = [forever, ...groups].filter(({ values }) => values.length > 0)
      if (used.length === 0 || given === '') return given
      const searches = used.map((group) => (group.search ??= createSearch(allFormsOf(group.values))))
      return covered(given, createCover(searches, placeholder))
    },
  }
}

function allFormsOf(values: Iterable<string>): Buffer[] {
  const known = new Set([...values].flatMap((value) => [value, ...piecesOf(value)]))
  return [...known].flatMap(formsOf)
}

function covered(given: string, cover: Cover, wish?: { isCut: boolean }): string {
  const pieces = [cover.write(Buffer.from(given)), cover.end(wish)]
  return cover.hasFound() ? Buffer.concat(pieces).toString() : given
}

function bytesOf(chunk: string | Uint8Array): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}
