import type { ChannelBatch } from '../../db/index.ts'
import type { Channels, OpenedChannel } from '../delivery/channels.ts'
import { type ReceiverConfig, receiverOf } from '../delivery/senders/index.ts'
import { AppError, fieldRefused } from '../ground/errors.ts'
import { inProject, type KnownNames, nameIn } from '../ground/project.ts'
import { namesIn, wholeName } from '../template/index.ts'
import { differences, type FieldChange } from './differences.ts'

/** A channel as a file has it: its secrets by their names. */
export type DeclaredChannel = { name: string; config: ReceiverConfig; defaultOn: string[] | null }

/** `seen`: as it is sealed now; null: it is to be made. `wanted` null: it is to be removed. */
export type PlannedChannel = {
  name: string
  what: 'make' | 'change' | 'remove' | 'keep'
  seen: string | null
  wanted: DeclaredChannel | null
  /** Secrets by their names; what was set by hand is not shown. */
  fields: FieldChange[]
}

export type ChannelsOfFile = {
  /** @throws AppError OWNER_CONFLICT */
  plan(wish: {
    owner: string | null
    prunes: boolean
    channels: DeclaredChannel[]
  }): Promise<PlannedChannel[]>
  /** As it is to be written. @throws AppError FIELD_INVALID: a secret does not exist, or its host may not be called */
  batchOf(plan: PlannedChannel[]): Promise<ChannelBatch>
  /** Those that a file can hold (`owner` not null: and of this owner), and the names of those whose secrets are written out. */
  kept(owner: string | null): Promise<{ channels: Record<string, object>; leftOut: string[] }>
}

type ChannelsNeeds = {
  /** Whose channels and secrets these are. */
  project: string
  channels: () => Promise<Pick<Channels, 'opened' | 'sealed'>>
  secrets: () => Promise<KnownNames>
}

/** Within what is sealed: this channel came out of a file, whose owner this is. A `put` by hand takes it away from the file. */
type Mark = { declared?: { owner: string | null } }

const hidden = '[REDACTED]'

export function createChannelsOfFile({ project, channels: load, secrets }: ChannelsNeeds): ChannelsOfFile {
  const storedName = (name: string) => nameIn(project, name)

  async function plan({ owner, prunes, channels }: Parameters<ChannelsOfFile['plan']>[0]) {
    const prunesOwner = prunes ? owner : null
    if (channels.length === 0 && prunesOwner === null) return []
    const names = channels.map(({ name }) => name)
    const found = await (await load()).opened(project, prunesOwner === null ? names.map(storedName) : null)
    const byName = new Map(found.map((one) => [one.name, one]))
    const wanted = channels.map((one) => planned(byName.get(one.name) ?? null, one, owner))
    const gone = found.filter(
      (one) => prunesOwner !== null && !names.includes(one.name) && ownerOf(one) === prunesOwner,
    )
    return [...wanted, ...gone.map((one) => planned(one, null, owner))]
  }

  async function batchOf(changes: PlannedChannel[]): Promise<ChannelBatch> {
    const written = changes.filter(({ what }) => what === 'make' || what === 'change')
    await checkSecrets(written)
    const puts = []
    for (const { name, seen, wanted } of written) {
      if (!wanted) continue
      const { config, defaultOn } = wanted
      const sealed = await (await load()).sealed(storedName(name), config).catch((error: unknown) => {
        throw atChannel(name, error)
      })
      puts.push({ name: storedName(name), type: config.type, sealed, defaultOn, seen })
    }
    const removes = changes.flatMap(({ name, what, seen }) =>
      what === 'remove' && seen ? [{ name: storedName(name), seen }] : [],
    )
    return { puts, removes }
  }

  async function checkSecrets(written: PlannedChannel[]): Promise<void> {
    const named = written.flatMap(({ name, wanted }) =>
      [...namesIn({ ...wanted?.config, template: null })].map((secret) => ({
        name,
        secret: secret.replace(/^secrets\./, ''),
      })),
    )
    if (named.length === 0) return
    const there = await inProject(await secrets(), project).exists(named.map(({ secret }) => secret))
    const errors = named
      .filter(({ secret }) => !there.has(secret))
      .map(({ name, secret }) => {
        const path = `channels.${name}`
        return { path, message: `${path}: no secret named ${JSON.stringify(secret)}` }
      })
    if (errors.length === 0) return
    throw new AppError('FIELD_INVALID', errors.map(({ message }) => message).join('; '), {
      extra: { errors },
    })
  }

  async function kept(owner: string | null) {
    const found = await (await load()).opened(project, null)
    const ours = found.filter((one) => owner === null || ownerOf(one) === owner)
    const [holdable, others] = [ours.filter(isHoldable), ours.filter((one) => !isHoldable(one))]
    return {
      channels: Object.fromEntries(holdable.map((one) => [one.name, described(one)])),
      leftOut: others.map(({ name }) => name),
    }
  }

  return { plan, batchOf, kept }
}

