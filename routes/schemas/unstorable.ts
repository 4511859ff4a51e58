const deepest = 64

/**
 * Why Postgres would not take this JSON, as a sentence; null where it would. A NUL or half of a surrogate pair cannot
 * be kept in text or jsonb, and nesting has to end before a stack does.
 */
export function unstorable(value: unknown, depth = 0): string | null {
  if (typeof value === 'string') return badText(value)
  if (typeof value !== 'object' || value === null) return null
  if (depth >= deepest) return `values nested deeper than ${deepest} were given; expected flatter ones`
  for (const [name, item] of Object.entries(value)) {
    const reason = badText(name) ?? unstorable(item, depth + 1)
    if (reason) return reason
  }
  return null
}

function badText(text: string): string | null {
  if (text.includes('\0')) return 'a text with a NUL character was given; expected text without'
  if (!text.isWellFormed()) return 'a text with half a surrogate pair was given; expected well-formed Unicode'
  return null
}
