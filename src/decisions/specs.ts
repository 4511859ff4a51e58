/** After which outcomes a delivery is made. `changed`: a success whose output is another than the one before. */
export type On = 'success' | 'failure' | 'recovery' | 'always' | 'changed'

/** One delivery as a job asks for it: by a channel's name, or written out (`type` and its fields). */
export type Spec = { on: On[]; template?: string } & (
  | { channel: string }
  | { type: string; channel?: never; [field: string]: unknown }
)

/** Names that stand for no channel: clients of this kind of API send them, and nothing is sent anywhere. */
const nowhere = ['local', 'none', 'origin']

/**
 * What `job.deliver` asks for, one entry for each delivery, `on` always a list. Names that stand for nothing are left
 * out, and so is what no schema would have let through.
 */
export function specsOf(deliver: unknown): Spec[] {
  const entries: unknown[] = Array.isArray(deliver) ? deliver : [deliver]
  return entries.flatMap((entry): Spec[] => {
    const named: unknown = typeof entry === 'string' ? { channel: entry } : entry
    if (!isSpec(named) || nowhere.includes(String(named.channel))) return []
    const { on = 'always', ...rest } = named
    return [{ ...rest, on: listOf(on) }]
  })
}

/** The channels that `job.deliver` names, each once. */
export function channelsOf(deliver: unknown): string[] {
  const names = specsOf(deliver).map(({ channel }) => channel)
  return [...new Set(names.filter((name) => name !== undefined))]
}

function listOf(on: unknown): On[] {
  return (Array.isArray(on) ? on : [on]) as On[]
}

function isSpec(value: unknown): value is { on?: unknown; channel?: string; type?: string } {
  if (typeof value !== 'object' || value === null) return false
  return 'channel' in value
    ? typeof value.channel === 'string'
    : 'type' in value && typeof value.type === 'string'
}
