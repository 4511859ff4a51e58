import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Store } from '../../db/index.ts'
import { type Nas, startNas } from '../../dev/nas/index.ts'
import { type Armer, createArmer } from '../../src/arming/arm.ts'
import { readConfig } from '../../src/ground/config.ts'
import { createHolds } from '../../src/ground/holds.ts'
import { createRest } from '../../src/run/rest.ts'
import type { TimerFailure } from '../../src/timers/index.ts'
import { createNasClient, createNasTimer, createStaticToken } from '../../src/timers/nas/index.ts'
import { createReconcile } from '../../src/arming/reconcile.ts'
import { createSweep } from '../../src/arming/sweep.ts'
import { createChronosScheduler } from '../../src/arming/chronos.ts'
import { providers } from '../../src/arming/providers.ts'
import { realDelays as delays } from '../../src/ground/delays.ts'
import { at, claim, lookAt, writing } from '../store/setup.ts'
import { oddPortal } from '../nas-client/setup.ts'
import { createTestLog, openEmptyStore } from './setup.ts'
import { keyOf } from '../support/key.ts'

const opened = await openEmptyStore()
let nas: Nas
let armer: Armer
beforeEach(async () => {
  nas = await startNas({ time: '2026-06-18T08:30:00Z' })
})
afterEach(() => nas.close())

function setup({ store = opened.store, portalUrl = nas.url } = {}) {
  const log = createTestLog()
  const holds = createHolds()
  const fired: string[] = []
  const refusals: TimerFailure[] = []
  const client = createNasClient({
    ...{
      portalUrl,
      accessToken: createStaticToken(nas.accessToken),
      userAgent: 'chronos/test',
      log,
    },
  })
  const timer = createNasTimer(client, { horizonMs: 7 * 86_400_000 })
  const onRefused = (failure: TimerFailure) => void refusals.push(failure)
  const callbackUrl = 'http://127.0.0.1:9'
  armer = createArmer({
    rest: createRest(),
    ...{ store, timer, holds, delays, log, onRefused, owner: 'machine:boot' },
    callbackUrl,
  })
  const fireDue = async (jobId: string) => {
    fired.push(jobId)
    await claim(store, jobId)
  }
  const sweep = createSweep({
    ...{ store, fireDue, delays, log },
    andThen: async () => {},
    isWanted: () => true,
  })
  const reconcile = createReconcile({
    store,
    timer,
    armer,
    callbackUrl,
    attendOverdue: sweep.run,
    onRefused,
    log,
  })
  const scheduler = createChronosScheduler({
    ...{ name: 'chronos', reconcile, fireDue, holds, delays, log, armer },
  })
  const counted = nas.log.length
  const calls = () =>
    nas.log
      .slice(counted)
      .flatMap((entry) => (entry.kind === 'request' ? [`${entry.call} ${entry.job_id ?? ''}`.trim()] : []))
  return {
    ...{ scheduler, reconcile, fired, refusals, holds, log, calls },
    change: (jobId: string, ms = 5_000) => scheduler.onJobsChanged?.([{ jobId }], ms),
  }
}

const armedFor = (jobId: string) => {
  const arm = nas.armed().find((row) => row.job_id === jobId)
  return arm ? new Date(arm.fire_at).toISOString() : null
}

test('chronos is available from its configuration alone: portal, audience, callback and a token or a whole login', () => {
  const whole = {
    NAS_PORTAL_URL: 'https://portal.invalid',
    NAS_AUDIENCE: 'agent:x',
    CALLBACK_URL: 'https://here.invalid',
    NAS_ACCESS_TOKEN: 'token',
  }
  const login = {
    ...{ NAS_REFRESH_TOKEN: 'r', NAS_TOKEN_URL: 'https://portal.invalid/token', NAS_CLIENT_ID: 'c' },
    ENCRYPTION_KEY: keyOf(1).toString('base64'),
  }
  const missing = (env: Record<string, string>) => providers['chronos']?.missing(readConfig(env))
  assert.deepEqual(missing(whole), [])
  for (const name of ['NAS_PORTAL_URL', 'NAS_AUDIENCE', 'CALLBACK_URL'])
    assert.deepEqual(missing({ ...whole, [name]: '' }), [name])
  assert.deepEqual(missing({ ...whole, NAS_ACCESS_TOKEN: '' }), ['NAS_REFRESH_TOKEN (or NAS_ACCESS_TOKEN)'])
  assert.deepEqual(missing({ ...whole, NAS_ACCESS_TOKEN: '', ...login }), [])
})

