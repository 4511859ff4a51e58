import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { ruleOf } from '../../db/index.ts'
import type { ReadyClaim } from '../../db/ready.ts'
import { pause, recount, resume, settle } from '../../src/decisions/index.ts'
import { at, decide, leaseMs, lookAt, type Opened, openStore, owner, race, writing } from './setup.ts'

// The usual claim: decided when the job was written last, carried out by one statement that looks at nothing else.

let opened: Opened
before(async () => {
  opened = await openStore()
})
after(() => opened.close())

const wish = (jobId: string, change: Partial<ReadyClaim> = {}): ReadyClaim => ({
  ...{ jobId, runId: randomUUID(), trigger: 'fire', owner, leaseMs, begins: true, armLease: null },
  ...change,
})

/** A job of 08:30 with a slot at 09:00, at 09:00. */
async function dueJob(policy: Record<string, unknown> = {}): Promise<string> {
  opened.setTime('08:30:00')
  const jobId = await opened.job({ policy })
  opened.setTime('09:00:00')
  return jobId
}

test('a claim leaves the job as a look and a decision would have left it, and returns it so', async () => {
  const { store, sql } = opened
  const [ready, looked] = [await dueJob(), await dueJob()]
  const claimed = await store.claimReady(wish(ready))
  const look = await lookAt(store, looked)
  await store.transition(look.view, decide(look), { ...writing, begins: true })
  const rows = async (jobId: string) => {
    const [runtime] = await sql`select * from job_runtime where job_id = ${jobId}`
    const [run] = await sql`select * from runs where job_id = ${jobId}`
    const decided = {
      after_slot: null,
      ready_from: null,
      ready_until: null,
      ready_version: null,
      ready_rev: null,
    }
    return { ...runtime, ...decided, run: { ...run, id: '', seq: 0, job_id: '' }, job_id: '' }
  }
  assert.deepEqual(await rows(ready), await rows(looked))
  const seen = await lookAt(store, ready)
  assert.deepEqual(claimed?.look, seen)
})

test('of 32 claims at once, in shared statements or alone, one succeeds', async () => {
  const { store, sql } = opened
  const jobId = await dueJob()
  const claims = await race(32, () => store.claimReady(wish(jobId)))
  assert.equal(claims.filter(Boolean).length, 1)
  assert.equal((await sql`select from runs where job_id = ${jobId}`).length, 1)
})

test('of a claim and a look with its decision at once, one succeeds', async () => {
  const { store, sql } = opened
  for (let round = 0; round < 10; round++) {
    const jobId = await dueJob()
    const look = await lookAt(store, jobId)
    const [claimed, written] = await Promise.all([
      store.claimReady(wish(jobId)),
      store.transition(look.view, decide(look), writing),
    ])
    assert.equal([claimed, written].filter(Boolean).length, 1)
    assert.equal((await sql`select from runs where job_id = ${jobId}`).length, 1)
  }
})

test('the one who settles decides the next claim', async () => {
  const { store } = opened
  const jobId = await dueJob()
  const claimed = await store.claimReady(wish(jobId))
  assert.ok(claimed)
  const { view } = claimed.look
  const done = { runId: claimed.run.id, fence: claimed.run.fence, outcome: { state: 'succeeded' as const } }
  const decision = settle(view, done)
  assert.ok(decision && (await store.transition(view, decision, writing)))
  opened.setTime('10:00:00')
  const next = await store.claimReady(wish(jobId))
  assert.deepEqual(next?.run.slot, at('10:00:00'))
  assert.equal(next?.run.fence, claimed.run.fence + 1)
})

test('a lease of the job itself counts, and the wake time is no later than its end', async () => {
  const { store } = opened
  const jobId = await dueJob({ leaseMs: 20_000 })
  const claimed = await store.claimReady(wish(jobId))
  assert.deepEqual(claimed?.written.leaseUntil, at('09:00:20'))
  assert.deepEqual((await lookAt(store, jobId)).registry.wakeAt, at('09:00:22'))
})

test('a job whose next slot comes before the lease ends is woken for the slot', async () => {
  const { store } = opened
  opened.setTime('08:59:30')
  const jobId = await opened.job({ schedule: 'every 60s' })
  opened.setTime('09:00:30')
  await store.claimReady(wish(jobId))
  assert.deepEqual((await lookAt(store, jobId)).registry.wakeAt, at('09:01:30'))
})

