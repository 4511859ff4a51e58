import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { loadLists } from '../../db/index.ts'
import { leaseMarginMs, type Outcome, settle } from '../../src/decisions/index.ts'
import {
  at,
  claim,
  decide,
  leaseMs,
  lookAt,
  type Opened,
  openStore,
  other,
  owner,
  race,
  writing,
} from './setup.ts'

let opened: Opened
before(async () => {
  opened = await openStore()
})
after(() => opened.close())

const runsOf = (jobId: string) =>
  opened.sql<Record<string, unknown>[]>`select * from runs where job_id = ${jobId} order by seq`

test('of 32 writers with one view, one claims the slot', async () => {
  const { store } = opened
  for (let round = 0; round < 5; round++) {
    opened.setTime('08:30:00')
    const jobId = await opened.job()
    opened.setTime('09:00:00')
    const look = await lookAt(store, jobId)
    const written = await race(32, () => store.transition(look.view, decide(look), writing))
    assert.equal(written.filter(Boolean).length, 1)
    assert.equal((await runsOf(jobId)).length, 1)
    const { runtime } = (await lookAt(store, jobId)).view
    assert.deepEqual([runtime.rev, runtime.fence, runtime.slotsUsed], [2, 1, 1])
  }
})

test('of 32 that look, decide and write by themselves, one claims the slot', async () => {
  const { store } = opened
  opened.setTime('08:30:00')
  const jobId = await opened.job({ policy: { overlap: 'allow', maxLive: 50 } })
  opened.setTime('09:00:00')
  const claimed = await race(32, () => claim(store, jobId).catch(() => null))
  assert.equal(claimed.filter(Boolean).length, 1)
  assert.equal((await runsOf(jobId)).length, 1)
})

test('unique (job, slot) is the last word: a slot that has a run gets no second one, and nobody is told to run it', async () => {
  const { store, sql } = opened
  opened.setTime('08:30:00')
  const jobId = await opened.job()
  opened.setTime('09:00:00')
  const first = await claim(store, jobId)
  await sql`update job_runtime set next_slot = ${at('09:00:00')}, last_slot = null where job_id = ${jobId}`
  await sql`update runs set state = 'succeeded', finished_at = now(), owner = null, lease_until = null where job_id = ${jobId}`
  const second = await claim(store, jobId)
  assert.equal(second.written.inserted.has(second.run.id), false)
  assert.deepEqual(
    (await runsOf(jobId)).map((run) => [run['id'], run['state']]),
    [[first.run.id, 'succeeded']],
  )
})

test('a decision is written whole or not at all: who loses leaves no run, no fold, no changed run', async () => {
  const { store, sql } = opened
  opened.setTime('08:30:00')
  const jobId = await opened.job()
  opened.setTime('12:10:00')
  const look = await lookAt(store, jobId)
  await sql`update job_runtime set rev = rev + 1 where job_id = ${jobId}`
  assert.equal(await store.transition(look.view, decide(look), writing), null)
  assert.equal((await runsOf(jobId)).length, 0)
  assert.equal((await sql`select from folded_slots where job_id = ${jobId}`).length, 0)
})

test('folded slots keep the rule that named them, and their number', async () => {
  const { store } = opened
  opened.setTime('08:30:00')
  const jobId = await opened.job()
  opened.setTime('12:10:00')
  await claim(store, jobId)
  const { folds, runs } = await store.readLedger(jobId, {
    from: at('00:00:00'),
    to: at('23:00:00'),
    limit: 10,
  })
  const [fold] = folds
  assert.deepEqual(
    [fold?.firstSlot, fold?.lastSlot, fold?.count, fold?.verdict],
    [at('09:00:00'), at('11:00:00'), 3, 'missed'],
  )
  assert.equal(fold?.rule.schedule.kind, 'cron')
  assert.deepEqual(
    runs.map(({ slot }) => slot),
    [at('12:00:00')],
  )
})

test('a skipped and a queued slot are written with no attempt', async () => {
  const { store } = opened
  for (const overlap of ['skip', 'queue']) {
    opened.setTime('08:30:00')
    const jobId = await opened.job({ schedule: '* * * * *', policy: { overlap, leaseMs: 600_000 } })
    opened.setTime('08:31:00')
    await claim(store, jobId, { leaseMs: 600_000 })
    opened.setTime('08:32:00')
    const look = await lookAt(store, jobId)
    assert.ok(await store.transition(look.view, decide(look), writing))
    assert.deepEqual(
      (await runsOf(jobId)).map((run) => run['attempt']),
      [1, 0],
    )
  }
})