test('start arms what is owed in the background, and returns before NAS is asked', async () => {
  const jobId = await opened.job()
  const { scheduler, calls } = setup()
  await nas.misbehave('slow', '200ms')
  await scheduler.start()
  assert.deepEqual(calls(), [])
  await nas.waitFor(() => armedFor(jobId))
  // shares the one under way
  assert.equal((await scheduler.reconcile?.())?.armed, 1)
  await scheduler.stop()
})

test('start does not throw where the reconcile of the boot fails; it is logged, and tried until it is whole', async () => {
  const log = createTestLog()
  const { promise, resolve } = Promise.withResolvers<void>()
  const waits: number[] = []
  const tries = ['away', 'partial', 'whole']
  const scheduler = createChronosScheduler({
    name: 'chronos',
    armer,
    async reconcile() {
      const went = tries.shift()
      if (went === 'away') throw new Error('the database is away')
      if (went === 'whole') resolve()
      return { ...{ attended: 0, armed: 0, cancelled: 0, owed: 0, foreign: 0 }, complete: went === 'whole' }
    },
    fireDue: async () => {},
    ...{ holds: createHolds(), log },
    delays: {
      now: () => 0,
      after(ms, work) {
        waits.push(ms)
        const soon = setImmediate(work)
        return () => clearImmediate(soon)
      },
    },
  })
  await scheduler.start()
  await promise
  assert.deepEqual(
    log.lines.map(({ message }) => message),
    ['the reconcile at boot failed'],
  )
  assert.deepEqual(waits, [1_000, 2_000])
  assert.deepEqual(tries, [])
})

test('a changed job is armed at its wake time, at the cost of one call however many jobs there are', async () => {
  const jobs = await Promise.all(Array.from({ length: 30 }, () => opened.job()))
  const { calls, change } = setup()
  assert.equal(await change(jobs[7] as string), 'armed')
  assert.equal(armedFor(jobs[7] as string), '2026-06-18T09:00:00.000Z')
  assert.deepEqual(calls(), [`provision ${jobs[7]}`])
})

test('a job whose wake time stays costs no call', async () => {
  const jobId = await opened.job()
  const { calls, change } = setup()
  await change(jobId)
  assert.equal(await change(jobId), 'armed')
  assert.equal(calls().length, 1)
})

test('a job that wants no wake-up any more is cancelled at NAS', async () => {
  const jobId = await opened.job()
  const { calls, change } = setup()
  await change(jobId)
  const { view } = await lookAt(opened.store, jobId)
  const paused = { ...view.runtime, state: 'paused' as const, pausedAt: at('08:30:00') }
  await opened.store.transition(
    view,
    {
      runtime: paused,
      runs: [],
      folds: [],
      wakeTerm: null,
      starts: [],
      deliveries: [],
      sends: [],
      stops: [],
    },
    writing,
  )
  assert.equal(await change(jobId), 'armed')
  assert.equal(armedFor(jobId), null)
  assert.equal(calls().at(-1), `cancel ${jobId}`)
})

test('after a fire the job is armed again for what comes next, at an instant that was not used before', async () => {
  const jobId = await opened.job()
  const { change } = setup()
  await change(jobId)
  opened.setTime('09:00:00')
  await claim(opened.store, jobId)
  await change(jobId)
  assert.equal(armedFor(jobId), '2026-06-18T09:01:02.000Z', 'the end of the lease')
  await opened.sql`update job_runtime set wake_gen = wake_gen + 1 where job_id = ${jobId}`
  await change(jobId)
  assert.equal(armedFor(jobId), '2026-06-18T09:01:01.000Z')
})

test('while NAS cannot be reached the arm is owed, the process is held up, and it is tried again until it is made', async () => {
  const jobId = await opened.job()
  const { change, holds } = setup()
  await nas.misbehave('answer', '500', { times: 1 })
  assert.equal(await change(jobId, 50), 'owed')
  assert.deepEqual(holds.byKind(), { arm: 1 })
  await nas.waitFor(() => armedFor(jobId))
  while (holds.count() > 0) await holds.released()
  const { registry } = await lookAt(opened.store, jobId)
  assert.equal(registry.armedGen, registry.wakeGen)
})

