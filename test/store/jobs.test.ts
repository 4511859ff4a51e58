import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { reschedule } from '../../src/decisions/index.ts'
import { ruleOf, type Store, storeSchedule } from '../../db/index.ts'
import { at, claim, leaseMs, lookAt, type Opened, openStore, owner, race, writing } from './setup.ts'

let opened: Opened
before(async () => {
  opened = await openStore()
})
after(() => opened.close())

async function freshJob(wish = {}) {
  opened.setTime('08:30:00')
  return opened.job(wish)
}

const countOf = async (table: string, jobId: string) => {
  const [row] = await opened.sql`select count(*)::int as n from ${opened.sql(table)} where job_id = ${jobId}`
  return row?.['n'] as number
}

test('of 16 requests with one Idempotency-Key, one makes a job, and the others find it', async () => {
  opened.setTime('08:30:00')
  const made = await race(16, () => opened.makeJob({ key: 'the key' }))
  const ids = made.filter((id) => id !== null)
  assert.equal(ids.length, 1)
  assert.deepEqual(await opened.store.jobOfKey('the key'), { jobId: ids[0], bodyHash: 'hash' })
  const [row] = await opened.sql`select count(*)::int as n from jobs`
  assert.equal(row?.['n'], 1)
})

test('a job that was made is read back as it was given', async () => {
  const jobId = await freshJob({ schedule: 'every 90s', policy: { overlap: 'queue' } })
  const { authored, view, registry } = await lookAt(opened.store, jobId)
  assert.deepEqual(authored.schedule, {
    kind: 'interval',
    text: 'every 90s',
    display: authored.schedule.display,
    every_ms: 90_000,
  })
  assert.deepEqual(
    [authored.skills, authored.tags, authored.version, authored.createdAt],
    [['a'], ['x', 'y'], 1, at('08:30:00')],
  )
  assert.deepEqual(
    [view.runtime.state, view.runtime.nextSlot, view.runtime.lastSlot],
    ['scheduled', at('08:31:30'), null],
  )
  assert.deepEqual([registry.wakeAt, registry.wakeGen, registry.armedGen], [at('08:31:30'), 1, 0])
})

const noLease = { ...writing, leaseMs: 0 }

async function changeOf(jobId: string) {
  const look = await lookAt(opened.store, jobId)
  const schedule = storeSchedule({ kind: 'cron', expr: '15 * * * *', display: 'x' }, '15 * * * *')
  const next = { ...look.authored, name: 'changed', schedule }
  const decision = reschedule({ ...look.view, job: ruleOf(next) }, look.view.job)
  return { look, next, decision }
}

test('a change writes what was set and what follows from it', async () => {
  const jobId = await freshJob()
  const { look, next, decision } = await changeOf(jobId)
  assert.equal(await opened.store.changeJob(next, look.view, decision, noLease), true)
  const { authored, view, registry } = await lookAt(opened.store, jobId)
  assert.deepEqual(
    [authored.name, authored.version, view.runtime.nextSlot, registry.wakeAt],
    ['changed', 2, at('09:15:00'), at('09:15:00')],
  )
})

test('a change with an old version leaves the runtime as it is', async () => {
  const jobId = await freshJob()
  const { look, next, decision } = await changeOf(jobId)
  await opened.sql`update jobs set version = version + 1 where id = ${jobId}`
  assert.equal(await opened.store.changeJob(next, look.view, decision, noLease), false)
  assert.deepEqual((await lookAt(opened.store, jobId)).view.runtime, look.view.runtime)
})

test('a change of a job that was claimed meanwhile leaves what was set as it is', async () => {
  const jobId = await freshJob()
  opened.setTime('09:00:00')
  const { look, next, decision } = await changeOf(jobId)
  await claim(opened.store, jobId)
  assert.equal(await opened.store.changeJob(next, look.view, decision, noLease), false)
  const { authored } = await lookAt(opened.store, jobId)
  assert.deepEqual(authored, look.authored)
})

test('of 8 changes of one version, one is written', async () => {
  const jobId = await freshJob()
  const { look, next, decision } = await changeOf(jobId)
  const changed = await race(8, (n) =>
    opened.store.changeJob({ ...next, name: `n${n}` }, look.view, decision, noLease),
  )
  assert.equal(changed.filter(Boolean).length, 1)
  const { authored, view } = await lookAt(opened.store, jobId)
  assert.deepEqual([authored.name, authored.version, view.runtime.rev], [`n${changed.indexOf(true)}`, 2, 2])
})

