import { randomUUID } from 'node:crypto'
import {
  channelInUse,
  type ChannelStore,
  type Page,
  type PageWish,
  type StoredChannel,
} from '../../db/index.ts'
import { type Call, type RefusalOf, uncallableIn } from '../outbound/index.ts'
import {
  callsOf,
  type Sent,
  type DeliveryError,
  type Message,
  type ReceiverConfig,
  receiverOf,
  type Target,
} from './senders/index.ts'
import { AppError, fieldRefused } from '../ground/errors.ts'
import { shortName } from '../ground/project.ts'
import { notFound } from '../ground/not-found.ts'
import { needed, type Seal } from '../vault/seal/index.ts'
import { namesIn, renderJson } from '../template/index.ts'

/** A channel as people may see it. `summary`: the harmless part of its configuration; null: no configured key decrypts it. */
export type Channel = Omit<StoredChannel, 'sealed'> & { summary: Record<string, unknown> | null }

export type OpenedChannel = Pick<StoredChannel, 'name' | 'sealed' | 'defaultOn'> & {
  config: ReceiverConfig | null
}

/** Channels by name. All of it throws AppError DATABASE_UNAVAILABLE, and ENCRYPTION_KEY_MISSING if a value is opened or sealed. */
/** Channels by their names of all projects (`nameIn`); a `Channel` has the short one. All of it throws AppError DATABASE_UNAVAILABLE, and ENCRYPTION_KEY_MISSING if a value is opened or sealed. */
export type Channels = {
  /**
   * Makes or replaces it as a whole, in use again. A webhook without `secrets` keeps those it had; if there are none,
   * one is made, and given here and never again.
   *
   * @throws AppError FIELD_INVALID: its host may not be called
   */
  put(
    name: string,
    config: ReceiverConfig,
    defaultOn: string[] | null,
  ): Promise<{ channel: Channel; isNew: boolean; madeSecret: string | null }>
  /** For a file, which writes it with all else that it has: its configuration sealed, once its host may be called. @throws AppError FIELD_INVALID */
  sealed(name: string, config: ReceiverConfig): Promise<string>
  /** For a file: those of the names that the project has, or (null) all, by their short names, with what was sealed. `config` null: no configured key decrypts it. @throws AppError FIELD_INVALID: there are more than 1,000 */
  opened(project: string, names: readonly string[] | null): Promise<OpenedChannel[]>
  /** By name. */
  list(project: string, page: PageWish<string>): Promise<Page<Channel, string>>
  /** @throws AppError CHANNEL_NOT_FOUND */
  get(name: string): Promise<Channel>
  /** Those of the names that there are. */
  exists(names: Iterable<string>): Promise<Set<string>>
  /** @throws AppError CHANNEL_NOT_FOUND, CHANNEL_IN_USE: names the jobs */
  remove(name: string): Promise<void>
  /**
   * Where a delivery goes, from a channel's name or written out, its secrets filled in; a spec's own template stands
   * before the channel's.
   *
   * @throws AppError CHANNEL_NOT_FOUND, CHANNEL_DISABLED, SECRET_UNREADABLE, and what `secret` throws
   */
  resolve(spec: SpecTarget, secret: (name: string) => Promise<string>): Promise<Target>
  /** Switches it off until it is put again, or a test arrives. */
  disable(name: string, reason: string): Promise<void>
  /**
   * Sends a test message at once, also to a channel that is disabled: one that arrives enables it again.
   *
   * @throws AppError CHANNEL_NOT_FOUND, SECRET_UNREADABLE
   */
  test(
    name: string,
    send: SendTest,
  ): Promise<{ delivered: true } | { delivered: false; error: DeliveryError }>
}

/** Of channels that are opened together; each has kilobytes. */
const mostOpened = 1_000

function tooMany(): AppError {
  const sentence = `the project has more than ${mostOpened} channels, too many to be read together. Keep them by /api/channels.`
  return fieldRefused('channels', sentence)
}