test('the lease and the watchdog are set by the clock of the write', async () => {
  const { store } = opened
  opened.setTime('08:30:00')
  const jobId = await opened.job()
  opened.setTime('09:00:00')
  const look = await lookAt(store, jobId)
  const decision = decide(look)
  opened.setTime('09:00:07')
  const written = await store.transition(look.view, decision, writing)
  assert.deepEqual(written?.leaseUntil, new Date(at('09:00:07').getTime() + leaseMs))
  assert.deepEqual(written?.wakeAt, new Date(at('09:00:07').getTime() + leaseMs + leaseMarginMs))
})

test('a wake time that stays is not wanted anew, unless its arm is spent', async () => {
  const { store } = opened
  opened.setTime('08:30:00')
  const jobId = await opened.job({ schedule: '* * * * *' })
  const gen = async () => (await lookAt(store, jobId)).registry.wakeGen
  const rewrite = async (armSpent: boolean) => {
    const { view } = await lookAt(store, jobId)
    const same = {
      runtime: view.runtime,
      runs: [],
      folds: [],
      deliveries: [],
      wakeTerm: view.registry.wakeAt,
      starts: [],
      sends: [],
      stops: [],
    }
    assert.ok(await store.transition(view, same, { ...writing, armSpent }))
  }
  const first = await gen()
  await rewrite(false)
  assert.equal(await gen(), first)
  await rewrite(true)
  assert.equal(await gen(), first + 1)
})

test('a claimed run begins only for its holder, by its fence, within its lease', async () => {
  const { store } = opened
  opened.setTime('08:30:00')
  const jobId = await opened.job()
  opened.setTime('09:00:00')
  const { held } = await claim(store, jobId)
  const begun = { ...held, jobId }
  assert.equal(await store.begin({ ...begun, owner: other }), false, 'another process')
  assert.equal(await store.begin({ ...begun, jobId: 'another', owner }), false, 'another job')
  assert.equal(await store.begin({ ...begun, fence: held.fence + 1, owner }), false, 'another fence')
  opened.setTime('09:01:00')
  assert.equal(await store.begin({ ...begun, owner }), false, 'the lease has ended')
  opened.setTime('09:00:59')
  assert.equal(await store.begin({ ...begun, owner }), true)
  const [run] = await runsOf(jobId)
  assert.deepEqual(
    [run?.['state'], run?.['started_at'], run?.['lease_until']],
    ['running', at('09:00:59'), at('09:01:59')],
  )
})

test('a renewal moves the leases that are held, and names those that are lost by leaving them out', async () => {
  const { store, sql } = opened
  opened.setTime('08:30:00')
  const jobs = await race(4, () => opened.job())
  opened.setTime('09:00:00')
  const held = await Promise.all(jobs.map(async (jobId) => (await claim(store, jobId)).held))
  const [good, stale, cancelled, deleted] = held
  assert.ok(good && stale && cancelled && deleted)
  await sql`update runs set state = 'cancelled', finished_at = now(), owner = null, lease_until = null where id = ${cancelled.runId}`
  await store.deleteJob(jobs[3] as string)
  opened.setTime('09:00:30')
  const renewed = await store.renew({ held: [good, { ...stale, fence: 7 }, cancelled, deleted], owner })
  assert.deepEqual([...renewed], [good.runId])
  const [run] = await runsOf(jobs[0] as string)
  assert.deepEqual(run?.['lease_until'], at('09:01:30'))
})

test('a lease that has ended is never revived, not even by its holder and before anybody has looked', async () => {
  const { store } = opened
  opened.setTime('08:30:00')
  const jobId = await opened.job()
  opened.setTime('09:00:00')
  const { held } = await claim(store, jobId)
  opened.setTime('09:01:00')
  assert.deepEqual([...(await store.renew({ held: [held], owner }))], [])
  opened.setTime('09:00:59')
  assert.deepEqual([...(await store.renew({ held: [held], owner: other }))], [], 'nor by another process')
  assert.deepEqual([...(await store.renew({ held: [held], owner }))], [held.runId])
})

test('a renewal raced with the one who finds the lease ended: one of the two wins', async () => {
  const { store } = opened
  for (let round = 0; round < 10; round++) {
    opened.setTime('08:30:00')
    const jobId = await opened.job()
    opened.setTime('09:00:00')
    const { held } = await claim(store, jobId)
    opened.setTime('09:01:00')
    const look = await lookAt(store, jobId)
    const reap = decide(look)
    const [renewed, reaped] = await Promise.all([
      store.renew({ held: [held], owner }),
      store.transition(look.view, reap, writing),
    ])
    assert.equal(renewed.has(held.runId), false)
    assert.ok(reaped)
    assert.deepEqual(
      (await runsOf(jobId)).map((run) => run['state']),
      ['interrupted'],
    )
  }
})