test('a deleted job leaves an orphan and runs that are over, and names those that were live', async () => {
  const jobId = await freshJob()
  opened.setTime('10:10:00')
  const { run } = await claim(opened.store, jobId)
  assert.deepEqual(await opened.store.deleteJob(jobId), [run.id])
  for (const table of ['job_runtime', 'arms']) assert.equal(await countOf(table, jobId), 0, table)
  const [ended] = await opened.sql`select state, owner, finished_at from runs where id = ${run.id}`
  assert.deepEqual({ ...ended }, { state: 'cancelled', owner: null, finished_at: at('10:10:00') })
  assert.equal(await opened.store.jobOfRun(run.id), null)
  assert.equal(await countOf('orphans', jobId), 1)
  assert.ok((await opened.store.outstanding()).orphans.includes(jobId))
  assert.equal(await opened.store.look(jobId), null)
})

test('a job is deleted once: the second one finds none', async () => {
  const jobId = await freshJob()
  const deleted = await race(8, () => opened.store.deleteJob(jobId))
  assert.equal(deleted.filter((live) => live !== null).length, 1)
})

test('an orphan whose cancel was confirmed is owed no more, and still known', async () => {
  const jobId = await freshJob()
  await opened.store.deleteJob(jobId)
  await opened.store.orphanCancelled(jobId)
  assert.ok(!(await opened.store.outstanding()).orphans.includes(jobId))
  assert.ok((await opened.store.orphans()).includes(jobId))
})

test('a job deleted while it is claimed, renewed, changed and armed: no deadlock, and nothing of it is live', async () => {
  const { store } = opened
  for (let round = 0; round < 15; round++) {
    const jobId = await freshJob({ schedule: '* * * * *', policy: { overlap: 'allow', maxLive: 20 } })
    const held: Parameters<Store['renew']>[0]['held'] = []
    for (const time of ['08:31:00', '08:32:00', '08:33:00']) {
      opened.setTime(time)
      held.push((await claim(store, jobId, { leaseMs: 600_000 })).held)
    }
    opened.setTime('08:34:00')
    const { look, next, decision } = await changeOf(jobId)
    const arm = async () => {
      const taken = await store.takeArm({
        jobId,
        lease: { holder: 'an order', heirOf: 'an order', ms: leaseMs },
      })
      if (taken.state !== 'order') return
      const { gen } = taken.order
      await store.recordArm(jobId, {
        gen,
        fireAt: at('09:00:00'),
        mayBeHeld: true,
        tookMs: 1,
        outcome: 'armed',
        scheduleId: 's',
        holder: 'an order',
      })
    }
    const lost = (error: unknown) => assert.match(String(error), /nothing was claimed|nothing is due|no job/)
    const work = [
      () => claim(store, jobId).catch(lost),
      () => claim(store, jobId).catch(lost),
      () => store.renew({ held, owner }),
      () => store.renew({ held: held.toReversed(), owner }),
      () => store.changeJob(next, look.view, decision, noLease),
      arm,
      () => store.deleteJob(jobId),
    ]
    await Promise.all(
      work
        .slice(round % work.length)
        .concat(work.slice(0, round % work.length))
        .map((one) => one()),
    )
    assert.equal(await store.look(jobId), null)
    for (const table of ['arms', 'job_runtime']) assert.equal(await countOf(table, jobId), 0, table)
    const live = await opened.sql`select from runs where job_id = ${jobId} and finished_at is null`
    assert.equal(live.length, 0)
  }
  const [row] =
    await opened.sql`select deadlocks::int as n from pg_stat_database where datname = current_database()`
  assert.equal(row?.['n'], 0, 'deadlocks')
})

test('every statement takes the clock that it is given, and without one the clock of Postgres', async () => {
  const { store, setTime } = opened
  setTime('08:30:00')
  const jobId = await opened.job()
  setTime('09:00:00')
  assert.deepEqual(await store.now(), at('09:00:00'))
  assert.deepEqual((await store.earliestWake()).now, at('09:00:00'))
  assert.deepEqual((await store.readCounts({ isNasUsed: true })).now, at('09:00:00'))
  assert.ok((await store.overdueJobs({ lateMs: 0, limit: 100 })).includes(jobId))
  assert.ok(!(await store.overdueJobs({ lateMs: 1, limit: 100 })).includes(jobId))
  const { run } = await claim(store, jobId)
  const [row] = await opened.sql`select claimed_at, lease_until from runs where id = ${run.id}`
  assert.deepEqual([row?.['claimed_at'], row?.['lease_until']], [at('09:00:00'), at('09:01:00')])
  await store.writeFact('a fact', { a: 1 })
  assert.deepEqual(await store.readFact('a fact'), { value: { a: 1 }, updatedAt: at('09:00:00') })
  setTime(null)
  assert.ok(Math.abs((await store.now()).getTime() - Date.now()) < 60_000)
})