test('what is written late of an earlier try does not end the arm lease of the next, which asks for another instant', async () => {
  const jobId = await opened.job()
  const { recordArm, takeArm } = opened.store
  const records: (() => ReturnType<typeof recordArm>)[] = []
  const seen: unknown[] = []
  const store: Store = {
    ...opened.store,
    async recordArm(...args) {
      records.push(() => recordArm(...args))
      if (records.length === 1) throw new Error('no answer: it may or may not have been carried out')
      seen.push(await records[0]?.())
      seen.push(await takeArm({ jobId, lease: { holder: 'another', heirOf: 'another', ms: 20_000 } }))
      return recordArm(...args)
    },
  }
  const { change } = setup({ store })
  assert.equal(await change(jobId), 'armed')
  assert.deepEqual(seen, [{ isOwed: true, isWritten: false }, { state: 'busy' }])
  assert.equal(armedFor(jobId), at('08:59:59').toISOString())
})

test('a caller that joins an arm before it is recorded needs no look of its own; one that joins later has one', async () => {
  const jobId = await opened.job()
  const joined: unknown[] = []
  let orders = 0
  const join = () => void joined.push(armer.ensure(jobId, { budgetMs: 5_000 }))
  const store: Store = {
    ...opened.store,
    async takeArm(...args) {
      orders += 1
      const taken = await opened.store.takeArm(...args)
      if (joined.length === 0) join()
      return taken
    },
    async recordArm(...args) {
      const recorded = await opened.store.recordArm(...args)
      if (orders > 1) join()
      return recorded
    },
  }
  const { change } = setup({ store })
  assert.equal(await change(jobId), 'armed')
  assert.deepEqual([await Promise.all(joined), orders], [['armed'], 1])

  await opened.sql`update job_runtime set wake_gen = wake_gen + 1 where job_id = ${jobId}`
  assert.equal(await change(jobId), 'armed')
  assert.deepEqual([await Promise.all(joined), orders], [['armed', 'armed'], 3])
})

// Postgres stores no NUL in a text: the arm would be made at NAS and never recorded
test('a schedule_id with a NUL does not keep the arm from being recorded', async (t) => {
  const jobId = await opened.job()
  const { url } = await oddPortal(t, (response) => response.end(JSON.stringify({ schedule_id: 'a\0b' })))
  const { change } = setup({ portalUrl: url })
  assert.equal(await change(jobId), 'armed')
  const { registry } = await lookAt(opened.store, jobId)
  assert.equal(registry.armedGen, registry.wakeGen)
})

test('a refusal of our identity is said once, and ends the tries', async () => {
  const jobs = [await opened.job(), await opened.job()]
  const { change, refusals, calls, holds } = setup()
  await nas.misbehave('answer', '403')
  assert.equal(await change(jobs[0] as string), 'refused')
  assert.equal(await change(jobs[1] as string), 'refused')
  assert.equal(calls().length, 1, 'one call')
  assert.equal(new Set(refusals).size, 1)
  assert.equal(holds.count(), 0)
})

test('the reconcile lists once, and arms what is owed', async () => {
  const jobs = await Promise.all(Array.from({ length: 12 }, () => opened.job()))
  const { reconcile, calls } = setup()
  assert.deepEqual(await reconcile(), {
    attended: 0,
    armed: 12,
    cancelled: 0,
    owed: 0,
    foreign: 0,
    complete: true,
  })
  assert.equal(calls().filter((call) => call === 'list').length, 1)
  for (const jobId of jobs) assert.equal(armedFor(jobId), '2026-06-18T09:00:00.000Z')
  assert.equal((await reconcile()).armed, 0, 'and a second time nothing')
})

test('where CALLBACK_URL is another than before, every arm is made again, for the new address', async () => {
  const jobId = await opened.job()
  const { reconcile, change, calls } = setup()
  await change(jobId)
  await reconcile()
  await opened.sql`update facts set value = '"http://127.0.0.1:8"' where name = 'callback_url'`
  const count = calls().length
  assert.equal((await reconcile()).armed, 1)
  assert.deepEqual(calls().slice(count), ['list', `provision ${jobId}`])
  assert.equal((await reconcile()).armed, 0, 'and a second time nothing')
})

test('an arm that NAS has lost is made again; one that it holds is left alone', async () => {
  const [lost, kept] = [await opened.job(), await opened.job()]
  const { reconcile, change, calls } = setup()
  await change(lost)
  await change(kept)
  await callCancel(lost)
  assert.equal(armedFor(lost), null)
  const count = calls().length
  assert.equal((await reconcile()).armed, 1)
  assert.ok(armedFor(lost))
  assert.deepEqual(calls().slice(count), ['list', `provision ${lost}`])
})

