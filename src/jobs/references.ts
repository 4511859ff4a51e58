import { type Available, unavailableIn } from '../actions/index.ts'
import { channelsOf } from '../decisions/index.ts'
import { callsOf } from '../delivery/senders/index.ts'
import { AppError } from '../ground/errors.ts'
import type { JobInput } from './input.ts'
import { uncallableIn } from '../outbound/index.ts'
import { namesIn } from '../template/index.ts'

type Known = Available & {
  secrets: () => Promise<{ exists(names: Iterable<string>): Promise<Set<string>> }>
  channels: () => Promise<{ exists(names: Iterable<string>): Promise<Set<string>> }>
}

/**
 * Whether the secrets, channels and handlers that a job names exist, whether it may start programs, and whether the target that it
 * calls may be called. Nothing is asked of the database if it names nothing there.
 *
 * @throws AppError FIELD_INVALID: names those that do not, by the field
 */
export async function checkReferences(
  job: Pick<JobInput, 'action' | 'prompt' | 'deliver'>,
  known: Known,
): Promise<void> {
  const fields = Object.entries(job).map(([path, value]) => ({ path, secrets: secretsIn(value) }))
  const named = fields.flatMap(({ secrets }) => secrets)
  const channels = channelsOf(job.deliver)
  const secretsThere = named.length > 0 ? await (await known.secrets()).exists(named) : new Set()
  const channelsThere = channels.length > 0 ? await (await known.channels()).exists(channels) : new Set()
  const errors = [
    ...(job.action ? await unavailableIn(job.action, known) : []),
    ...(await uncallableReceivers(job.deliver, known)),
    ...fields.flatMap(({ path, secrets }) =>
      secrets.filter((name) => !secretsThere.has(name)).map((name) => missing(path, 'secret', name)),
    ),
    ...channels.filter((name) => !channelsThere.has(name)).map((name) => missing('deliver', 'channel', name)),
  ]
  if (errors.length === 0) return
  throw new AppError('FIELD_INVALID', errors.map(({ message }) => message).join('; '), { extra: { errors } })
}

/** Of those that are written out in the job; a channel's were looked at when it was saved. */
async function uncallableReceivers(deliver: unknown, { refusalOf }: Known) {
  const found = Array.isArray(deliver)
    ? deliver.map((one, at) => uncallableIn(callsIn(one), `deliver[${at}]`, refusalOf))
    : [uncallableIn(callsIn(deliver), 'deliver', refusalOf)]
  return (await Promise.all(found)).flat()
}

function callsIn(spec: unknown) {
  return isWrittenOut(spec) ? callsOf(spec) : []
}

function isWrittenOut(spec: unknown): spec is { type: string } {
  return typeof spec === 'object' && spec !== null && 'type' in spec && typeof spec.type === 'string'
}

function secretsIn(value: unknown): string[] {
  return [...namesIn(value)].flatMap((name) =>
    name.startsWith('secrets.') ? [name.slice('secrets.'.length)] : [],
  )
}

function missing(path: string, kind: 'secret' | 'channel', name: string) {
  return {
    path,
    message: `${path}: no ${kind} named ${JSON.stringify(name)}`,
  }
}
