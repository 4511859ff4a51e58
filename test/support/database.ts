import { createHash, randomBytes } from 'node:crypto'
import type postgres from 'postgres'
import { divide, keysForSpreading } from '../../dev/postgres/divide.ts'
import { createDatabase, type Database } from '../../db/client.ts'
import { migrate } from '../../db/migrate.ts'
import { type Migration, migrations as ourMigrations } from '../../db/migrations.ts'
import { openPool } from '../../db/pool.ts'
import { sharedTestCluster } from './cluster.ts'

export type TestDatabase = {
  url: string
  db: Database
  /** Plain postgres.js beside the code under test, for assertions; reads values as the service does. */
  sql: postgres.Sql
  /** Closes both and removes the database, whoever is still connected. */
  drop: () => Promise<void>
}

/**
 * A migrated database of its own, for one test file (`after(() => database.drop())`): a copy, made in about 20 ms,
 * of a template that is migrated once for each set of migrations. `ways`: its tables that grow are divided by the hash of
 * job_id; the variable TEST_DIVIDED does so to every database of a test run.
 */
export async function createTestDatabase({
  migrations = ourMigrations,
  ways = Number(process.env['TEST_DIVIDED'] ?? 0),
} = {}): Promise<TestDatabase> {
  const cluster = await sharedTestCluster()
  const name = `test_${randomBytes(6).toString('hex')}`
  const template = await ensureTemplate(cluster, migrations, ways)
  await asAdmin(cluster, (sql) => sql.unsafe(`create database ${name} template ${template}`))
  const url = withDatabase(cluster, name)
  const db = createDatabase({ url })
  const assertions = openPool({ url, max: 2, connectTimeoutMs: 5000, applicationName: 'test' })
  return {
    url,
    db,
    sql: assertions.sql,
    async drop() {
      await Promise.all([db.close(), assertions.dispose(1000)])
      await asAdmin(cluster, (sql) => sql.unsafe(`drop database ${name} with (force)`))
    },
  }
}

/** Made under another name and then renamed: who finds the template finds it whole. */
async function ensureTemplate(cluster: string, migrations: Migration[], ways: number): Promise<string> {
  const names = migrations.map(({ name, hash }) => name + hash)
  const digest = createHash('sha256').update([...names, ...(ways ? [keysForSpreading, ways] : [])].join('\n'))
  const template = `template_${digest.digest('hex').slice(0, 16)}`
  await asAdmin(cluster, async (sql) => {
    const find = () => sql`select from pg_database where datname = ${template}`
    if ((await find()).length > 0) return
    // Held by this connection, which is the only one of its pool, until it is closed.
    await sql`select pg_advisory_lock(hashtext(${template}))`
    if ((await find()).length > 0) return
    const draft = `${template}_draft`
    await sql.unsafe(`drop database if exists ${draft} with (force)`)
    await sql.unsafe(`create database ${draft}`)
    await migrate(withDatabase(cluster, draft), { migrations })
    if (ways > 0) await asAdmin(withDatabase(cluster, draft), (of) => divide(of, ways))
    await sql.unsafe(`alter database ${draft} rename to ${template}`)
  })
  return template
}

async function asAdmin(cluster: string, work: (sql: postgres.Sql) => PromiseLike<unknown>): Promise<void> {
  const pool = openPool({ url: cluster, max: 1, connectTimeoutMs: 5000, applicationName: 'test' })
  try {
    await work(pool.sql)
  } finally {
    await pool.dispose(1000)
  }
}

function withDatabase(cluster: string, name: string): string {
  const url = new URL(cluster)
  url.pathname = `/${name}`
  return url.href
}
