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
  const store = createStore(opened.db, now, { arrival: () => ({ machineId, owner, upMs }) })
  return { store, owner, ...createProcessRecord({ database: db, machineId, owner, clock: now }) }
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

test('the first process of a machine finds nothing before it', async () => {
  await claim(processNamed('m1:a'), await dueJob())
  assert.equal((await recorded())?.['owner'], 'm1:a')
  assert.deepEqual(await look('m1:a'), { earlier: null, hasWritten: false })
})

test('a claim that finds nothing to claim, or several at once, note the process too', async () => {
  assert.equal(await claim(processNamed('m1:a'), '000000000000'), null)
  assert.equal((await recorded())?.['owner'], 'm1:a')
  await opened.sql`delete from facts`
  const jobs = [await dueJob(), await dueJob(), await dueJob()]
  const crowd = processNamed('m1:b')
  const claims = await Promise.all(jobs.map((jobId) => claim(crowd, jobId)))
  assert.equal(claims.filter(Boolean).length, 3)
  assert.equal((await recorded())?.['owner'], 'm1:b')
})

test('after a process that was killed the look notes the next one, and adds up the time of the one before', async () => {
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
  for (const owner of ['m1:a', 'm1:b', 'm1:c']) {
    await claim(processNamed(owner), await dueJob())
    const lost = { state: 'lost', ended: '2026-06-18T09:00:00Z', fires: 0 }
    await opened.sql`update facts set value = value || ${opened.sql.json(lost)} where name = ${name}`
  }
  const { before: kept } = (await recorded()) as { before: Record<string, unknown> }
  assert.deepEqual([kept['owner'], kept['state'], kept['before']], ['m1:b', 'lost', undefined])
})
