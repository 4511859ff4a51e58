import type { Database } from './client.ts'
import { date, maybeDate, type Row } from './columns.ts'
import { type Page, type PageWish, readPage } from './pages.ts'

/** A key that was made over the API, as people may see it: without its hash. Scopes are told by `api_keys_scopes`. */
export type StoredKey = {
  id: string
  name: string
  scopes: string[]
  /** The only project that it sees; null: it sees all. */
  project: string | null
  createdBy: string
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
  revokedAt: Date | null
}

/** `livesMs`: until it expires, by Postgres' clock; not above zero: it has. Null: it does not expire. */
export type FoundKey = {
  name: string
  hash: string
  scopes: string[]
  project: string | null
  revokedAt: Date | null
  livesMs: number | null
}

export type ApiKeyStore = ReturnType<typeof createApiKeyStore>

/** `clock`, if given, stands in for Postgres' own. */
export function createApiKeyStore(database: Database, clock: () => Date | null = () => null) {
  const idempotent = true
  return {
    async find(id: string): Promise<FoundKey | null> {
      const [row]: Row[] = await database.run(
        (sql) => sql`
          select name, hash, to_json(scopes) as scopes, project, revoked_at,
            extract(epoch from expires_at - coalesce(${clock()}::timestamptz, clock_timestamp())) * 1000 as lives_ms
          from api_keys where id = ${id}`,
        { idempotent, name: 'looking up the API key' },
      )
      if (!row) return null
      const livesMs = row['lives_ms'] === null ? null : Number(row['lives_ms'])
      const [name, hash, scopes] = [row['name'] as string, row['hash'] as string, row['scopes'] as string[]]
      const project = row['project'] as string | null
      return { name, hash, scopes, project, revokedAt: maybeDate(row['revoked_at']), livesMs }
    },

    async insert(key: NewRow): Promise<StoredKey> {
      const [row]: Row[] = await database.run(
        (sql) => sql`
          insert into api_keys (id, name, hash, scopes, project, created_by, created_at, expires_at)
          values (${key.id}, ${key.name}, ${key.hash}, string_to_array(${key.scopes.join(' ')}, ' '), ${key.project},
            ${key.createdBy},
            coalesce(${clock()}::timestamptz, clock_timestamp()), ${key.expiresAt})
          returning *, to_json(scopes) as scopes`,
        { name: 'storing the API key' },
      )
      if (!row) throw new Error('an insert of a key returned no row')
      return readKey(row)
    },

    /** Newest first; a position is an id. `project` null: of all, and those that see all. */
    async list(project: string | null, wish: PageWish<string>): Promise<Page<StoredKey, string>> {
      const read = async ({ after, limit }: PageWish<string>) => {
        const rows: Row[] = await database.run(
          (sql) => sql`
            select k.*, to_json(k.scopes) as scopes
            from api_keys k left join api_keys last on last.id = ${after}::text
            where (${project}::text is null or k.project = ${project}) and (${after}::text is null
              or k.created_at < last.created_at or (k.created_at = last.created_at and k.id > last.id))
            order by k.created_at desc, k.id limit ${limit}`,
          { idempotent, name: 'listing the API keys' },
        )
        return rows.map(readKey)
      }
      return readPage(wish, read, ({ id }) => id)
    },

    /** The first call says when; null: there is no such key. */
    async revoke(id: string): Promise<StoredKey | null> {
      const [row]: Row[] = await database.run(
        (sql) => sql`
          update api_keys
          set revoked_at = coalesce(revoked_at, ${clock()}::timestamptz, clock_timestamp())
          where id = ${id}
          returning *, to_json(scopes) as scopes`,
        { idempotent, name: 'revoking the API key' },
      )
      return row ? readKey(row) : null
    },

    /** Of several processes that note a use in the same minute one writes. */
    async used(id: string): Promise<void> {
      await database.run(
        (sql) => sql`
          update api_keys set last_used_at = c.now
          from (select coalesce(${clock()}::timestamptz, clock_timestamp()) as now) c
          where id = ${id} and (last_used_at is null or last_used_at < c.now - interval '1 minute')`,
        { idempotent, name: 'noting the use of the API key' },
      )
    },
  }
}

type NewRow = Pick<StoredKey, 'id' | 'name' | 'scopes' | 'project' | 'createdBy' | 'expiresAt'> & {
  hash: string
}

function readKey(row: Row): StoredKey {
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    scopes: row['scopes'] as string[],
    project: row['project'] as string | null,
    createdBy: row['created_by'] as string,
    createdAt: date(row['created_at']),
    expiresAt: maybeDate(row['expires_at']),
    lastUsedAt: maybeDate(row['last_used_at']),
    revokedAt: maybeDate(row['revoked_at']),
  }
}
