import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { Store } from '../../db/index.ts'
import { createHolds } from '../../src/ground/holds.ts'
import { createBuiltinScheduler, heartbeatFact } from '../../src/arming/builtin.ts'
import { claim, type Opened, openStore } from '../store/setup.ts'
import { createTestLog, createTestDelays } from './setup.ts'

let opened: Opened
before(async () => {
  opened = await openStore()
})
after(() => opened.close())
beforeEach(() => opened.sql`truncate jobs, runs, arms, facts cascade`)

type Wish = {
  fireDue?: (jobId: string) => Promise<void>
  store?: Partial<Store>
  log?: ReturnType<typeof createTestLog>
}

function setup({ fireDue, store = {}, log = createTestLog() }: Wish = {}) {
  const { delays, ...clock } = createTestDelays()
  const holds = createHolds()
  const fired: string[] = []
  const attend = async (jobId: string) => {
    fired.push(jobId)
    await fireDue?.(jobId)
    await claim(opened.store, jobId)
  }
  const ticker = createBuiltinScheduler({
    ...{ delays, holds, log },
    store: { ...opened.store, ...store },
    fireDue: attend,
  })
  return { ...{ ticker, clock, holds, fired, log }, heartbeat: () => structuredClone(ticker.heartbeat()) }
}

test('the ticker sleeps until the earliest wake time of all jobs, and attends to the job that is due then', async () => {
  opened.setTime('08:30:00')
  await opened.job({ schedule: '45 * * * *' })
  const first = await opened.job({ schedule: '31 8 * * *' })
  opened.setTime('08:30:15.250')
  const { ticker, clock, fired } = setup()
  await ticker.start()
  assert.equal((await clock.next()).ms, 44_750)
  opened.setTime('08:31:00')
  await clock.elapse()
  await clock.next()
  assert.deepEqual(fired, [first])
  await ticker.stop()
})

test("it never sleeps longer than a minute, so that a stepped clock or another process's change is noticed", async () => {
  opened.setTime('08:30:00')
  await opened.job({ schedule: '0 12 * * *' })
  const { ticker, clock } = setup()
  await ticker.start()
  assert.equal((await clock.next()).ms, 60_000)
  await ticker.stop()
})

test('without jobs it sleeps, and a job that is made wakes it at once', async () => {
  opened.setTime('08:30:00')
  const { ticker, clock } = setup()
  await ticker.start()
  const idle = await clock.next()
  assert.equal(idle.ms, 60_000)
  const jobId = await opened.job({ schedule: '*/5 * * * * *' })
  assert.equal(await ticker.onJobsChanged?.([{ jobId }], 1_000), 'armed')
  for (;;) {
    const timer = await clock.next()
    if (timer !== idle) {
      assert.equal(timer.ms, 5_000)
      break
    }
    await new Promise(setImmediate)
  }
  assert.equal(clock.count(), 1, 'the earlier wait is taken back')
  await ticker.stop()
})

test('a change that comes while it ticks is not lost: it ticks once more before it sleeps', async () => {
  opened.setTime('08:30:00')
  await opened.job({ schedule: '0 * * * *' })
  opened.setTime('09:00:00')
  let late: string | undefined
  const { ticker, clock, fired } = setup({
    async fireDue() {
      if (late) return
      opened.setTime('08:59:00')
      late = await opened.job({ schedule: '0 * * * *' })
      opened.setTime('09:00:00')
      await ticker.onJobsChanged?.([{ jobId: late }], 1_000)
    },
  })
  await ticker.start()
  await clock.next()
  assert.ok(late && fired.includes(late))
  await ticker.stop()
})

test('one bad job never stops it: the others are attended to, and it tries again within a second', async () => {
  opened.setTime('08:30:00')
  const jobs = [await opened.job(), await opened.job(), await opened.job()]
  const [bad] = jobs
  opened.setTime('09:00:00')
  let isBad = true
  const { ticker, clock, fired, heartbeat, log } = setup({
    async fireDue(jobId) {
      if (isBad && jobId === bad) throw new TypeError('this job is bad')
    },
  })
  await ticker.start()
  assert.equal((await clock.next()).ms, 1_000)
  assert.deepEqual(fired.toSorted(), jobs.toSorted())
  assert.deepEqual([heartbeat().clean_tick_at, heartbeat().last_error], [null, 'TypeError'])
  assert.deepEqual(
    log.lines.map(({ level, fields }) => [level, fields['job']]),
    [['error', bad]],
  )
  isBad = false
  await clock.elapse()
  await clock.next()
  assert.equal(fired.at(-1), bad)
  assert.equal(fired.length, 4, 'those that were attended to are not due any more')
  assert.equal(heartbeat().last_error, null)
  await ticker.stop()
})