test('the arm lease comes with the claim if it is free', async () => {
  const { store } = opened
  const jobId = await dueJob()
  const armLease = { holder: 'a holder', heirOf: 'a', ms: 20_000 }
  const claimed = await store.claimReady(wish(jobId, { armLease }))
  assert.equal(claimed?.written.order?.holder, 'a holder')
  assert.equal(claimed.written.order.gen, 2)
  const held = await dueJob()
  const other = { holder: 'another', heirOf: 'another', ms: 20_000 }
  assert.equal((await store.takeArm({ jobId: held, lease: other })).state, 'order')
  const without = await store.claimReady(wish(held, { armLease }))
  assert.equal(without?.written.order, null)
  assert.equal(without.written.isArmOwed, true)
})

for (const [when, time] of [
  ['before its slot', '08:59:59.999'],
  ['when the slot after it is due as well', '10:00:00'],
] as const) {
  test(`nothing is claimed ${when}`, async () => {
    const jobId = await dueJob()
    opened.setTime(time)
    assert.equal(await opened.store.claimReady(wish(jobId)), null)
  })
}

test('nothing is claimed once a slot is later than the deadline of its job', async () => {
  const jobId = await dueJob({ deadlineMs: 5_000 })
  opened.setTime('09:00:05.001')
  assert.equal(await opened.store.claimReady(wish(jobId)), null)
  opened.setTime('09:00:05')
  assert.ok(await opened.store.claimReady(wish(jobId)))
})

test('nothing is claimed of a job that is paused, or has a run; and a claim is decided again when it is resumed', async () => {
  const { store } = opened
  const jobId = await dueJob()
  opened.setTime('08:40:00')
  const look = await lookAt(store, jobId)
  const paused = pause(look.view, { reason: null, until: null })
  assert.ok(paused && (await store.transition(look.view, paused, writing)))
  opened.setTime('09:00:00')
  assert.equal(await store.claimReady(wish(jobId)), null)
  opened.setTime('08:41:00')
  const { view } = await lookAt(store, jobId)
  const resumed = resume(view)
  assert.ok(resumed && (await store.transition(view, resumed, writing)))
  opened.setTime('09:00:00')
  assert.ok(await store.claimReady(wish(jobId)))
  opened.setTime('10:00:00')
  assert.equal(await store.claimReady(wish(jobId)), null)
})

test('whatever else moves rev makes the caller look', async () => {
  const { store, sql } = opened
  const jobId = await dueJob()
  await sql`update job_runtime set rev = rev + 1 where job_id = ${jobId}`
  assert.equal(await store.claimReady(wish(jobId)), null)
})

test('an edit decides the claim by the new rule, and its action is the new one', async () => {
  const { store } = opened
  const jobId = await dueJob()
  opened.setTime('08:40:00')
  const { authored, view } = await lookAt(store, jobId)
  const next = { ...authored, action: { type: 'http', url: 'https://new.invalid' } }
  const decision = recount({ ...view, job: ruleOf(next) }, view.job)
  assert.equal(await store.changeJob(next, view, decision, writing), true)
  opened.setTime('09:00:00')
  const claimed = await store.claimReady(wish(jobId))
  assert.deepEqual(claimed?.look.authored.action, next.action)
})

test('a claim that waited for an edit to end does not run the action from before it', async () => {
  const { store, sql } = opened
  const jobId = await dueJob()
  let claim: Promise<unknown> | undefined
  await sql.begin(async (tx) => {
    await tx`select from job_runtime where job_id = ${jobId} for update`
    claim = store.claimReady(wish(jobId))
    await isWaiting()
    // the edit: another action, and a claim that is decided by it
    await tx`update jobs set version = version + 1, action = '{"type":"http","url":"https://new.invalid"}' where id = ${jobId}`
    await tx`update job_runtime set rev = rev + 1, ready_rev = rev + 1, ready_version = ready_version + 1 where job_id = ${jobId}`
  })
  assert.equal(await claim, null)
  const again = await store.claimReady(wish(jobId))
  assert.deepEqual(again?.look.authored.action, { type: 'http', url: 'https://new.invalid' })
})

/** Resolves once a statement waits for the lock of a row. */
async function isWaiting() {
  for (;;) {
    const [row] = await opened.sql`
      select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    if (row) return
  }
}

test('twenty jobs that are claimed together get each its own run, and the one that has changed none', async () => {
  const { store, sql } = opened
  const ids = await Promise.all(Array.from({ length: 20 }, () => dueJob()))
  await sql`update job_runtime set rev = rev + 1 where job_id = ${ids[7] ?? ''}`
  const claims = await Promise.all(ids.map((id) => store.claimReady(wish(id))))
  assert.deepEqual(
    claims.map((claimed) => claimed?.look.authored.id ?? null),
    ids.map((id, n) => (n === 7 ? null : id)),
  )
})
