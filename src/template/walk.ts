import { withEllipsis } from '../ground/text.ts'
import { parseTemplate } from './parse.ts'

/** Values nested deeper than this are neither read nor sent. */
export const deepest = 64

/** A path is for people: of a longer name its beginning says which it is. */
const mostNameLength = 200

/** A text somewhere in a value; `path` as a person writes it: `body.items[2]`. */
type Leaf = { path: string; text: string }

/**
 * Every text in a JSON value, but for the names of its fields: those are never templates. One generator for all levels:
 * with one for each, a text would be handed up through all that it stands in.
 */
export function* textsIn(value: unknown, path = ''): Generator<Leaf> {
  const left: { value: unknown; path: string; depth: number }[] = [{ value, path, depth: 0 }]
  for (let at = left.pop(); at; at = left.pop()) {
    const { value: found, depth } = at
    if (typeof found === 'string') yield { path: at.path, text: found }
    if (typeof found !== 'object' || found === null || depth >= deepest) continue
    const isList = Array.isArray(found)
    // the last one first, so that they are taken in their order
    for (const [name, item] of Object.entries(found).toReversed()) {
      if (typeof item !== 'string' && (typeof item !== 'object' || item === null)) continue
      const shown = name.length > mostNameLength ? withEllipsis(name, mostNameLength) : name
      const step = isList ? `[${name}]` : at.path ? `.${shown}` : shown
      left.push({ value: item, path: at.path + step, depth: depth + 1 })
    }
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
