import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { createKeyStore, createStore } from '../../db/index.ts'
import { settle } from '../../src/decisions/index.ts'
import { keysQuestion, logInAhead } from '../../db/login/index.ts'
import { send } from '../../db/wanted.ts'
import { at, openStore } from '../store/setup.ts'
import { createFaultyDatabase } from './faulty.ts'

// A machine that boots for a fire sends each of these once, over a network: what counts is how often it waits.

const { database, proxy, connect, drop } = await createFaultyDatabase()
const opened = await openStore({ ...database, drop: async () => {} })
after(async () => {
  await opened.close()
  await drop()
})

/** Through the proxy, as `connect` does. */
function connectedUrl() {
  const url = new URL(database.url)
  url.port = String(proxy.port)
  return url.href
}

const questions = () => proxy.counters().connections.reduce((sum, each) => sum + each.questions, 0)

async function asked<T>(work: () => Promise<T>): Promise<[T, number]> {
  const before = questions()
  const result = await work()
  return [result, questions() - before]
}

test('the keys, the claim and the end of a run take a round trip each, in a process that has sent none of them', async () => {
  const db = connect()
  const store = createStore(db, () => at('09:00:00'))
  const keys = createKeyStore({ db, jwksUrl: 'https://nas.test/keys' })
  const jobId = await opened.job()
  const [, connecting] = await asked(() => db.run((sql) => sql`select 1`))
  assert.ok(connecting >= 2, 'connecting takes its own')
  assert.equal((await asked(() => keys.load()))[1], 1)
  const writing = { owner: "o'wner\\", leaseMs: 60_000, begins: true, armLease: null }
  const wish = { jobId, runId: randomUUID(), trigger: 'fire' as const, ...writing }
  const [claimed, claiming] = await asked(() => store.claimReady(wish))
  assert.equal(claiming, 1)
  const view = claimed?.look.view
  assert.ok(view)
  const [row] = await database.sql`select owner from runs where id = ${wish.runId}`
  assert.equal(row?.['owner'], writing.owner)
  const done = settle(view, {
    ...{ runId: wish.runId, fence: view.runtime.fence },
    outcome: { state: 'succeeded', output: `a 'quote', a \\ and $1` },
  })
  assert.ok(done)
  const output = `a 'quote', a \\ and $1`
  const ended = { ...writing, armSpent: false, output }
  const [written, settling] = await asked(() => store.transition(view, done, ended))
  assert.ok(written)
  assert.equal(settling, 1)
  const [run] = await database.sql`select state, output from runs where id = ${wish.runId}`
  assert.deepEqual([run?.['state'], run?.['output']], ['succeeded', output])
})

test('a cold process waits five times for Postgres until its arm is written, TCP included', async () => {
  const jobId = await opened.job()
  const url = `${connectedUrl()}?login=ahead`
  const [, asking] = await asked(async () => {
    const ahead = logInAhead({ url, question: keysQuestion })
    assert.ok(ahead)
    const db = connect({ ahead }, '?login=ahead')
    assert.ok((await ahead.loggedIn)?.rows)
    const store = createStore(db, () => at('09:00:00'))
    const armLease = { holder: 'me/1', heirOf: 'me/', ms: 21_000 }
    const writing = { owner: 'me', leaseMs: 60_000, begins: true, armLease }
    const claimed = await store.claimReady({ jobId, runId: randomUUID(), trigger: 'fire', ...writing })
    const order = claimed?.written.order
    assert.ok(order)
    const said = { outcome: 'armed' as const, scheduleId: 'x', mayBeHeld: true, tookMs: 1 }
    const { gen, holder, wakeAt: fireAt } = order
    const { isWritten } = await store.recordArm(jobId, { ...said, gen, fireAt, holder })
    assert.ok(isWritten)
  })
  // the start with the first message of SCRAM, its proof with the question for the keys, the claim, the record of the arm
  assert.equal(asking, 4)
})

test('the second of a kind is prepared, and from then on takes one as well', async () => {
  const db = connect({ max: 2 })
  const text = 'select $1::text as said'
  const ask = (value: string) => db.run((sql) => send(sql, text, [value]))
  await db.run((sql) => sql`select 1`)
  const counts: number[] = []
  for (const value of ['a', 'b', 'c']) {
    const [rows, count] = await asked(() => ask(value))
    assert.deepEqual([...rows], [{ said: value }])
    counts.push(count)
  }
  assert.deepEqual(counts, [1, 2, 1])
})

test('what is written out means the same, however a session reads backslashes', async () => {
  const said = [`it's`, `\\`, `\\'; drop table runs; --`, `$1 $2`, `E'x'`, '', null, 'ä\n\t']
  const columns = said.map((_, n) => `$${n + 1}::text as c${n}`)
  for (const how of ['on', 'off']) {
    const db = connect({}, `?options=-c%20standard_conforming_strings%3D${how}`)
    const text = `select ${columns.join(', ')}`
    const [setting] = await db.run((sql) => sql`show standard_conforming_strings`)
    assert.equal(setting?.['standard_conforming_strings'], how)
    const [rows, count] = await asked(() => db.run((sql) => send(sql, text, said)))
    assert.equal(count, 1)
    assert.deepEqual(Object.values(rows[0] ?? {}), said)
  }
})

test('a text with a NUL is refused as a parameter, and ends no statement', async () => {
  const db = connect()
  await assert.rejects(
    db.run((sql) => send(sql, 'select $1::text as nul', ['a\0b'])),
    { code: '22021' },
  )
})
