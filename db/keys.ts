import type { KeyStore } from '../src/token/index.ts'
import type { Database } from './client.ts'
import type { StoredKeys } from './login/index.ts'

/** The last good key sets of all addresses, which are a few: a statement with a parameter takes another round trip (db/wanted.ts). */
export function readKeys(db: Database): Promise<StoredKeys> {
  return db.run((sql) => sql<StoredKeys>`select jwks_url, jwks, fetched_at from nas_keys`, {
    idempotent: true,
    name: 'reading the signing keys',
  })
}

/** `begun`: a read that is under way, for the first load. */
type KeyStoreNeeds = { db: Database; jwksUrl: string; begun?: Promise<StoredKeys> | undefined }

/** The last good key set of `jwksUrl`. Saving an older one than is stored changes nothing. */
export function createKeyStore({ db, jwksUrl, begun }: KeyStoreNeeds): KeyStore {
  let first = begun
  return {
    async load() {
      const reading = first ?? readKeys(db)
      first = undefined
      const rows = await reading
      const row = rows.find(({ jwks_url }) => jwks_url === jwksUrl)
      return row ? { jwks: row.jwks, fetchedAt: row.fetched_at } : null
    },

    async save(jwks, fetchedAt) {
      await db.run(
        (sql) => sql`
          insert into nas_keys (jwks_url, jwks, fetched_at)
          values (${jwksUrl}, ${JSON.stringify(jwks)}::text::jsonb, ${fetchedAt})
          on conflict (jwks_url) do update set jwks = excluded.jwks, fetched_at = excluded.fetched_at
          where nas_keys.fetched_at < excluded.fetched_at`,
        { idempotent: true, name: 'storing the signing keys' },
      )
    },
  }
}
