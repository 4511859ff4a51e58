import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import type { Database, DatabaseOptions } from '../../db/client.ts'
import { DatabaseUnavailable } from '../../db/errors.ts'
import { createFaultyDatabase } from './faulty.ts'
import { until } from '../support/until.ts'
import { assertTook } from '../support/limits.ts'

const { database, proxy, connect, drop } = await createFaultyDatabase()

await database.sql`create table notes (id integer generated always as identity primary key, text text unique)`
beforeEach(async () => {
  await proxy.setMode('pass')
  await database.sql`truncate notes`
})
after(drop)

function setup(options: Partial<DatabaseOptions> = {}) {
  const lost: unknown[] = []
  return {
    db: connect({ onError: (error) => lost.push(Reflect.get(Object(error), 'code')), ...options }),
    lost,
  }
}

async function unavailable(call: Promise<unknown>): Promise<DatabaseUnavailable> {
  const error: unknown = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof DatabaseUnavailable, `DatabaseUnavailable was expected, not ${String(error)}`)
  assert.equal(error.code, 'DATABASE_UNAVAILABLE')
  assert.equal(error.statusCode, 503)
  assert.ok(error.retryAfterS !== undefined && error.retryAfterS >= 1)
  return error
}

const one = async (db: Database, options = {}) => {
  const [row] = await db.run((sql) => sql<{ one: number }[]>`select 1 as one`, options)
  return row?.one
}

test('a call in mid-query when the connection is reset fails with its outcome unknown, and the next one works', async () => {
  for (const max of [1, 2, 4]) {
    const { db, lost } = setup({ max })
    await one(db)
    const call = unavailable(db.run((sql) => sql`select pg_sleep(30)`))
    await database.sql`select 1`
    await proxy.setMode('reset')
    await proxy.setMode('pass')
    const { execution } = await call
    assert.equal(execution, 'unknown')
    assert.equal(await one(db), 1)
    assert.equal(lost.length, 1)
  }
})

test('an idempotent call that is reset in mid-query is answered by its second try', async () => {
  const { db } = setup()
  await one(db)
  const { accepted } = proxy.counters()
  await proxy.setMode('lose_reply')
  assert.equal(await one(db, { idempotent: true }), 1)
  assert.equal(proxy.counters().accepted, accepted + 1)
})

test('a lost reply leaves the outcome unknown, and the statement was carried out once', async () => {
  const { db } = setup()
  await one(db)
  await proxy.setMode('lose_reply')
  const { execution } = await unavailable(db.run((sql) => sql`insert into notes (text) values ('once')`))
  assert.equal(execution, 'unknown')
  assert.equal((await database.sql`select from notes`).length, 1)
})

test('close settles after a reset, in time, and again when it is called again', async () => {
  const { db } = setup()
  await one(db)
  const call = unavailable(db.run((sql) => sql`select pg_sleep(30)`))
  await proxy.setMode('reset')
  await call
  const startedAt = performance.now()
  await db.close(200)
  await db.close(200)
  assertTook(performance.now() - startedAt, 1_000)
  assert.equal((await unavailable(one(db))).execution, 'not_executed')
})

test('close cuts what is still running at its deadline', async () => {
  const { db } = setup({ deadlineMs: 20_000 })
  await one(db)
  const call = unavailable(db.run((sql) => sql`select pg_sleep(30), 'cut off'`))
  await until('the statement runs', async () => (await runningLike("%'cut off'%")) > 0)
  await db.close(50)
  assert.equal((await call).execution, 'unknown')
})

test('a server that accepts and closes during start-up is given up on without a storm of connections', async () => {
  const { db } = setup({ deadlineMs: 2000 })
  await proxy.setMode('close_at_startup')
  const { accepted } = proxy.counters()
  await unavailable(one(db))
  assert.ok(proxy.counters().accepted - accepted < 40, `${proxy.counters().accepted - accepted} connections`)
  await proxy.setMode('pass')
  assert.equal(await one(db), 1)
})

test('a silently dead peer costs one deadline, and the next call goes over a new connection', async () => {
  const { db, lost } = setup({ deadlineMs: 150 })
  await one(db, { deadlineMs: 5000 })
  await proxy.setMode('black_hole')
  const startedAt = performance.now()
  const error = await unavailable(one(db))
  assertTook(performance.now() - startedAt, 1_500)
  assert.equal(error.reason, 'DEADLINE_EXCEEDED')
  assert.deepEqual(lost, ['DEADLINE_EXCEEDED'])
  await proxy.setMode('pass')
  assert.equal(await one(db, { deadlineMs: 5000 }), 1)
})

test('a peer that is dead while we connect costs one deadline', async () => {
  const { db } = setup({ deadlineMs: 150 })
  await proxy.setMode('black_hole')
  assert.equal((await unavailable(one(db))).reason, 'DEADLINE_EXCEEDED')
  await proxy.setMode('pass')
  assert.equal(await one(db, { deadlineMs: 5000 }), 1)
})

test('a refused connection is tried twice, was surely not carried out, and heals', async () => {
  const { db } = setup()
  await proxy.setMode('refuse')
  const error = await unavailable(db.run((sql) => sql`insert into notes (text) values ('never')`))
  assert.equal(error.reason, 'ECONNREFUSED')
  assert.equal(error.execution, 'not_executed')
  await proxy.setMode('pass')
  assert.equal(await one(db), 1)
})

