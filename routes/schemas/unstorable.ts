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
  if (steps.length >= deepest)
    return obstacle(steps, `values nested deeper than ${deepest} were given; expected flatter ones`)
  for (const [name, item] of Object.entries(value)) {
    const badName = badText(name)
    const found = badName ? obstacle([...steps, name], badName) : lookInto(item, steps, name)
    if (found) return found
  }
  return null
}

/** The steps are copied only for what has something in it. */
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
  if (text.includes('\0')) return 'a text with a NUL character was given; expected text without'
  if (!text.isWellFormed()) return 'a text with half a surrogate pair was given; expected well-formed Unicode'
  return null
}
