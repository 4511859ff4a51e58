import { writtenPath } from '../path.ts'

const deepest = 64

type Obstacle = { path: string; message: string }

/**
 * Why Postgres would not take this JSON, and where; null: it would. A NUL or half of a surrogate pair cannot be kept in
 * text or jsonb, and nesting has to end before a stack does.
 */
export function unstorable(value: unknown, steps: string[] = []): Obstacle | null {
  if (typeof value === 'string') return obstacle(steps, badText(value))
  if (typeof value !== 'object' || value === null) return null
  if (steps.length >= deepest) return obstacle(steps, `must not be nested deeper than ${deepest}`)
  for (const [name, item] of Object.entries(value)) {
    const badName = badText(name)
    const found = badName ? obstacle([...steps, name], badName) : lookInto(item, steps, name)
    if (found) return found
  }
  return null
}

/** The steps are copied only for containers that are not empty. */
function lookInto(item: unknown, steps: string[], name: string): Obstacle | null {
  if (typeof item !== 'string' && (typeof item !== 'object' || item === null)) return null
  return unstorable(item, [...steps, name])
}

function obstacle(steps: string[], sentence: string | null): Obstacle | null {
  if (sentence === null) return null
  const path = writtenPath(steps)
  return { path, message: path ? `${path}: ${sentence}` : sentence }
}

function badText(text: string): string | null {
  if (text.includes('\0')) return 'must not contain a NUL character'
  if (!text.isWellFormed()) return 'must be well-formed Unicode; it contains half of a surrogate pair'
  return null
}
