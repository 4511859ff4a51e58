import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import type postgres from 'postgres'
import { DatabaseUnavailable } from '../../db/errors.ts'
import { createFaultyDatabase } from './faulty.ts'
import { until } from '../support/until.ts'

const { database, proxy, connect, drop } = await createFaultyDatabase()

await database.sql`create table notes (text text)`
await database.sql`create table numbers (id integer primary key, value integer)`
beforeEach(async () => {
  await proxy.setMode('pass')
  await database.sql`truncate notes`
  await database.sql`truncate numbers`
  await database.sql`insert into numbers values (1, 0), (2, 0)`
})
after(drop)

const note = (tx: postgres.TransactionSql, text: string) => tx`insert into notes values (${text})`
const notes = async () =>
  (await database.sql<{ text: string }[]>`select text from notes`).map(({ text }) => text)
const values = async () =>
  (await database.sql<{ value: number }[]>`select value from numbers order by id`).map(({ value }) => value)
const add = (tx: postgres.TransactionSql, id: number) =>
  tx`update numbers set value = value + 1 where id = ${id}`

test('a transaction is carried out whole, and gives what its work gives', async () => {
  const db = connect()
  const given = await db.transaction(async (tx) => {
    await note(tx, 'a')
    await note(tx, 'b')
    return ['an', 'array']
  })
  assert.deepEqual(given, ['an', 'array'])
  assert.deepEqual(await notes(), ['a', 'b'])
})

test('an error of the work rolls back and comes out as it is, without a second try', async () => {
  const db = connect()
  let calls = 0
  const failed = db.transaction(async (tx) => {
    calls++
    await note(tx, 'a')
    throw new RangeError('no')
  })
  await assert.rejects(failed, RangeError)
  assert.equal(calls, 1)
  assert.deepEqual(await notes(), [])
})

test('of two transactions in a deadlock both come through', async () => {
  const db = connect()
  const met = Promise.withResolvers<void>()
  let waiting = 0
  const crossing = (first: number, second: number) =>
    db.transaction(async (tx) => {
      await tx`set local deadlock_timeout = '20ms'`
      await add(tx, first)
      if (++waiting === 2) met.resolve()
      await met.promise
      await add(tx, second)
    })
  await Promise.all([crossing(1, 2), crossing(2, 1)])
  assert.ok(waiting > 2, 'neither was tried again: there was no deadlock')
  assert.deepEqual(await values(), [2, 2])
})

test('a connection lost before the commit: the work is done again, and nothing of the first try stays', async () => {
  const db = connect()
  let calls = 0
  await db.transaction(async (tx) => {
    calls++
    await note(tx, `before ${calls}`)
    if (calls === 1) {
      await proxy.setMode('reset')
      await proxy.setMode('pass')
    }
    await note(tx, `after ${calls}`)
  })
  assert.equal(calls, 2)
  assert.deepEqual(await notes(), ['before 2', 'after 2'])
})

test('a lost answer to the commit leaves the outcome unknown, and the work is not done again', async () => {
  const db = connect()
  let calls = 0
  const call = db.transaction(async (tx) => {
    calls++
    await note(tx, 'committed')
    await proxy.setMode('lose_reply')
  })
  await assert.rejects(call, (error) => error instanceof DatabaseUnavailable && error.execution === 'unknown')
  assert.equal(calls, 1)
  assert.deepEqual(await notes(), ['committed'])
})

