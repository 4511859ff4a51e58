/** The scopes of a key. `admin` allows everything; `jobs:write` includes `jobs:read`. */
export const scopes = ['jobs:read', 'jobs:write', 'runs:start', 'admin'] as const

export type Scope = (typeof scopes)[number]

/** Whether a key with the scopes `held` may do what needs `needed`. */
export function allows(held: readonly Scope[], needed: Scope): boolean {
  if (held.includes(needed) || held.includes('admin')) return true
  return needed === 'jobs:read' && held.includes('jobs:write')
}
