/** The value at a dotted path (`job.schedule.kind`, `jobs.0.id`); undefined if the path leads nowhere. */
export function at(value: unknown, path: string): unknown {
  let found = value
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined
    found = (found as Record<string, unknown>)[name]
  }
  return found
}

/** The text at a path; throws if there is none, because the check cannot go on without it. */
export function textAt(value: unknown, path: string): string {
  const found = at(value, path)
  if (typeof found !== 'string')
    throw new Error(`expected text at \`${path}\`; saw ${JSON.stringify(value)?.slice(0, 300)}`)
  return found
}

export function listAt(value: unknown, path: string): unknown[] {
  const found = at(value, path)
  if (!Array.isArray(found))
    throw new Error(`expected a list at \`${path}\`; saw ${JSON.stringify(value)?.slice(0, 300)}`)
  return found
}

export function keysOf(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

/** The parsed JSON; undefined if it is none. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
