import type { LoginRow, LoginStore } from '../src/timers/nas/index.ts'
import type { Database, Sql } from './client.ts'

type LoginStoreNeeds = {
  db: Database
  clientId: string
  /** A test's clock, instead of Postgres' own. */
  now?: () => Date | null
}

type Stored = {
  first_hash: string
  refresh_hash: string
  refresh_sealed: string
  access_sealed: string | null
  access_refresh_at: Date | null
  access_expires_at: Date | null
  refused_message: string | null
  begun: number
}

/**
 * One login in `nas_login`. Every change is one statement on the one row, a compare-and-set on its subject (the
 * lease, the refresh token), so that any number of processes may try at once.
 */
export function createLoginStore({ db, clientId, now = () => null }: LoginStoreNeeds): LoginStore {
  const clock = (sql: Sql) => sql`coalesce(${now()}::timestamptz, clock_timestamp())`

  async function read(): Promise<LoginRow | null> {
    const [row] = await db.run(
      (sql) => sql<Stored[]>`select ${columns(sql)} from nas_login where client_id = ${clientId}`,
      { idempotent: true, name: 'reading the login' },
    )
    return row ? readRow(row) : null
  }

  async function begin(first: { hash: string; sealed: string }): Promise<LoginRow> {
    await db.run(
      (sql) => sql`
        insert into nas_login as l (client_id, first_hash, refresh_hash, refresh_sealed)
        values (${clientId}, ${first.hash}, ${first.hash}, ${first.sealed})
        on conflict (client_id) do update set
          former_hashes = l.former_hashes || l.first_hash,
          first_hash = excluded.first_hash,
          refresh_hash = excluded.refresh_hash,
          refresh_sealed = excluded.refresh_sealed,
          access_sealed = null, access_refresh_at = null, access_expires_at = null,
          refused_at = null, refused_message = null,
          lease_owner = null, lease_until = null, begun = 0,
          updated_at = ${clock(sql)}
        where excluded.first_hash <> all (l.former_hashes || l.first_hash)`,
      { idempotent: true, name: 'beginning the login' },
    )
    const row = await read()
    if (!row) throw new Error(`the login of ${clientId} was removed while it was begun`)
    return row
  }

  // Not repeated where its outcome is unknown: the lease then lapses by itself.
  async function takeLease(owner: string, ttlMs: number): Promise<LoginRow | null> {
    const [row] = await db.run(
      (sql) => sql<Stored[]>`
        update nas_login set
          lease_owner = ${owner},
          lease_until = ${clock(sql)} + ${ttlMs} * interval '1 ms',
          begun = begun + 1
        where client_id = ${clientId} and refused_at is null
          and (lease_until is null or lease_until <= ${clock(sql)})
        returning ${columns(sql)}`,
      { name: 'the lease of the login' },
    )
    return row ? readRow(row) : null
  }

  // Repeatable: the tokens that are stored already count as saved.
  async function save({
    refreshedFrom,
    refresh,
    access,
  }: Parameters<LoginStore['save']>[0]): Promise<boolean> {
    const rows = await db.run(
      (sql) => sql`
        update nas_login set
          refresh_hash = ${refresh.hash}, refresh_sealed = ${refresh.sealed},
          access_sealed = ${access.sealed},
          access_refresh_at = ${access.refreshAt}, access_expires_at = ${access.expiresAt},
          lease_owner = null, lease_until = null, begun = 0,
          refused_at = null, refused_message = null,
          updated_at = ${clock(sql)}
        where client_id = ${clientId} and refresh_hash in (${refreshedFrom}, ${refresh.hash})
        returning client_id`,
      { idempotent: true, name: 'storing the new refresh token' },
    )
    return rows.length === 1
  }

  async function release(owner: string): Promise<void> {
    await db.run(
      (sql) => sql`
        update nas_login set lease_owner = null, lease_until = null, begun = begun - 1
        where client_id = ${clientId} and lease_owner = ${owner}`,
      { idempotent: true, name: 'ending the lease of the login' },
    )
  }

  async function markRefused(hash: string, message: string): Promise<boolean> {
    const rows = await db.run(
      (sql) => sql`
        update nas_login set
          refused_at = ${clock(sql)}, refused_message = ${message}, lease_owner = null, lease_until = null
        where client_id = ${clientId} and refresh_hash = ${hash} and refused_at is null
        returning client_id`,
      { name: 'remembering that the login is refused' },
    )
    return rows.length === 1
  }

  return { read, begin, takeLease, save, release, markRefused }
}

function columns(sql: Sql) {
  return sql`
    first_hash, refresh_hash, refresh_sealed, access_sealed, access_refresh_at, access_expires_at,
    refused_message, begun`
}

function readRow(row: Stored): LoginRow {
  const { access_sealed: sealed, access_refresh_at: refreshAt, access_expires_at: expiresAt } = row
  return {
    firstHash: row.first_hash,
    refresh: { hash: row.refresh_hash, sealed: row.refresh_sealed },
    access: sealed && refreshAt && expiresAt ? { sealed, refreshAt, expiresAt } : null,
    refusal: row.refused_message,
    begun: row.begun,
  }
}