test('alive and the last clean tick are told apart, and kept in Postgres for whoever asks', async () => {
  opened.setTime('08:30:00')
  const bad = await opened.job()
  const { ticker, clock, heartbeat } = setup({
    async fireDue() {
      throw new RangeError('bad')
    },
  })
  await ticker.start()
  await clock.next()
  const clean = heartbeat()
  assert.equal(clean.clean_tick_at, clean.alive_at)
  assert.deepEqual((await opened.store.readFact(heartbeatFact))?.value, clean)
  opened.setTime('09:00:00')
  while (heartbeat().alive_at === clean.alive_at) {
    await clock.elapse()
    await clock.next()
  }
  const { alive_at, clean_tick_at, last_error } = heartbeat()
  assert.ok(alive_at > clean.alive_at, 'it is alive')
  assert.deepEqual([clean_tick_at, last_error], [clean.clean_tick_at, 'RangeError'], 'but not well')
  assert.deepEqual((await opened.store.readFact(heartbeatFact))?.value, heartbeat())
  assert.ok(bad)
  await ticker.stop()
})

for (const statement of ['overdueJobs', 'earliestWake', 'writeFact'] as const) {
  test(`a failure of ${statement} costs one clean tick, and the next one is a second later`, async () => {
    opened.setTime('08:30:00')
    const jobId = await opened.job()
    opened.setTime('09:00:00')
    let failures = 2
    const fail = async (...given: never[]) => {
      if (failures-- > 0) throw new Error('the database is away')
      return (opened.store[statement] as (...all: never[]) => Promise<never>)(...given)
    }
    const { ticker, clock, fired, heartbeat } = setup({ store: { [statement]: fail } })
    await ticker.start()
    assert.equal((await clock.next()).ms, 1_000)
    assert.equal(heartbeat().last_error, 'Error')
    assert.equal(await clock.elapse(), 1_000)
    assert.equal((await clock.next()).ms, 1_000)
    await clock.elapse()
    assert.notEqual((await clock.next()).ms, 1_000)
    assert.deepEqual(fired, [jobId])
    assert.equal(heartbeat().last_error, null)
    await ticker.stop()
  })
}

test('not even a log that throws stops it', async () => {
  opened.setTime('08:30:00')
  await opened.job()
  opened.setTime('09:00:00')
  const log = createTestLog()
  log.error = () => {
    throw new Error('the disk is full')
  }
  let isBad = true
  const { ticker, clock, fired } = setup({
    log,
    async fireDue() {
      if (isBad) throw new Error('bad')
    },
  })
  await ticker.start()
  assert.equal((await clock.next()).ms, 1_000)
  isBad = false
  await clock.elapse()
  assert.notEqual((await clock.next()).ms, 1_000)
  assert.equal(fired.length, 2)
  await ticker.stop()
})

test('without a job that needs it, it lets the process go; looking again prolongs nothing, a new job does', async () => {
  opened.setTime('08:30:00')
  const { ticker, clock, holds } = setup()
  let releases = 0
  holds.onFree(() => (releases += 1))
  await ticker.start()
  await clock.next()
  assert.deepEqual([holds.count(), releases], [0, 1])
  assert.equal(await clock.elapse(), 60_000)
  await clock.next()
  assert.deepEqual([holds.count(), releases], [0, 1])
  await opened.job()
  await clock.elapse()
  await clock.next()
  assert.deepEqual(holds.byKind(), { ticker: 1 }, 'made by another process')
  await ticker.stop()
})

test('it holds the process up from its start to its stop, and attends to nothing after that', async () => {
  opened.setTime('08:30:00')
  await opened.job()
  const { ticker, clock, holds, fired } = setup()
  assert.equal(holds.count(), 0)
  await ticker.start()
  await ticker.start()
  await clock.next()
  assert.deepEqual(holds.byKind(), { ticker: 1 })
  await ticker.stop()
  assert.deepEqual([holds.count(), clock.count()], [0, 0])
  opened.setTime('09:00:00')
  await ticker.onJobsChanged?.([{ jobId: 'a' }], 1)
  assert.deepEqual([clock.count(), fired], [0, []])
})

test('it is available whatever the configuration', () => {
  assert.equal(setup().ticker.isAvailable(), true)
})

test('fireDue attends to the job that it is given', async () => {
  opened.setTime('08:30:00')
  const jobId = await opened.job()
  opened.setTime('09:00:00')
  const { ticker, fired } = setup()
  await ticker.fireDue?.(jobId)
  assert.deepEqual(fired, [jobId])
})
