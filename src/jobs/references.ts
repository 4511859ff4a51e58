import { type Available, unavailableIn } from '../actions/index.ts'
import { channelsOf } from '../decisions/index.ts'
import { callsOf } from '../delivery/senders/index.ts'
import { AppError } from '../ground/errors.ts'
import type { Referring } from './input.ts'
import { uncallableIn } from '../outbound/index.ts'
import { namesIn } from '../template/index.ts'

type Known = Available & {
  secrets: () => Promise<{ exists(names: Iterable<string>): Promise<Set<string>> }>
  channels: () => Promise<{ exists(names: Iterable<string>): Promise<Set<string>> }>
}

/**
 * The check of these jobs: whether the secrets, channels and handlers that each names exist, whether it may start programs,
 * and whether the target that it calls may be called. `made`: channels that there will be. The database is asked once for all of them, and not at all if they
 * name nothing there.
 */
export async function referencesOf(
  jobs: readonly Referring[],
  made: readonly string[],
  known: Known,
): Promise<(job: Referring) => Promise<void>> {
  const secrets = jobs.flatMap((job) => fieldsOf(job).flatMap((field) => field.secrets))
  const channels = jobs.flatMap(({ deliver }) => channelsOf(deliver))
  const none = new Set<string>()
  const [secretsThere, channelsThere] = await Promise.all([
    secrets.length > 0 ? known.secrets().then((them) => them.exists(secrets)) : none,
    channels.length > 0 ? known.channels().then((them) => them.exists(channels)) : none,
  ])
  return (job) => check(job, { ...known, secretsThere, channelsThere: channelsThere.union(new Set(made)) })
}

type Found = Available & { secretsThere: Set<string>; channelsThere: Set<string> }

/** @throws AppError FIELD_INVALID: names those that do not exist, by the field */
async function check(job: Referring, found: Found): Promise<void> {
  const { secretsThere, channelsThere } = found
  const errors = [
    ...(job.action ? await unavailableIn(job.action, found) : []),
    ...(await uncallableReceivers(job.deliver, found)),
    ...fieldsOf(job).flatMap(({ path, secrets }) =>
      secrets.filter((name) => !secretsThere.has(name)).map((name) => missing(path, 'secret', name)),
    ),
    ...channelsOf(job.deliver)
      .filter((name) => !channelsThere.has(name))
      .map((name) => missing('deliver', 'channel', name)),
  ]
  if (errors.length === 0) return
  throw new AppError('FIELD_INVALID', errors.map(({ message }) => message).join('; '), { extra: { errors } })
}

function fieldsOf({ action, prompt, deliver }: Referring) {
  const fields = Object.entries({ action, prompt, deliver })
  return fields.map(([path, value]) => ({ path, secrets: secretsIn(value) }))
}

/** Of those that are written out in the job; a channel's were looked at when it was saved. */
async function uncallableReceivers(deliver: unknown, { refusalOf }: Available) {
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