/** `owner`: of the file. Null: the channel keeps the owner that it has. */
function planned(
  found: OpenedChannel | null,
  given: DeclaredChannel | null,
  owner: string | null,
): PlannedChannel {
  const name = given?.name ?? found?.name ?? ''
  const former = found && ownerOf(found)
  if (given && owner !== null && former && former !== owner) throw ownedBy(name, former)
  const mark: Mark = { declared: { owner: owner ?? former } }
  const wanted = given && { ...given, config: { ...given.config, ...mark } }
  const before = found ? { ...described(found), ...ownership(found) } : {}
  const after = wanted ? { ...described(wanted), ...ownership(wanted) } : {}
  const fields = differences(before, after).map((one) => (found ? shownOf(one, found) : one))
  const what = !found ? 'make' : !wanted ? 'remove' : fields.length > 0 ? 'change' : 'keep'
  return { name, what, seen: found?.sealed ?? null, wanted, fields }
}

type Described = Pick<OpenedChannel, 'config' | 'defaultOn'>

function described({ config, defaultOn }: Described): Record<string, unknown> {
  const { declared: _, ...fields } = (config ?? {}) as ReceiverConfig & Mark
  return { ...fields, ...(defaultOn !== null && { default_on: defaultOn }) }
}

function ownership(channel: Described): Record<string, unknown> {
  const owner = ownerOf(channel)
  return owner === null ? {} : { owner }
}

function ownerOf({ config }: Described): string | null {
  return (config as Mark | null)?.declared?.owner ?? null
}

/** What a person has set by hand is not shown again, unless it is the name of a secret. */
function shownOf(change: FieldChange, found: OpenedChannel): FieldChange {
  return isShown(found, change.field) ? change : { ...change, before: hidden }
}

function isHoldable(channel: OpenedChannel): boolean {
  return channel.config !== null && Object.keys(channel.config).every((field) => isShown(channel, field))
}

function isShown({ config }: OpenedChannel, field: string): boolean {
  if (!config || (config as Mark).declared) return true
  const secretFields: readonly string[] = receiverOf(config)?.secretsOf ?? []
  return !secretFields.includes(field) || textsIn(config[field]).every(isSecretName)
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

function isSecretName(text: string): boolean {
  return wholeName(text)?.startsWith('secrets.') ?? false
}

function ownedBy(name: string, owner: string): AppError {
  const sentence = `the channel is of owner ${owner}. Name this owner in the file, or use another name.`
  return fieldRefused(`channels.${name}`, sentence, 'OWNER_CONFLICT')
}

/** A failure of a channel of the file, with its place. */
function atChannel(name: string, error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== 'FIELD_INVALID') return error
  const told = (error.extra['errors'] ?? []) as { path: string; message: string }[]
  const errors = told.map(({ path, message }) => ({
    path: `channels.${name}.${path}`,
    message: `channels.${name}.${message}`,
  }))
  return fieldsRefused(errors, error)
}

function fieldsRefused(errors: { path: string; message: string }[], cause: AppError): AppError {
  const message = errors.map((one) => one.message).join('; ')
  return new AppError('FIELD_INVALID', message, { cause, extra: { errors } })
}