test('a statement at its deadline is cancelled on the server, and its neighbours finish', async () => {
  const { db } = setup()
  const neighbour = db.run((sql) => sql<{ done: string }[]>`select 'done' as done from pg_sleep(0.4)`)
  await unavailable(db.run((sql) => sql`select pg_sleep(30), 'slow one'`, { deadlineMs: 100 }))
  assert.equal((await neighbour)[0]?.done, 'done')
  await until('the statement is cancelled', async () => (await runningLike("%'slow one'%")) === 0)
})

test('a statement at its deadline whose cancel finds no server ends in its error, and the process goes on', async () => {
  // the first thing that a new connection waits for: as from a server that is cut off, which answers nothing
  const prefer = connect({}, '?sslmode=prefer')
  await one(prefer)
  const sleeping = (deadlineMs: number) =>
    unavailable(prefer.run((sql) => sql`select pg_sleep(30), 'cut off'`, { deadlineMs }))
  const [statement, another] = [sleeping(300), sleeping(5_000)]
  await until('both statements run', async () => (await runningLike("%'cut off'%")) === 2)
  await proxy.setMode('black_hole')
  const { accepted } = proxy.counters()
  assert.equal((await statement).reason, 'DEADLINE_EXCEEDED')
  await until('a cancel is tried', () => proxy.counters().accepted > accepted)
  await prefer.close(10)
  await another
  await proxy.setMode('pass')
  assert.equal(await one(setup().db), 1)
})

test('a connection that the server ends costs one retry of a call that may be repeated', async () => {
  const { db } = setup({ applicationName: 'to-be-ended' })
  await one(db)
  const call = db.run((sql) => sql<{ pid: number }[]>`select pg_backend_pid() as pid, pg_sleep(0.2)`, {
    idempotent: true,
  })
  await until('the statement runs', async () => (await runningLike('%pg_sleep(0.2)%')) > 0)
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'to-be-ended' and query like '%pg_sleep(0.2)%'`
  assert.equal((await call).length, 1)
})

test('what the server refuses passes through with its SQLSTATE and without the values', async () => {
  const { db, lost } = setup()
  await db.run((sql) => sql`insert into notes (text) values (${'sesame'})`)
  const twice = db.run((sql) => sql`insert into notes (text) values (${'sesame'})`)
  await assert.rejects(twice, (error: Error & { code?: string }) => {
    assert.equal(error.code, '23505')
    assert.ok(!error.message.includes('sesame'))
    return true
  })
  assert.deepEqual(lost, [])
})

test('a wrong password and a missing database are the database being unavailable', async () => {
  const wrong = new URL(database.url)
  wrong.password = 'wrong'
  const missing = new URL(database.url)
  missing.pathname = '/nowhere'
  for (const [url, reason] of [
    [wrong, '28P01'],
    [missing, '3D000'],
  ] as const) {
    const error = await unavailable(one(setup({ url: url.href }).db))
    assert.equal(error.reason, reason)
    assert.equal(error.execution, 'not_executed')
    assert.ok(!error.message.includes(url.password))
  }
})

test('a pooler url means no prepared statements', async () => {
  assert.equal(await prepared(''), 1)
  assert.equal(await prepared('?prepare=false'), 0)
  assert.equal(await prepared('?pgbouncer=true&channel_binding=require&sslmode=disable'), 0)
})

test('values arrive as what they are, before and after drizzle was used', async () => {
  const { sql: raw } = await import('drizzle-orm')
  const { db } = setup()
  const at = new Date('2026-03-29T01:00:00.123Z')
  const tags = ['plain', 'with "quotes"', 'a,b', 'back\\slash', 'NULL', '']
  const read = async () => {
    const [row] = await db.run(
      (sql) => sql`
        select ${at}::timestamptz as at, count(*) as count, 41::bigint as big, ${sql.json({ a: [1] })} as json,
          ${tags}::text[] as tags, ${[at.toISOString()]}::timestamptz[] as times, '{}'::text[] as none, '{NULL}'::text[] as nulls`,
    )
    return row
  }
  const expected = { at, count: 1, big: 41, json: { a: [1] }, tags, times: [at], none: [], nulls: [null] }
  assert.deepEqual(await read(), expected)
  const [row] = await db.drizzle((orm) => orm.execute(raw`select ${at.toISOString()}::timestamptz as at`))
  assert.deepEqual(row, { at })
  assert.deepEqual(await read(), expected)
  const beyond = db.run((sql) => sql`select 9007199254740993::bigint as big`)
  await assert.rejects(beyond, RangeError)
})

test("a refused drizzle statement has the server's SQLSTATE, and no parameters in its message", async () => {
  const { sql: raw } = await import('drizzle-orm')
  const { db } = setup()
  const call = db.drizzle((orm) => orm.execute(raw`select ${'sesame'}::int`))
  await assert.rejects(
    call,
    (error: Error & { code?: string }) => error.code === '22P02' && !('params' in error),
  )
})

async function prepared(query: string): Promise<number | undefined> {
  const db = connect({ max: 2 }, query)
  const rows = await db.transaction(async (tx) => {
    await tx`select ${1}::int as probe`
    return tx<{ count: number }[]>`
      select count(*) from pg_prepared_statements where statement like 'select $1::int as probe%'`
  })
  return rows[0]?.count
}

async function runningLike(pattern: string): Promise<number> {
  const rows = await database.sql`
    select from pg_stat_activity where state = 'active' and query like ${pattern} and pid <> pg_backend_pid()`
  return rows.length
}
