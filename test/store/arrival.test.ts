import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, test } from 'node:test'
import { createProcessRecord, createStore, type Database } from '../../db/index.ts'
import { leaseMs, type Opened, openStore, at } from './setup.ts'

// A machine that boots for a fire is noted by its first claim, so that the look of the boot has nothing to write.

let opened: Opened
before(async () => {
  opened = await openStore()
})
after(() => opened.close())
afterEach(() => opened.sql`with days as (delete from process_days) delete from facts`)

const machineId = 'm1'
const name = `process:${machineId}`

/** A process of the machine, booted for a fire. */
function processNamed(owner: string, upMs = 1_500, db: Database = opened.db) {
  const now = () => at('09:00:00')
  const record = createProcessRecord({ database: db, machineId, owner, clock: now })
  const store = createStore(opened.db, now, { arrival: () => record.arrival(upMs) })
  return { store, owner, ...record }
}

async function claim({ store, owner }: ReturnType<typeof processNamed>, jobId: string) {
  const writing = { owner, leaseMs, begins: true, armLease: null }
  return store.claimReady({ jobId, runId: randomUUID(), trigger: 'fire', ...writing })
}

async function dueJob() {
  opened.setTime('08:30:00')
  return opened.job()
}

const exit = { why: 'idle', stayFor: null, countArms: true, counted: null, fires: 1 }

async function recorded(): Promise<Record<string, unknown> | undefined> {
  const [row] = await opened.sql<{ value: Record<string, unknown> }[]>`
    select value from facts where name = ${name}`
  return row?.value
}

const livesAdded = async () => (await opened.sql`select starts::int, awake_ms::int from process_days`)[0]

/** A look whose transaction is seen: whether it has written anything. */
async function look(owner: string) {
  return opened.sql.begin(async (tx) => {
    const database = { run: (work: (sql: typeof tx) => unknown) => work(tx) } as unknown as Database
    const seen = await processNamed(owner, 1_500, database).arrive({ upMs: 1_600 })
    const [row] = await tx<{ xid: string | null }[]>`select pg_current_xact_id_if_assigned()::text as xid`
    return { earlier: seen.earlier, hasWritten: row?.xid !== null }
  })
}

test('the first claim notes the process, and the look of the boot writes nothing', async () => {
  const first = processNamed('m1:a')
  await first.arrive({ upMs: 1_000 })
  await first.depart({ ...exit, upMs: 9_000 })
  const left = await recorded()
  assert.ok(await claim(processNamed('m1:b'), await dueJob()))
  const noted = { state: 'up', owner: 'm1:b', at: '2026-06-18T09:00:00+00:00', up_ms: 1_500 }
  assert.deepEqual(await recorded(), { ...noted, before: left })
  assert.deepEqual(await look('m1:b'), { earlier: left, hasWritten: false })
  assert.equal((await look('m1:c')).hasWritten, true, 'one that has claimed nothing is noted by its look')
})

test('the first process of a machine is noted by its look', async () => {
  await claim(processNamed('m1:a'), await dueJob())
  assert.equal(await recorded(), undefined)
  assert.deepEqual(await look('m1:a'), { earlier: null, hasWritten: true })
  assert.equal((await recorded())?.['owner'], 'm1:a')
})

/** A process of before, gone with so much left to do. */
async function leave(owner: string, owed = 0) {
  const value = { state: 'exited', owner, at: '2026-06-18T08:00:00+00:00', why: 'idle', owed, runs: 0 }
  await opened.sql`
    insert into facts (name, value) values (${name}, ${opened.sql.json(value)})
    on conflict on constraint facts_pkey do update set value = excluded.value`
  return value
}

test('a claim that finds nothing to claim, or several at once, note the process too', async () => {
  await leave('m1:z')
  assert.equal(await claim(processNamed('m1:a'), '000000000000'), null)
  assert.equal((await recorded())?.['owner'], 'm1:a')
  await leave('m1:a')
  const jobs = [await dueJob(), await dueJob(), await dueJob()]
  const crowd = processNamed('m1:b')
  const claims = await Promise.all(jobs.map((jobId) => claim(crowd, jobId)))
  assert.equal(claims.filter(Boolean).length, 3)
  assert.equal((await recorded())?.['owner'], 'm1:b')
})

test('after a process that was killed the look notes the next one, and adds up the time of the one before', async () => {
  await leave('m1:z')
  await claim(processNamed('m1:a'), await dueJob())
  const killed = await recorded()
  await claim(processNamed('m1:b'), await dueJob())
  assert.deepEqual(await recorded(), killed)
  const { earlier, hasWritten } = await look('m1:b')
  assert.deepEqual([earlier, hasWritten], [killed, true])
  assert.equal((await recorded())?.['owner'], 'm1:b')
  assert.deepEqual({ ...(await livesAdded()) }, { starts: 1, awake_ms: 1_500 })
})

test('the time of a process is added once: one that was taken for lost is not noted anew by its first claim', async () => {
  const late = processNamed('m1:a')
  await late.arrive({ upMs: 0 })
  const lost = { state: 'lost', ended: '2026-06-18T08:59:00Z', fires: 0 }
  await opened.sql`update facts set value = value || ${opened.sql.json(lost)} where name = ${name}`
  await claim(late, await dueJob())
  await late.depart({ ...exit, upMs: 7_200_000 })
  assert.deepEqual({ ...(await livesAdded()) }, { starts: 0, awake_ms: 60_000 })
})

test('records of processes that are lost one after the other do not pile up in each other', async () => {
  await leave('m1:z')
  for (const owner of ['m1:a', 'm1:b', 'm1:c']) {
    await claim(processNamed(owner), await dueJob())
    const lost = { state: 'lost', ended: '2026-06-18T09:00:00Z', fires: 0 }
    await opened.sql`update facts set value = value || ${opened.sql.json(lost)} where name = ${name}`
  }
  const { before: kept } = (await recorded()) as { before: Record<string, unknown> }
  assert.deepEqual([kept['owner'], kept['state'], kept['before']], ['m1:b', 'lost', undefined])
})

test('a claim does not wait for a process that writes to the record, and notes nothing then', async () => {
  const left = await leave('m1:z')
  const jobId = await dueJob()
  await opened.sql.begin(async (tx) => {
    await tx`select from facts where name = ${name} for update`
    assert.ok(await claim(processNamed('m1:a'), jobId))
  })
  assert.deepEqual(await recorded(), left)
})

test('a process that has looked is not noted again by its first claim, whatever another one has recorded meanwhile', async () => {
  const early = processNamed('m1:a')
  await early.arrive({ upMs: 1_000 })
  const left = await leave('m1:b')
  await claim(early, await dueJob())
  assert.deepEqual(await recorded(), left)
})

test('what the process before left to be told is found by the look, and by a later one if it was never made, once', async () => {
  const left = await leave('m1:z', 2)
  await claim(processNamed('m1:a'), await dueJob())
  const { earlier } = await look('m1:b')
  assert.deepEqual(
    [earlier?.owner, earlier?.before],
    ['m1:a', left],
    'the one between was killed before its look',
  )
  await leave('m1:z', 2)
  await claim(processNamed('m1:c'), await dueJob())
  assert.deepEqual((await look('m1:c')).earlier, left)
  const next = (await look('m1:d')).earlier
  assert.deepEqual([next?.owner, next?.before], ['m1:c', undefined])
})
