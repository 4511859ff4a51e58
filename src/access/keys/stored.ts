import { timingSafeEqual } from 'node:crypto'
import type { ApiKeyStore, StoredKey } from '../../../db/index.ts'
import type { AppError } from '../../ground/errors.ts'
import { notFound } from '../../ground/not-found.ts'
import type { Log } from '../../ground/log.ts'
import { createRecent } from '../../ground/recent.ts'
import { type Caller, type Holder, rejected } from './caller.ts'
import { hashOf, makeKey } from './form.ts'
import { type Scope, scopes } from './scopes.ts'

export type NewKey = {
  name: string
  scopes: Scope[]
  expiresAt: Date | null
  createdBy: string
  project: string | null
}

/** The keys that were made over the API. */
export type StoredKeys = {
  /** As `KeyCheck` says. A revoked key is refused at once by the process that revoked it, 30 s later by the others. */
  who(given: { id: string; secret: string }, beforeAsking: () => void): Promise<Caller>
  /** The key with this id, whose secret was shown earlier. @throws AppError API_KEY_REJECTED, DATABASE_UNAVAILABLE */
  holder(id: string): Promise<Holder>
  /** `secret` is given out here and never again. */
  create(wish: NewKey): Promise<{ key: StoredKey; secret: string }>
  /** Newest first, revoked and expired ones too. */
  list: ApiKeyStore['list']
  /** Once is enough. @throws AppError KEY_NOT_FOUND */
  revoke(id: string): Promise<StoredKey>
  /** Records that a key was used, at most once a minute and under no hold: it is not awaited and may be lost. */
  used(id: string): void
}

const trustMs = 30_000
const noteEveryMs = 60_000
/** More keys than that in use at once are asked for again, not forgotten. */
const remembered = 1_000

type Known = Pick<StoredKey, 'name' | 'project' | 'revokedAt'> & {
  scopes: Scope[]
  hash: Buffer
  /** On the clock of `performance.now()`. */
  trustedUntil: number
  expiresAt: number
  notedAt: number
}

/** Remembers what Postgres said of a key for 30 s. Expiry is judged by Postgres' clock, as everything else is. */
export function createStoredKeys({ store, log }: { store: ApiKeyStore; log: Log }): StoredKeys {
  const known = createRecent<Known>(remembered)
  const asked = new Map<string, Promise<Known | null>>()
  const revokedHere = new Set<string>()

  async function who(given: { id: string; secret: string }, beforeAsking: () => void): Promise<Caller> {
    const { id } = given
    const hash = hashOf(given.secret)
    const before = known.get(id)
    // a key's hash never changes: another secret for a known id needs no look
    if (before && !timingSafeEqual(before.hash, hash)) throw unknown()
    const isFresh = before !== undefined && performance.now() < before.trustedUntil
    if (!before) beforeAsking()
    const key = isFresh ? before : await ask(id)
    if (!key || !timingSafeEqual(key.hash, hash)) throw unknown()
    return good(id, key)
  }

  async function holder(id: string): Promise<Holder> {
    const before = known.get(id)
    const key = before && performance.now() < before.trustedUntil ? before : await ask(id)
    if (!key) throw unknown()
    const livesMs = key.expiresAt === Infinity ? null : key.expiresAt - performance.now()
    return { ...good(id, key), name: key.name, livesMs }
  }

  function good(id: string, key: Known): Caller {
    if (key.revokedAt || revokedHere.has(id)) throw rejected('The API key was revoked')
    if (performance.now() >= key.expiresAt) throw rejected('The API key has expired')
    return { id, scopes: key.scopes, project: key.project }
  }

  /** One statement for all the calls that wait for the same key. */
  function ask(id: string): Promise<Known | null> {
    const asking = asked.get(id) ?? look(id).finally(() => asked.delete(id))
    asked.set(id, asking)
    return asking
  }

  async function look(id: string): Promise<Known | null> {
    const found = await store.find(id)
    const notedAt = known.get(id)?.notedAt ?? -Infinity
    if (!found) {
      known.forget(id)
      return null
    }
    const now = performance.now()
    const key: Known = {
      name: found.name,
      project: found.project,
      revokedAt: found.revokedAt,
      // a scope of a later version opens nothing here
      scopes: scopes.filter((scope) => found.scopes.includes(scope)),
      hash: Buffer.from(found.hash, 'hex'),
      trustedUntil: now + trustMs,
      expiresAt: found.livesMs === null ? Infinity : now + found.livesMs,
      notedAt,
    }
    known.note(id, key)
    return key
  }

  return {
    who,
    holder,
    async create({ name, scopes: wanted, expiresAt, createdBy, project }) {
      const { id, secret, hash } = makeKey()
      const key = await store.insert({ id, hash, name, scopes: wanted, expiresAt, createdBy, project })
      return { key, secret }
    },
    list: store.list,
    async revoke(id) {
      const key = await store.revoke(id)
      if (!key) throw notFound('key', id)
      // a look that began before may still bring it back as good
      revokedHere.add(id)
      known.forget(id)
      return key
    },
    used(id) {
      const key = known.get(id)
      const now = performance.now()
      if (!key || now < key.notedAt + noteEveryMs) return
      key.notedAt = now
      store
        .used(id)
        .catch((error: unknown) =>
          log.warn({ err: error, key: id }, 'the last use of an API key could not be stored'),
        )
    },
  }
}

function unknown(): AppError {
  return rejected('The API key is not known')
}
