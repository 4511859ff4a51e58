import type { JSONWebKeySet, KeyStore } from '../src/token/index.ts'
import type { Database } from './client.ts'

/** The last good key set of `jwksUrl`. Saving an older one than is stored changes nothing. */
export function createKeyStore({ db, jwksUrl }: { db: Database; jwksUrl: string }): KeyStore {
  return {
    async load() {
      // all of them, which are a few: a statement with a parameter takes another round trip (db/wanted.ts)
      const rows = await db.run(
        (sql) => sql<{ jwks_url: string; jwks: JSONWebKeySet; fetched_at: Date }[]>`
          select jwks_url, jwks, fetched_at from nas_keys`,
        { idempotent: true, name: 'reading the signing keys' },
      )
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
