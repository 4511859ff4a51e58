/** After which outcomes a delivery is made. `changed`: a success whose output is another than the one before. */
export type On = 'success' | 'failure' | 'recovery' | 'always' | 'changed'

/** One delivery as a job asks for it: by a channel's name, or written out (`type` and its fields). */
export type Spec = { on: On[]; template?: string } & (
  | { channel: string }
  | { type: string; channel?: never; [field: string]: unknown }
)

/** Names that stand for no channel: clients of this kind of API send them, and nothing is sent anywhere. */
const nowhere = ['local', 'none', 'origin', '']

/** The name that stands for every channel there is. */
export const everyChannel = 'all'

/**
 * What `job.deliver` asks for, one entry for each delivery, `on` always a list. A text may hold several names,
 * separated by commas. Names that stand for nothing are left out, and so is anything that no schema would accept.
 */
export function specsOf(deliver: unknown): Spec[] {
  const entries: unknown[] = Array.isArray(deliver) ? deliver : [deliver]
  return entries.flatMap(namedIn).flatMap((named): Spec[] => {
    if (!isSpec(named) || nowhere.includes(String(named.channel))) return []
    const { on = 'always', ...rest } = named
    return [{ ...rest, on: listOf(on) }]
  })
}

/** The channels that objects in `job.deliver` name, each once: their author knows the channels of this service. */
export function channelsOf(deliver: unknown): string[] {
  const entries: unknown[] = Array.isArray(deliver) ? deliver : [deliver]
  return namesOf(specsOf(entries.filter((entry) => typeof entry !== 'string')))
}

/** The channels that `job.deliver` names in texts, each once, by the names that they have or would have here. */
export function channelsInTexts(deliver: unknown): string[] {
  const entries: unknown[] = Array.isArray(deliver) ? deliver : [deliver]
  return namesOf(specsOf(entries.filter((entry) => typeof entry === 'string'))).filter(
    (name) => name !== everyChannel,
  )
}

/**
 * The name of the channel that a client means by a text such as `telegram:-100123`: lower case, with `-` in place of
 * every character that no channel's name has. `db/channels.ts` has the same rule in SQL.
 */
function channelNameOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '-')
    .slice(0, 63)
}

function namedIn(entry: unknown): unknown[] {
  if (typeof entry !== 'string') return [entry]
  return entry.split(',').map((name) => ({ channel: channelNameOf(name) }))
}

function namesOf(specs: Spec[]): string[] {
  const names = specs.map(({ channel }) => channel)
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
