import type { ApiKeyStore } from '../../../db/index.ts'
import type { Log } from '../../ground/log.ts'
import { first, type Holder } from './caller.ts'
import { createKeyCheck, type KeyCheck } from './check.ts'
import type { StoredKeys } from './stored.ts'

export type { Caller, Holder } from './caller.ts'
export { nameOfKey } from './form.ts'
export { allows, type Scope, scopes } from './scopes.ts'
export type { StoredKeys } from './stored.ts'

export type Keys = {
  check: KeyCheck
  /** The key of a session, by its id. @throws AppError API_KEY_REJECTED: it is revoked, expired or gone; DATABASE_UNAVAILABLE */
  holder(id: string): Promise<Holder>
  /** Records that the key with this id was used; not awaited. */
  used(id: string): void
  /** Those that were made over the API; loaded on first use. */
  stored(): Promise<StoredKeys>
}

type KeysNeeds = { apiKey: string; store: () => ApiKeyStore; log: Log }

/** Who may call the API: the key in the environment, and those that were made with it. */
export function createKeys({ apiKey, store, log }: KeysNeeds): Keys {
  let loaded: Promise<StoredKeys> | undefined
  const stored = () => (loaded ??= load())

  async function load(): Promise<StoredKeys> {
    const { createStoredKeys } = await import('./stored.ts')
    return createStoredKeys({ store: store(), log })
  }

  return {
    check: createKeyCheck(apiKey, stored),
    holder: async (id) =>
      id === first.id ? { ...first, name: first.id, livesMs: null } : (await stored()).holder(id),
    used(id) {
      if (id !== first.id) void stored().then((keys) => keys.used(id))
    },
    stored,
  }
}