export type SpecTarget = { channel?: string; type?: string; template?: unknown; [field: string]: unknown }
type SendTest = (target: ReceiverConfig, message: Message, signal: AbortSignal) => Promise<Sent>

type ChannelsNeeds = {
  store: ChannelStore
  seal: Seal | null
  /** Rejects if nothing may be sealed with this key. */
  expectKey?: () => Promise<void>
  /** Default: every host may be called. */
  refusalOf?: RefusalOf
}

export function createChannels({
  store,
  seal,
  refusalOf: hostRefusalOf,
  expectKey = async () => {},
}: ChannelsNeeds): Channels {
  async function put(name: string, given: ReceiverConfig, defaultOn: string[] | null) {
    const close = await closing(given)
    const { made } = receiverOf(given) ?? {}
    const secrets = made && !given[made.field] ? await secretsFor(name, given.type, made) : null
    const config = made && secrets ? { ...given, [made.field]: secrets.all } : given
    const sealed = close(name, config)
    const { channel, isNew } = await store.put({ name, type: given.type, sealed, defaultOn })
    return { channel: shown(channel), isNew, madeSecret: secrets?.made ?? null }
  }

  /** How to seal it, once its host may be called. */
  async function closing(given: ReceiverConfig) {
    if (hostRefusalOf) await checkCallable(given, hostRefusalOf)
    const { seal: close } = needed(seal, 'channels')
    await expectKey()
    return (name: string, config: object) => close(JSON.stringify(config), contextOf(name))
  }

  /** Those that a receiver of this type had; if it is new, or was of another type, new ones. */
  async function secretsFor(
    name: string,
    type: string,
    { field, make }: { field: string; make(): string[] },
  ): Promise<{ all: unknown; made: string | null }> {
    const former = await store.find(name)
    const kept = former?.type === type ? opened(former)[field] : null
    if (kept) return { all: kept, made: null }
    const all = make()
    return { all, made: all[0] ?? null }
  }

  async function found(name: string): Promise<StoredChannel> {
    const channel = await store.find(name)
    if (channel) return channel
    throw notFound('channel', shortName(name))
  }

  function opened({ name, sealed }: StoredChannel): ReceiverConfig {
    return JSON.parse(needed(seal, 'channels').open(sealed, contextOf(name))) as ReceiverConfig
  }

  function shown(channel: StoredChannel): Channel {
    const { sealed: _, ...rest } = channel
    return { ...rest, name: shortName(rest.name), summary: seal && summaryOf(channel) }
  }

  function summaryOf(channel: StoredChannel): Record<string, unknown> | null {
    const config = openedOrNull(channel)
    return config && summarised(config)
  }

  /** Null: no configured key decrypts it. */
  function openedOrNull(channel: StoredChannel): ReceiverConfig | null {
    try {
      return opened(channel)
    } catch (error) {
      if (error instanceof AppError && error.code === 'SECRET_UNREADABLE') return null
      throw error
    }
  }

  async function resolve(spec: SpecTarget, secret: (name: string) => Promise<string>): Promise<Target> {
    const { channel: name, template, ...inline } = spec
    if (name === undefined) return filled({ ...inline, template }, secret)
    const channel = await found(name)
    if (channel.disabledAt) {
      const since = `channel ${shortName(name)} was disabled at ${channel.disabledAt.toISOString()}`
      throw new AppError('CHANNEL_DISABLED', `${since}: ${channel.disabledReason}`)
    }
    const config = opened(channel)
    return filled({ ...config, template: template ?? config['template'] }, secret)
  }

  async function test(name: string, send: SendTest) {
    const channel = await found(name)
    const delivered = await send(opened(channel), testMessage(shortName(name)), new AbortController().signal)
    if (delivered.state === 'delivered') {
      if (channel.disabledAt || channel.lastErrorAt) await store.enable(name)
      return { delivered: true as const }
    }
    if (delivered.state === 'disabled') await store.disable(name, delivered.error.message)
    return { delivered: false as const, error: delivered.error }
  }

  return {
    put,
    resolve,
    test,
    sealed: async (name, config) => (await closing(config))(name, config),
    async opened(project, names) {
      const stored = await store.some(project, names, mostOpened + 1)
      if (stored.length > mostOpened) throw tooMany()
      return stored.map((one) => ({
        ...{ name: shortName(one.name), sealed: one.sealed, defaultOn: one.defaultOn },
        config: openedOrNull(one),
      }))
    },
    async list(project, wish) {
      const { items, next } = await store.list(project, wish)
      return { items: items.map(shown), next }
    },
    get: async (name) => shown(await found(name)),
    exists: (names) => store.exists([...new Set(names)]),
    disable: (name, reason) => store.disable(name, reason),
    async remove(name) {
      const { isRemoved, users } = await store.remove(name)
      if (isRemoved) return
      if (users.length === 0) throw notFound('channel', shortName(name))
      throw channelInUse(name, users)
    },
  }
}

