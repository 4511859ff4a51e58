import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { after, beforeEach, test } from 'node:test'
import { promisify } from 'node:util'
import { createDatabase } from '../../db/client.ts'
import { migrate } from '../../db/migrate.ts'
import { type Migration, migrations } from '../../db/migrations.ts'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase({ migrations: [] })
after(() => database.drop())
beforeEach(async () => {
  await database.sql`drop schema public cascade`
  await database.sql`create schema public`
})

function migration(name: string, sql: string): Migration {
  return { name, sql, hash: createHash('sha256').update(sql).digest('hex') }
}

const first = migration(
  '0001_first',
  'create table a (id integer);\n--> statement-breakpoint\ncreate table b (id integer);',
)
const second = migration('0002_second', 'alter table a add column note text')
const tables = async () => {
  const rows = await database.sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public' order by 1`
  return rows.map(({ name }) => name)
}

test('the migrations of this service are numbered, in order, and apply to an empty database', async () => {
  const numbers = migrations.map(({ name }) => Number(/^(\d{4})_[a-z0-9_]+$/.exec(name)?.[1]))
  assert.deepEqual(
    numbers,
    migrations.map((_, index) => index + 1),
  )
  assert.deepEqual(
    await migrate(database.db),
    migrations.map(({ name }) => name),
  )
})

test('what is missing is applied once, in order', async () => {
  assert.deepEqual(await migrate(database.db, { migrations: [first] }), ['0001_first'])
  assert.deepEqual(await migrate(database.url, { migrations: [first, second] }), ['0002_second'])
  assert.deepEqual(await migrate(database.db, { migrations: [first, second] }), [])
  assert.deepEqual(await tables(), ['a', 'b', 'chronos_migrations'])
})

test('of twenty at once one applies, and none fails', async () => {
  const slow = migration('0003_slow', 'create table slow as select pg_sleep(0.2)::text')
  const clients = Array.from({ length: 20 }, () => createDatabase({ url: database.url, max: 2 }))
  const applied = await Promise.all(clients.map((db) => migrate(db, { migrations: [first, second, slow] })))
  await Promise.all(clients.map((db) => db.close()))
  const sizes = applied.map((names) => names.length)
  assert.deepEqual(
    sizes.toSorted((a, b) => b - a),
    [3, ...Array<number>(19).fill(0)],
  )
})

test('a migration that fails leaves nothing of itself or of those before it', async () => {
  const broken = migration('0002_broken', 'create table c (id integer); select 1 / 0')
  const failed = migrate(database.db, { migrations: [first, broken] })
  await assert.rejects(failed, (error: Error & { code?: string }) => error.code === '22012')
  assert.deepEqual(await tables(), [])
})

test('a migration that was changed after it had been applied is refused by name', async () => {
  await migrate(database.db, { migrations: [first, second] })
  const changed = migration(first.name, 'create table somewhere_else ()')
  await assert.rejects(
    migrate(database.db, { migrations: [changed, second] }),
    /migration 0001_first was changed after it had been applied .* write the change as a new migration/,
  )
})

test('a database that is newer than the code is left as it is, and said to be', async () => {
  await migrate(database.db, { migrations: [first, second] })
  const lines: string[] = []
  assert.deepEqual(await migrate(database.db, { migrations: [first], log: (line) => lines.push(line) }), [])
  assert.deepEqual(lines, ['the database is newer than this code: it also has 0002_second'])
})

test('a migration needs no prepared statement and leaves no session lock behind', async () => {
  await migrate(`${database.url}?prepare=false`, { migrations: [first] })
  const locks = await database.sql`select from pg_locks where locktype = 'advisory' and database = (
    select oid from pg_database where datname = current_database())`
  assert.equal(locks.length, 0)
})

test('the program that migrates gives a statement an hour', async () => {
  await database.sql.unsafe(`
    create schema seen;
    create table seen.limits (s integer);
    create function seen.note() returns event_trigger language plpgsql as $$ begin
      insert into seen.limits select extract(epoch from current_setting('statement_timeout')::interval);
    end $$;
    create event trigger note_limits on ddl_command_end execute function seen.note()`)
  const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: database.url }
  await promisify(execFile)(process.execPath, ['src/migrate.ts'], { env })
  await database.sql`drop event trigger note_limits`
  const [limits] = await database.sql<{ least: number }[]>`select min(s) as least from seen.limits`
  assert.equal(limits?.least, 3_600)
})