test('an arm that was confirmed while the list was on its way is left alone, though the list does not show it', async () => {
  const [jobId, lost] = [await opened.job(), await opened.job()]
  const { change } = setup()
  await change(lost)
  await callCancel(lost)
  const first = await opened.store.now()
  const store = {
    ...opened.store,
    // the list is answered, and not compared yet
    async differentArms(listed: Parameters<typeof opened.store.differentArms>[0]) {
      opened.setTime(new Date(first.getTime() + 1))
      await change(jobId)
      return opened.store.differentArms(listed)
    },
  }
  const { armed } = await setup({ store }).reconcile()
  opened.setTime(first)
  assert.equal(armed, 1, 'the lost one')
  const look = await opened.store.look(jobId)
  assert.equal(look?.registry.armedGen, look?.registry.wakeGen)
})

test('a list that is short is no reason to cancel or to leave out: what it does not show is armed again', async () => {
  const jobs = [await opened.job(), await opened.job(), await opened.job()]
  const { reconcile } = setup()
  await reconcile()
  await nas.misbehave('list_partial', '0')
  const { armed, cancelled } = await reconcile()
  assert.deepEqual([armed, cancelled], [3, 0])
  for (const jobId of jobs) assert.ok(armedFor(jobId))
})

test('a list that cannot be had does not keep what is owed from being armed', async () => {
  const jobId = await opened.job()
  const { reconcile } = setup()
  await nas.misbehave('answer', '500', { call: 'list' })
  assert.equal((await reconcile()).armed, 1)
  assert.ok(armedFor(jobId))
})

test('the arm of a deleted job is cancelled; one that Postgres never knew is left alone', async () => {
  const jobId = await opened.job()
  const { reconcile, change } = setup()
  await change(jobId)
  await opened.store.deleteJob(jobId)
  await nas.misbehave('list_foreign', '2')
  const { cancelled, foreign } = await reconcile()
  assert.deepEqual([cancelled, foreign], [1, 2])
  assert.equal(armedFor(jobId), null)
  assert.deepEqual((await opened.store.outstanding()).orphans, [])
})

test('a job that is a minute overdue is attended to at boot; one that is due just now is left to its fire', async () => {
  const late = await opened.job({ schedule: '58 8 * * *' })
  const now = await opened.job({ schedule: '0 9 * * *' })
  const { reconcile, fired } = setup()
  opened.setTime('09:00:00')
  assert.equal((await reconcile()).attended, 1)
  assert.deepEqual(fired, [late])
  assert.equal((await lookAt(opened.store, now)).view.runtime.lastSlot, null)
})

test('forty overdue jobs are all attended to, and one that fails does not stop the others', async () => {
  const jobs = await Promise.all(Array.from({ length: 40 }, () => opened.job()))
  const { fired, scheduler } = setup()
  opened.setTime('09:10:00')
  await claim(opened.store, jobs[3] as string)
  await opened.sql`update job_runtime set wake_at = ${at('09:00:00')} where job_id = ${jobs[3] as string}`
  const counts = await scheduler.reconcile?.()
  assert.equal(fired.length, 40)
  assert.equal(counts?.attended, 39, 'nothing could be claimed of that one')
})

test('who asks for a reconcile while one is under way shares it', async () => {
  await opened.job()
  const { reconcile, calls } = setup()
  const [one, other] = await Promise.all([reconcile(), reconcile()])
  assert.equal(one, other)
  assert.equal(calls().filter((call) => call === 'list').length, 1)
})

test('fireDue attends to the job that it is given, without NAS', async () => {
  const jobId = await opened.job()
  opened.setTime('09:00:00')
  const { scheduler, fired, calls } = setup()
  await scheduler.fireDue?.(jobId)
  assert.deepEqual([fired, calls()], [[jobId], []])
})

test('stop ends the tries that are under way', async () => {
  const jobId = await opened.job()
  const { scheduler, change, holds } = setup()
  await nas.misbehave('answer', '500')
  const state = change(jobId, 60_000)
  await nas.waitFor(() => nas.requests('provision').at(-1)?.job_id === jobId)
  await scheduler.stop()
  assert.equal(await state, 'owed')
  assert.equal(holds.count(), 0)
})

async function callCancel(jobId: string) {
  await fetch(`${nas.url}/api/agent-cron/cancel`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${nas.accessToken}`, 'user-agent': 'a test', accept: 'application/json' },
      'content-type': 'application/json',
    },
    body: JSON.stringify({ job_id: jobId }),
  })
}