test('a settle by a stale fence changes no row', async () => {
  const { store } = opened
  opened.setTime('08:30:00')
  const retry = { attempts: 2, backoff: 'fixed', delayMs: 0, on: ['interrupted'] }
  const jobId = await opened.job({ policy: { retry } })
  opened.setTime('09:00:00')
  const { held } = await claim(store, jobId)
  const stale = await lookAt(store, jobId)
  const outcome = { state: 'succeeded' as const }
  const late = settle(stale.view, { ...held, outcome })
  assert.ok(late)
  opened.setTime('09:01:00')
  const second = await claim(store, jobId, { owner: other })
  assert.equal(second.run.fence, 2)
  const taken = await runsOf(jobId)
  assert.equal(await store.transition(stale.view, late, writing), null, 'the view is old')
  const current = (await lookAt(store, jobId)).view
  assert.equal(settle(current, { ...held, outcome }), null, 'the fence is old')
  await store.transition(
    { ...stale.view, runtime: { ...stale.view.runtime, rev: current.runtime.rev } },
    late,
    writing,
  )
  assert.deepEqual(
    await runsOf(jobId),
    taken,
    'and the row itself asks for the fence, whatever the view says',
  )
})

test('of a settle, a cancel and a reaper with one view, one writes the end of the run', async () => {
  const { store } = opened
  for (let round = 0; round < 10; round++) {
    opened.setTime('08:30:00')
    const jobId = await opened.job()
    opened.setTime('09:00:00')
    const { held } = await claim(store, jobId)
    const look = await lookAt(store, jobId)
    const ends = (['succeeded', 'failed', 'cancelled'] as const).map((state) =>
      settle(look.view, { ...held, outcome: { state } }),
    )
    const written = await Promise.all(
      ends.map(async (end) => end && store.transition(look.view, end, writing)),
    )
    assert.equal(written.filter(Boolean).length, 1)
    const winner = ends[written.findIndex(Boolean)]?.runs[0]?.state
    assert.deepEqual(
      (await runsOf(jobId)).map((run) => run['state']),
      [winner],
    )
  }
})

test('the output of an attempt is kept with its outcome, its error and its attempts', async () => {
  const { store } = opened
  opened.setTime('08:30:00')
  const jobId = await opened.job()
  opened.setTime('09:00:00')
  const { held } = await claim(store, jobId, { begins: true })
  opened.setTime('09:00:04')
  const { view } = await lookAt(store, jobId)
  const decision = settle(view, {
    ...held,
    outcome: { state: 'failed', error: { code: 'HTTP_STATUS', message: '500' } },
  })
  assert.ok(decision && (await store.transition(view, decision, { ...writing, output: 'oh no' })))
  const [run] = await runsOf(jobId)
  assert.deepEqual(
    [run?.['output'], run?.['error_code'], run?.['error_message'], run?.['owner']],
    ['oh no', 'HTTP_STATUS', '500', null],
  )
  assert.deepEqual(run?.['attempts'], [], 'told by the columns of the run')
  const [attempt] = (await shownAttempts(run?.['id'] as string)) ?? []
  assert.deepEqual(
    [attempt?.started_at, attempt?.finished_at],
    [at('09:00:00').toISOString(), at('09:00:04').toISOString()],
  )
})

/** As a list reads them. */
async function shownAttempts(runId: string) {
  const lists = await loadLists(opened.db)
  return (await lists.run(runId))?.attempts
}

test('the attempts that are read of a run are those that were decided, whether they have a place of their own or not', async () => {
  const { store } = opened
  const error = { code: 'HTTP_STATUS', message: `it's "500"` }
  const outcomes = [
    { state: 'succeeded' },
    { state: 'failed', error },
    { state: 'timed_out', error: { code: 'TIMED_OUT', message: '' } },
    { state: 'cancelled' },
    { state: 'failed', final: true, error },
  ] satisfies Outcome[]
  for (const [n, outcome] of outcomes.entries()) {
    for (const begins of [true, false]) {
      opened.setTime('08:30:00')
      const retry = { attempts: 2, backoff: 'fixed', delayMs: 0, on: ['failed'] }
      const jobId = await opened.job({ policy: n === 1 ? { retry } : {} })
      opened.setTime('09:00:00')
      const { held } = await claim(store, jobId, { begins })
      const decided: unknown[] = []
      const end = async (time: string, fence: number) => {
        opened.setTime(time)
        const { view } = await lookAt(store, jobId)
        const decision = settle(view, { ...held, fence, outcome })
        assert.ok(decision && (await store.transition(view, decision, writing)))
        decided.splice(0, Infinity, ...(decision.runs[0]?.attempts ?? []))
      }
      await end('09:00:04.567', held.fence)
      if (n === 1) {
        const again = await claim(store, jobId, { begins: true })
        await end('09:00:09', again.run.fence)
        assert.equal(decided.length, 2)
      }
      assert.deepEqual(await shownAttempts(held.runId), decided, `${outcome.state}, ${begins}`)
    }
  }
})