test('work that ignores the loss of its connection can send nothing more, on any connection', async () => {
  for (const isClean of [true, false]) {
    const db = connect({ max: 2 })
    let calls = 0
    const refused: unknown[] = []
    const call = db.transaction(async (tx) => {
      if (++calls > 1) return
      await note(tx, 'first')
      await lose(tx, isClean)
      const refuse = (error: unknown) => refused.push(Reflect.get(Object(error), 'code'))
      await Promise.resolve()
        .then(() => note(tx, 'at once'))
        .catch(refuse)
      await db.run((sql) => sql`select 1`, { idempotent: true })
      for (const text of ['stray', 'another']) {
        await new Promise((wake) => setImmediate(wake))
        await Promise.resolve()
          .then(() => note(tx, text))
          .catch(refuse)
      }
    })
    await call
    assert.equal(calls, 2)
    await until('all three are refused', () => refused.length === 3)
    assert.deepEqual(refused, ['CONNECTION_ENDED', 'CONNECTION_ENDED', 'CONNECTION_ENDED'])
    assert.deepEqual(await notes(), [])
  }
})

test('work that fails long after its connection was lost rolls back nothing of anyone else', async () => {
  for (const isClean of [true, false]) {
    const db = connect({ max: 2 })
    let calls = 0
    const failed = Promise.withResolvers<void>()
    await db.transaction(async (tx) => {
      if (++calls > 1) return
      await lose(tx, isClean)
      try {
        await db.transaction(async (other) => {
          await note(other, 'kept')
          await new Promise((wake) => setImmediate(wake))
        })
        throw new RangeError('late')
      } finally {
        failed.resolve()
      }
    })
    await failed.promise
    // Where a rollback were sent to the closed socket, it would throw by now.
    await db.run((sql) => sql`select 1`)
    assert.deepEqual(await notes(), ['kept'])
    await database.sql`truncate notes`
  }
})

test('at its deadline a transaction is let go: no later statement, no commit, no lock', async () => {
  const db = connect()
  const late = Promise.withResolvers<void>()
  const call = db.transaction(
    async (tx) => {
      await add(tx, 1)
      await late.promise
      await add(tx, 2).catch(() => {})
    },
    { deadlineMs: 100 },
  )
  await assert.rejects(
    call,
    (error) => error instanceof DatabaseUnavailable && error.execution === 'not_executed',
  )
  late.resolve()
  await database.sql`update numbers set value = value + 10`
  assert.deepEqual(await values(), [10, 10])
})

test('the server itself ends a transaction whose client has gone silent', async () => {
  const db = connect({ deadlineMs: 2_000 })
  let isSilent = false
  const call = db.transaction(async (tx) => {
    await add(tx, 1)
    await proxy.setMode('black_hole')
    isSilent = true
    await add(tx, 2)
  })
  await assert.rejects(call, DatabaseUnavailable)
  assert.ok(isSilent)
  await database.sql`update numbers set value = value + 10`
  assert.deepEqual(await values(), [10, 10])
})

test('a drizzle transaction is guarded in the same way', async () => {
  const { sql: raw } = await import('drizzle-orm')
  const db = connect()
  await db.drizzle((orm) =>
    orm.transaction(async (tx) => {
      await tx.execute(raw`insert into notes values ('outer')`)
      await tx
        .transaction(async (inner) => {
          await inner.execute(raw`insert into notes values ('inner')`)
          throw new RangeError('undo')
        })
        .catch(() => {})
    }),
  )
  assert.deepEqual(await notes(), ['outer'])
  const lost = db.drizzle((orm) =>
    orm.transaction(async (tx) => {
      await tx.execute(raw`insert into notes values ('lost')`)
      await proxy.setMode('reset')
      await tx.execute(raw`select 1`)
    }),
  )
  await assert.rejects(lost, DatabaseUnavailable)
  assert.deepEqual(await notes(), ['outer'])
})

/** The connection under `tx` goes away: told by the server and closed in order, or reset. The work looks away. */
async function lose(tx: postgres.TransactionSql, isClean: boolean): Promise<void> {
  if (isClean) await tx`select pg_terminate_backend(pg_backend_pid())`.catch(() => {})
  else {
    const call = tx`select pg_sleep(30)`.catch(() => {})
    await proxy.setMode('reset')
    await proxy.setMode('pass')
    await call
  }
}
