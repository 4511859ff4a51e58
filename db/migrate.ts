import type postgres from 'postgres'
import { createDatabase, type Database } from './client.ts'
import { type Migration, migrations as ourMigrations } from './migrations.ts'

export type MigrateOptions = {
  migrations?: Migration[]
  /** Waiting for other migrators included. Default 60,000. */
  deadlineMs?: number
  /** Called for unusual events, such as a database that newer code has migrated. */
  log?: (line: string) => void
}

/**
 * Brings a database up to date; gives the names that this call applied. All of them or none: one transaction.
 *
 * Any number may run at once: one applies, the others wait for it and find nothing to do. No session state is
 * used, so a transaction pooler may stand in between. A database that is newer than this code is left as it is.
 *
 * @throws Error if a migration was changed after it had been applied.
 */
export async function migrate(target: Database | string, options: MigrateOptions = {}): Promise<string[]> {
  const { migrations = ourMigrations, deadlineMs = 60_000, log = () => {} } = options
  if (typeof target === 'string') {
    const db = createDatabase({ url: target, max: 2 })
    try {
      return await migrate(db, options)
    } finally {
      await db.close()
    }
  }
  const call = { deadlineMs, name: 'the migration' }
  // One round trip at most boots: nothing to do, and no lock to wait for.
  const applied = await target.run(readApplied, { ...call, idempotent: true }).catch(orNoneYet)
  if (pendingOf(migrations, applied).length > 0)
    return target.transaction((tx) => applyPending(tx, migrations), call)
  const newer = [...applied.keys()].filter((name) => migrations.every((known) => known.name !== name))
  if (newer.length > 0) log(`the database is newer than this code: it also has ${newer.join(', ')}`)
  return []
}

type Applied = Map<string, string>

async function applyPending(tx: postgres.TransactionSql, migrations: Migration[]): Promise<string[]> {
  await tx`select pg_advisory_xact_lock(${migrationLock})`
  await tx.unsafe(`
    create table if not exists chronos_migrations (
      name       text        not null,
      hash       text        not null,
      applied_at timestamptz not null default now(),
      constraint chronos_migrations_pkey primary key (name)
    )`)
  const pending = pendingOf(migrations, await readApplied(tx))
  for (const { name, hash, sql } of pending) {
    await tx.unsafe(sql)
    await tx`insert into chronos_migrations (name, hash) values (${name}, ${hash})`
  }
  return pending.map(({ name }) => name)
}

// Any number will do, as long as it stays the same: old and new code have to meet at one lock.
const migrationLock = 4_927_146_803

async function readApplied(sql: postgres.Sql | postgres.TransactionSql): Promise<Applied> {
  const rows = await sql<
    { name: string; hash: string }[]
  >`select name, hash from chronos_migrations order by name`
  return new Map(rows.map(({ name, hash }) => [name, hash]))
}

function orNoneYet(error: unknown): Applied {
  const undefinedTable = '42P01'
  if (error instanceof Error && 'code' in error && error.code === undefinedTable) return new Map()
  throw error
}

/** Those that are not applied. @throws Error if one was changed after it had been applied. */
export function pendingOf(migrations: Migration[], applied: Applied): Migration[] {
  for (const { name, hash } of migrations) {
    const before = applied.get(name)
    if (before === undefined || before === hash) continue
    throw new Error(
      `migration ${name} was changed after it had been applied (${before.slice(0, 8)} then, ${hash.slice(0, 8)} now); restore it, and write the change as a new migration`,
    )
  }
  return migrations.filter(({ name }) => !applied.has(name))
}