/** @throws AppError FIELD_INVALID */
async function checkCallable(config: ReceiverConfig, hostRefusalOf: RefusalOf): Promise<void> {
  const errors = await uncallableIn(callsOf(config), '', hostRefusalOf)
  if (errors.length === 0) return
  throw new AppError('FIELD_INVALID', errors.map(({ message }) => message).join('; '), { extra: { errors } })
}

/** Every secret in its place; a template is left for later, as its names are those of a run. */
async function filled(
  { template, ...fields }: Record<string, unknown>,
  secret: (name: string) => Promise<string>,
): Promise<Target> {
  const names = [...namesIn(fields)]
  const values = await Promise.all(names.map((name) => secret(name.slice('secrets.'.length))))
  const config = renderJson(fields, Object.fromEntries(names.map((name, index) => [name, values[index]])))
  return { ...(config as object), ...(typeof template === 'string' && { template }) } as Target
}

/** The public part of a configuration: its receiver, never its secrets. */
function summarised(config: ReceiverConfig): Record<string, unknown> {
  const secrets = [...namesIn({ ...config, template: null })].map((name) => name.slice('secrets.'.length))
  const receiver = receiverOf(config)
  const [call] = callsOf(config)
  return {
    host: call ? hostOf(call) : null,
    ...receiver?.summaryOf?.(config),
    ...(secrets.length > 0 && { secrets }),
  }
}

/** Null if it is a secret itself. */
function hostOf(call: Call): string | null {
  if ('host' in call) return typeof call.host === 'string' ? call.host : null
  return typeof call.url !== 'string' || call.url.includes('{{') ? null : (URL.parse(call.url)?.host ?? null)
}

function testMessage(name: string): Message {
  const now = new Date()
  const run = { id: randomUUID(), slot: null, state: 'succeeded', attempt: 1, trigger: 'manual' }
  return {
    id: randomUUID(),
    event: 'test',
    job: { id: '000000000000', name: `channel ${name}` },
    run: { ...run, startedAt: now, finishedAt: now, durationMs: 0 },
    output: 'If you can read this, deliveries arrive here.',
    error: null,
    link: null,
  }
}

/**
 * The outcome of a delivery whose target could not be resolved. A key that is missing comes with the next deploy,
 * and a database with time; a channel or secret that is not there has to be created first.
 *
 * @throws the error: it is none of these
 */
export function refusalOf(thrown: unknown): Exclude<Sent, { state: 'delivered' }> {
  if (!(thrown instanceof AppError)) throw thrown
  const error = { code: thrown.code, message: thrown.message }
  const isOurs = thrown.statusCode >= 500 || thrown.code === 'ENCRYPTION_KEY_MISSING'
  return { state: isOurs ? 'retry' : 'failed', error }
}

function contextOf(name: string): string {
  return `channel:${name}`
}
