import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { createProcessRecord, type Store } from '../../db/index.ts'
import { createDatabase } from '../../db/client.ts'
import { type Nas, startNas } from '../../dev/nas/index.ts'
import { createArmer } from '../../src/arming/arm.ts'
import { listAhead, type Listing, listedArms, listedSoon } from '../../src/arming/listing.ts'
import { createReconcile } from '../../src/arming/reconcile.ts'
import { realDelays as delays } from '../../src/ground/delays.ts'
import { createHolds } from '../../src/ground/holds.ts'
import { createRest } from '../../src/run/rest.ts'
import type { TimerClient } from '../../src/timers/index.ts'
import { createNasClient, createNasTimer, createStaticToken } from '../../src/timers/nas/index.ts'
import { createTestDatabase } from '../support/database.ts'
import { at, openStore } from '../store/setup.ts'
import { createTestDelays, createTestLog } from './setup.ts'

const database = await createTestDatabase()
let opened: Awaited<ReturnType<typeof openStore>>
let nas: Nas
const ends: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  opened = await openStore({ ...database, drop: async () => {} })
  await opened.sql`truncate jobs, runs, arms, facts, orphans cascade`
  nas = await startNas({ time: '2026-06-18T08:30:00Z' })
  ends.push(nas.close, opened.close)
})
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})
test.after(() => database.drop())

/** A process that has answered its first fire, and looks at Postgres and NAS. */
function setup() {
  const { store } = opened
  const log = createTestLog()
  const client = createNasClient({
    ...{ portalUrl: nas.url, accessToken: createStaticToken(nas.accessToken), userAgent: 'a test', log },
  })
  const timer = createNasTimer(client, { horizonMs: 7 * 86_400_000 })
  const usual = { timer, callbackUrl: 'http://127.0.0.1:9', log, onRefused: () => {} }
  const armer = createArmer({
    ...usual,
    store,
    rest: createRest(),
    holds: createHolds(),
    delays,
    owner: 'm:b',
  })
  const asked: string[] = []
  const counted: Store = {
    ...store,
    differentArms: (listed) => {
      asked.push('differentArms')
      return store.differentArms(listed)
    },
  }
  const db = createDatabase({ url: database.url, max: 1 })
  ends.push(db.close)
  const record = createProcessRecord({ database: db, machineId: 'm', owner: 'm:b', clock: () => time })
  let time = at('08:30:00')
  return {
    ...{ store, timer, asked },
    arm: (jobId: string) => armer.ensure(jobId, { budgetMs: 20_000 }),
    setTime(text: string) {
      time = at(text)
      opened.setTime(time)
    },
    async look(listing: Listing, listed = listedSoon(listing, delays)) {
      const seen = await record.arrive({ upMs: 0, listed: await listed })
      return { ...seen, listing }
    },
    reconcile: createReconcile({ ...usual, store: counted, armer, attendOverdue: async () => 0 }),
  }
}

/** As `listAhead`, where something happens before the list comes in; the list was made before that. */
function listWhile(needs: { store: Store; timer: TimerClient }, work: () => Promise<unknown>): Listing {
  const list: TimerClient['list'] = async () => {
    const answer = await needs.timer.list()
    await work()
    return answer
  }
  const listing = listAhead({ store: needs.store, timer: { list } })
  assert.ok(listing)
  return listing
}

test('a process that has recorded no arm does not ask ahead: it has no instant to judge the list by', async () => {
  const { store, timer, arm } = setup()
  const jobId = await opened.job()
  const count = nas.requests('list').length
  assert.equal(listAhead({ store, timer }), null)
  assert.equal(nas.requests('list').length, count)
  await arm(jobId)
  assert.ok(listAhead({ store, timer }))
  await nas.waitFor(() => nas.requests('list').length > count)
})

test('the look of the boot finds an arm that NAS has lost, and the reconcile makes it again without another comparison', async () => {
  const { store, timer, arm, look, reconcile, asked } = setup()
  const [lost, kept] = [await opened.job(), await opened.job()]
  await arm(lost)
  await arm(kept)
  nas.lose(lost)
  const listing = listAhead({ store, timer })
  assert.ok(listing)
  const seen = await look(listing)
  assert.deepEqual(
    seen.different?.map(({ jobId }) => jobId),
    [lost],
  )
  assert.equal((await reconcile(seen)).armed, 1)
  assert.ok(nas.armed().some(({ job_id }) => job_id === lost))
  assert.deepEqual(asked, [])
  assert.equal(nas.requests('list').length, 1)
})

test('the arm that was recorded last is judged as well, to the microsecond of its record', async () => {
  const { store, timer, arm, look } = setup()
  // Postgres' own clock
  opened.setTime(null)
  for (let n = 0; n < 10; n++) {
    const jobId = await opened.job()
    await arm(jobId)
    nas.lose(jobId)
    const listing = listAhead({ store, timer })
    assert.ok(listing)
    const { different } = await look(listing)
    assert.ok(different?.some((found) => found.jobId === jobId))
  }
})

test('an arm that was recorded after the list was asked for is not judged by it', async () => {
  const { store, timer, arm, look, setTime } = setup()
  const [first, late, lost] = [await opened.job(), await opened.job(), await opened.job()]
  await arm(lost)
  await arm(first)
  nas.lose(lost)
  const listing = listWhile({ store, timer }, async () => {
    setTime('08:30:01')
    await arm(late)
    setTime('08:30:02')
  })
  const { different } = await look(listing)
  assert.deepEqual(
    different?.map(({ jobId }) => jobId),
    [lost],
  )
})

test('a list that comes too late for the look is compared when it comes, and not by the instant of the look', async () => {
  const { store, timer, arm, look, setTime, reconcile, asked } = setup()
  const [first, late, lost] = [await opened.job(), await opened.job(), await opened.job()]
  await arm(lost)
  await arm(first)
  nas.lose(lost)
  const { promise, resolve } = Promise.withResolvers<void>()
  const listing = listWhile({ store, timer }, async () => {
    setTime('08:30:01')
    await arm(late)
    await promise
  })
  await nas.waitFor(() => nas.armed().some(({ job_id }) => job_id === late))
  await arm(late)
  setTime('08:30:02')
  const slow = createTestDelays()
  const listed = listedSoon(listing, slow.delays)
  assert.equal(await slow.elapse(), 2_000)
  const seen = await look(listing, listed)
  assert.equal(seen.different, null)
  resolve()
  assert.equal((await reconcile(seen)).armed, 1)
  assert.deepEqual(asked, ['differentArms'])
  assert.equal(nas.requests('list').length, 1)
})

test('a list that cannot be had, that says nothing or is long leaves the look alone', async () => {
  const { arm } = setup()
  await arm(await opened.job())
  const soon = (answer: Listing['answer']) => listedSoon({ answer, listedAt: '' }, delays)
  const arms = (length: number) => Array.from({ length }, (_, n) => ({ jobId: `j${n}`, fireAtMs: 0 }))
  assert.equal(await soon(Promise.reject(new Error('no list'))), null)
  const failure = { ok: false as const, kind: 'transient' as const, code: 'NAS_FAILED', message: '' }
  assert.equal(await soon(Promise.resolve(failure)), null)
  assert.equal(await soon(Promise.resolve({ ok: true, value: null })), null)
  assert.equal(await soon(Promise.resolve({ ok: true, value: arms(2_001) })), null)
  assert.deepEqual(await soon(Promise.resolve({ ok: true, value: arms(2_000) })), listedArms(arms(2_000), ''))
})
