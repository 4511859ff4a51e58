import { parseTemplate } from './parse.ts'

/** What is nested deeper than this is not read, and not sent. */
export const deepest = 64

/** A text somewhere in a value; `path` as a person writes it: `body.items[2]`. */
type Leaf = { path: string; text: string }

/** Every text in a JSON value, but for the names of its fields: those are never templates. */
export function* textsIn(value: unknown, path = '', depth = 0): Generator<Leaf> {
  if (typeof value === 'string') yield { path, text: value }
  if (typeof value !== 'object' || value === null || depth >= deepest) return
  for (const [name, item] of Object.entries(value)) {
    const step = Array.isArray(value) ? `[${name}]` : path ? `.${name}` : name
    yield* textsIn(item, path + step, depth + 1)
  }
}

/**
 * The names that the templates within a JSON value use, each once.
 *
 * @throws AppError FIELD_INVALID: as `parseTemplate`
 */
export function namesIn(value: unknown): Set<string> {
  const names = new Set<string>()
  for (const { text } of textsIn(value)) {
    for (const piece of parseTemplate(text)) if ('name' in piece) names.add(piece.name)
  }
  return names
}
