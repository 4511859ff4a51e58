import type { Database } from './client.ts'
import { pendingOf } from './migrate.ts'
import { migrations } from './migrations.ts'

/** Whether the service can work with the database; `problem`: why not, for people. */
export type DatabaseState = { database: boolean; migrated: boolean; problem: string | null }

const remedy = 'Run the migration (node dist/migrate.js)'

/**
 * One statement. A database that newer code has migrated is as good: migrations are made so that the code before them
 * goes on working, and a deploy migrates before it replaces machines.
 */
export async function readDatabaseState(database: Database): Promise<DatabaseState> {
  try {
    const rows = await database.run(
      (sql) => sql<{ name: string; hash: string; is_read_only: boolean }[]>`
        select name, hash, current_setting('transaction_read_only') = 'on' as is_read_only from chronos_migrations`,
      { idempotent: true, name: 'reading the state of the schema' },
    )
    const pending = pendingOf(migrations, new Map(rows.map(({ name, hash }) => [name, hash])))
    if (pending.length > 0)
      return notMigrated(`it lacks ${pending.map(({ name }) => name).join(', ')}. ${remedy}`)
    const isReadOnly = rows.some((row) => row.is_read_only)
    const problem = isReadOnly ? 'The database takes no writes from this role (it is read-only)' : null
    return { database: true, migrated: true, problem }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === '42P01') return notMigrated(`it has no tables. ${remedy}`)
    if (code === 'DATABASE_UNAVAILABLE')
      return { database: false, migrated: false, problem: (error as Error).message }
    const message = error instanceof Error ? error.message : String(error)
    return { database: true, migrated: false, problem: `The database cannot be used: ${message}` }
  }
}

function notMigrated(why: string): DatabaseState {
  return { database: true, migrated: false, problem: `The database is not migrated: ${why}` }
}
