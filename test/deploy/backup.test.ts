import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import type postgres from 'postgres'
import { createDatabase } from '../../db/client.ts'
import { migrate } from '../../db/migrate.ts'
import { openPool } from '../../db/pool.ts'
import { startNas } from '../../dev/nas/index.ts'
import { startTarget } from '../../dev/target/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { commandsOf, runInline } from './inline.ts'
import { createSandbox } from './sandbox.ts'
import { startSystemPostgres, systemPostgres } from './system-postgres.ts'

// The commands of docs/backup.md with PostgreSQL's own clients: from the server of Debian, which is older, into the one
// of the other tests, as for a new major version. Then the service, on what was restored.

const bin = systemPostgres()
const skip = bin === null && 'PostgreSQL with its clients is not installed (apt-get install postgresql)'

function opened(t: TestContext, url: string): TestDatabase {
  const db = createDatabase({ url })
  const pool = openPool({ url, max: 2, connectTimeoutMs: 5_000, applicationName: 'test' })
  t.after(() => Promise.all([db.close(), pool.dispose(1_000)]))
  return { url, db, sql: pool.sql, drop: async () => {} }
}

/** An empty database in the cluster of the tests. */
async function emptyDatabase(t: TestContext): Promise<string> {
  const beside = await createTestDatabase()
  const name = `restored_${randomBytes(6).toString('hex')}`
  await beside.sql.unsafe(`create database ${name}`)
  t.after(async () => {
    await beside.sql.unsafe(`drop database ${name} with (force)`)
    await beside.drop()
  })
  return beside.url.replace(/\/[^/]*$/, `/${name}`)
}

/** Each table with the sum of all that is in it. */
async function contentsOf(sql: postgres.Sql): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema') order by 1`
  const contents: Record<string, string> = {}
  for (const { name } of tables) {
    const [row] = await sql.unsafe(
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as all from ${name} t`,
    )
    contents[name] = String(row?.['all'])
  }
  return contents
}

const atRest = ({ app }: Service) => until('nothing is held', async () => app.holds.count() === 0 || null)

test('a backup and its restore, command by command, and what a service makes of what it finds', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const server = await startSystemPostgres(t, bin ?? '')
  await opened(t, server.urlOf('postgres')).sql`create database chronos`
  const before = opened(t, server.urlOf('chronos'))
  await migrate(before.url)
  const [nas, target] = [await startNas({ time: '2026-06-18T08:00:00Z' }), await startTarget()]
  const env = { ENCRYPTION_KEY: randomBytes(32).toString('base64') }
  const service = await startService({ database: before, nas, target, env, clock: '2026-06-18T08:00:00Z' })
  let closing: Promise<void> | undefined
  const closeFirst = () => (closing ??= service.close())
  t.after(async () => {
    await closeFirst()
    await Promise.all([nas.close(), target.close()])
  })
  const kept = await service.makeJob({ name: 'kept', schedule: '0 9 * * *' })
  const deleted = await service.makeJob({ name: 'deleted', schedule: '0 10 * * *' })
  await service.api('PUT', '/api/secrets/TOKEN', { value: 'a value that has to come back' })
  await service.api('POST', `/api/jobs/${kept.id}/run`)
  await target.waitFor(1)
  await atRest(service)

  const sandbox = await createSandbox(t)
  const newUrl = await emptyDatabase(t)
  sandbox.set({
    PATH: `${sandbox.variable('PATH')}:${bin}`,
    ...{ DATABASE_URL: before.url, NEW_DATABASE_URL: newUrl },
    IN_CONTAINER: JSON.stringify(server.environment),
  })
  const [backup = '', restore = '', ...others] = commandsOf('docs/backup.md')
  assert.deepEqual(others, [])
  const contents = await contentsOf(before.sql)
  const tables = String(Object.keys(contents).length)
  assert.equal((await sandbox.run(backup)).trim(), tables, 'each table is in the dump')

  // what happens after the backup
  service.setClock('2026-06-18T09:00:00Z')
  await nas.setTime('2026-06-18T09:00:00Z')
  await target.waitFor(2)
  await service.api('DELETE', `/api/jobs/${deleted.id}`)
  const made = await service.makeJob({ name: 'made', schedule: '0 11 * * *' })
  await atRest(service)
  await closeFirst()

  assert.match(await sandbox.run(restore), /^ +2$/m)
  const after = opened(t, newUrl)
  assert.deepEqual(await contentsOf(after.sql), contents)

  const next = await startService({ database: after, nas, target, env, clock: '2026-06-18T09:05:00Z' })
  t.after(() => next.close())
  await target.waitFor(3)
  const [, first, second] = target.calls.map(({ headers }) => headers['idempotency-key'])
  assert.equal(second, first, 'the target can refuse what it has seen')
  const { status, body } = await next.fire({ job_id: made.id })
  assert.deepEqual([status, body.status], [200, 'gone'])
  const held = () => nas.armed().map(({ job_id }) => job_id)
  const wanted: string[] = [kept.id, deleted.id]
  await until(
    'the timer holds what the restored tables want',
    async () => (held().length === 2 && wanted.every((id) => held().includes(id))) || null,
  )
  const again = await next.api('POST', '/api/secrets/rotate')
  assert.deepEqual([again.body.unreadable, again.body.left], [[], 0], 'the key opens what was restored')

  // those within sentences are other ways to do the same, for an app on Fly and for Docker
  await sandbox.run('fly apps create chronos')
  await runInline(sandbox, 'docs/backup.md')
  assert.equal((await sandbox.run("pg_restore --list chronos.dump | grep -c 'TABLE DATA'")).trim(), tables)
})
