import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jitterMs } from '../../src/decisions/index.ts'
import { at, createModel, hhmm, iso } from './model.ts'
import { assertTook } from '../support/limits.ts'

test('a slot that is due becomes a run under a new fence, and the next slot moves on', () => {
  const job = createModel()
  const decision = job.fire('09:00')
  assert.deepEqual(job.runLines(), ['09:00 fire claimed'])
  assert.deepEqual(
    decision?.starts.map(({ attempt, fence }) => [attempt, fence]),
    [[1, 1]],
  )
  assert.equal(hhmm(job.runtime().lastSlot), '09:00')
  assert.equal(hhmm(job.runtime().nextSlot), '10:00')
  assert.equal(job.runtime().slotsUsed, 1)
})

test('where nothing is due nothing is decided', () => {
  const job = createModel()
  assert.equal(job.fire('08:58:59'), null)
  assert.equal(job.tick('08:59:59'), null)
})

test('a fire up to 60 s before its slot takes it', () => {
  for (const [time, isTaken] of [
    ['08:59:00', true],
    ['08:59:59', true],
    ['08:58:59', false],
  ] as const) {
    const job = createModel()
    assert.equal(job.fire(time, '09:00') !== null, isTaken, time)
  }
})

test('the built-in ticker takes no slot early', () => {
  const job = createModel()
  assert.equal(job.tick('08:59:59'), null)
  assert.ok(job.tick('09:00'))
})

test('a repeated fire of a minute job does not take the next minute, although that is less than 60 s away', () => {
  const job = createModel({ schedule: '* * * * *', now: '08:59:30' })
  job.fire('09:00', '09:00')
  job.settle({ state: 'succeeded' })
  for (const time of ['09:00:01', '09:00:30', '09:00:59']) assert.equal(job.fire(time, '09:00'), null, time)
  assert.ok(job.fire('09:00:59', '09:01'), 'the fire of 09:01 may come early')
})

test('a fire without an instant counts as meant for the slot that is nearest to now', () => {
  const job = createModel({ schedule: '* * * * *', now: '08:59:30' })
  job.fire('09:00', '09:00')
  job.settle({ state: 'succeeded' })
  job.setTime('09:00:20')
  assert.equal(job.look({ fireAt: null }), null)
  job.setTime('09:00:40')
  assert.ok(job.look({ fireAt: null }))
})

test('no slot is taken early while a run stands in its way: whether it does is judged when the slot is due', () => {
  for (const overlap of ['skip', 'queue', 'cancel_running'] as const) {
    const job = createModel({ schedule: '* * * * *', now: '08:59:30', policy: { overlap } })
    job.fire('09:00', '09:00')
    assert.equal(job.fire('09:00:40', '09:01'), null, overlap)
    assert.deepEqual(job.runLines(), ['09:00 fire claimed'], overlap)
    job.settle({ state: 'succeeded' })
    assert.ok(job.fire('09:00:50', '09:01'), overlap)
    assert.deepEqual(job.runLines(), ['09:00 fire succeeded', '09:01 fire claimed'], overlap)
  }
})

test('a run whose lease has ended is interrupted by whoever looks', () => {
  const job = createModel()
  job.fire('09:00')
  assert.equal(job.fire('09:04:59', '09:00'), null, 'the lease lasts')
  const decision = job.fire('09:05', '09:00')
  assert.deepEqual(job.runLines(), ['09:00 fire interrupted'])
  assert.equal(decision?.runs[0]?.error?.code, 'LEASE_LAPSED')
  assert.deepEqual(decision?.stops, [decision?.runs[0]?.id])
  assert.equal(job.runtime().lastStatus, 'error')
})

test('a run whose lease was renewed is left alone, however long it takes', () => {
  const job = createModel()
  job.fire('09:00')
  for (const time of ['09:04', '09:08', '09:12', '09:16']) {
    assert.equal(job.fire(time, '09:05:02'), null, time)
    job.renew()
  }
})

test('a lapsed run is tried again where its policy says so, under a new fence, counting the lost attempt', () => {
  const retry = { attempts: 2, backoff: 'fixed', delayMs: 0, maxDelayMs: 0, on: ['interrupted'] } as const
  const job = createModel({ policy: { retry: { ...retry, on: ['interrupted'] } } })
  job.fire('09:00')
  const decision = job.fire('09:05:02')
  assert.deepEqual(
    decision?.starts.map(({ attempt, fence }) => [attempt, fence]),
    [[2, 2]],
  )
  assert.deepEqual(
    job.theRun().attempts.map(({ state, fence }) => [state, fence]),
    [['interrupted', 1]],
  )
  job.fire('09:10:04')
  assert.deepEqual(job.runLines(), ['09:00 fire interrupted'])
  assert.equal(job.theRun([...job.runs.keys()][0]).attempts.length, 2)
})

test('a timed pause ends at its instant, and the slots of the pause are skipped with their count', () => {
  const job = createModel()
  job.pause('11:30')
  assert.equal(job.fire('11:29:59'), null)
  job.fire('11:30')
  assert.equal(job.runtime().state, 'scheduled')
  assert.deepEqual(job.foldLines(), ['09:00-11:00 x3 skipped'])
  assert.equal(job.folds[0]?.reason, 'paused: the job was paused')
  assert.equal(hhmm(job.runtime().nextSlot), '12:00')
})

test('a pause without an end lasts, whatever fires', () => {
  const job = createModel()
  job.pause()
  assert.equal(job.fire('12:00'), null)
  assert.equal(job.tick('12:00'), null)
})

test('of the slots that passed, the latest runs and the others are missed, in one fold with their exact number', () => {
  const job = createModel()
  job.fire('14:10')
  assert.deepEqual(job.runLines(), ['14:00 catch_up claimed'])
  assert.deepEqual(job.foldLines(), ['09:00-13:00 x5 missed'])
  assert.equal(job.folds[0]?.reason, 'a later slot was due too')
  assert.equal(hhmm(job.runtime().nextSlot), '15:00')
})

test('a latest slot within the grace of half its period runs; later than that it is missed, and says why', () => {
  const inTime = createModel()
  inTime.fire('09:30')
  assert.deepEqual(inTime.runLines(), ['09:00 fire claimed'])
  const late = createModel()
  late.fire('09:30:01')
  assert.deepEqual(late.runLines(), [])
  assert.deepEqual(late.foldLines(), ['09:00-09:00 x1 missed'])
  assert.equal(late.folds[0]?.reason, 'no process handled it in time')
  assert.equal(hhmm(late.runtime().nextSlot), '10:00')
})

test('the grace is 2 minutes at the least and 2 hours at the most', () => {
  const minutely = (time: string) =>
    createModel({ schedule: '* * * * *', now: '08:59:30', policy: { endsAt: at('09:05') } }).fire(time)
  assert.equal(minutely('09:07')?.starts.length, 1)
  assert.equal(minutely('09:07:01')?.starts.length, 0)
  const daily = (time: string) => createModel({ schedule: '0 9 * * *' }).fire(time)
  assert.equal(daily('11:00')?.starts.length, 1)
  assert.equal(daily('11:00:01')?.starts.length, 0)
})

test('a year of missed minutes costs one fold with the exact count', () => {
  const job = createModel({ schedule: '* * * * *', now: '2026-01-01T00:00:30Z' })
  const startedAt = performance.now()
  job.setTime('2027-01-01T00:00:00Z')
  job.look({})
  assertTook(performance.now() - startedAt, 1_000)
  assert.deepEqual(
    job.folds.map(({ count }) => count),
    [365 * 1440 - 1],
  )
  assert.equal(iso(job.theRun().slot), '2027-01-01T00:00:00.000Z')
})

test('with catch-up "all" each passed slot runs, one after the other, oldest first', () => {
  const job = createModel({ policy: { catchUp: 'all' } })
  for (const slot of ['09:00', '10:00', '11:00']) {
    job.fire('11:10')
    assert.equal(hhmm(job.theRun().slot), slot)
    job.settle({ state: 'succeeded' })
  }
  assert.equal(job.fire('11:10'), null)
  assert.deepEqual(job.foldLines(), [])
})

test('with catch-up "all" the newest so many run, and those before them are missed', () => {
  const job = createModel({ policy: { catchUp: 'all', catchUpMax: 2 } })
  job.fire('14:10')
  assert.deepEqual(job.foldLines(), ['09:00-12:00 x4 missed'])
  assert.equal(job.folds[0]?.reason, 'more slots were missed than catch_up allows')
  assert.deepEqual(job.runLines(), ['13:00 catch_up claimed'])
})

test('with catch-up "none" a slot that is 2 minutes late is missed', () => {
  const late = createModel({ policy: { catchUp: 'none' } })
  late.fire('09:02:01')
  assert.deepEqual(late.foldLines(), ['09:00-09:00 x1 missed'])
  const inTime = createModel({ policy: { catchUp: 'none' } })
  inTime.fire('09:02')
  assert.deepEqual(inTime.runLines(), ['09:00 fire claimed'])
})

test('a deadline takes the place of the grace', () => {
  const policy = { deadlineMs: 10_000 }
  assert.equal(createModel({ policy }).fire('09:00:10')?.starts.length, 1)
  assert.equal(createModel({ policy }).fire('09:00:11')?.starts.length, 0)
  assert.equal(createModel({ policy: { deadlineMs: 3_000_000 } }).fire('09:50')?.starts.length, 1)
})

test('a one-shot runs however late it is, unless it has a deadline', () => {
  const schedule = '2026-06-18T09:00:00Z'
  const job = createModel({ schedule })
  job.setTime('2026-08-01T00:00:00Z')
  assert.equal(job.look({})?.starts.length, 1)
  const bound = createModel({ schedule, policy: { deadlineMs: 60_000 } })
  bound.fire('09:01:01')
  assert.deepEqual(bound.foldLines(), ['09:00-09:00 x1 missed'])
  assert.equal(bound.runtime().state, 'completed')
  assert.equal(bound.wakeAt(), null)
})

test('a job whose repeats are used up is finished when its last run is settled, and wants no wake-up', () => {
  const job = createModel({ repeat: 2 })
  job.fire('09:00')
  job.settle({ state: 'succeeded' })
  job.fire('10:00')
  assert.equal(job.runtime().nextSlot, null)
  assert.equal(job.runtime().state, 'scheduled', 'its run is live')
  job.settle({ state: 'succeeded' })
  assert.equal(job.runtime().state, 'completed')
  assert.equal(job.wakeAt(), null)
  assert.equal(job.fire('11:00'), null)
})

test('startsAt and endsAt are the first and the last instant at which a slot may lie, both included', () => {
  const job = createModel({ policy: { startsAt: at('10:00'), endsAt: at('11:00') } })
  assert.equal(hhmm(job.runtime().nextSlot), '10:00')
  job.fire('10:00')
  job.settle({ state: 'succeeded' })
  job.fire('11:00')
  assert.equal(job.runtime().nextSlot, null)
  job.settle({ state: 'succeeded' })
  assert.equal(job.runtime().state, 'completed')
})

test('slots that passed unattended after endsAt are not counted as missed', () => {
  const job = createModel({ policy: { endsAt: at('11:00') } })
  job.fire('16:00')
  assert.deepEqual(job.foldLines(), ['09:00-10:00 x2 missed', '11:00-11:00 x1 missed'])
})

test('the jitter of a job is the same for each of its slots, within its bound, and spreads jobs', () => {
  const spread = ['000000000001', 'ab12cd34ef56', 'ffffffffffff'].map((id) => {
    const job = createModel({ id, policy: { jitterMs: 30_000 } })
    const ms = jitterMs(job.job())
    assert.ok(ms >= 0 && ms <= 30_000)
    assert.equal(job.tick(new Date(at('09:00').getTime() + ms - 1).toISOString()), null)
    job.tick(new Date(at('09:00').getTime() + ms).toISOString())
    assert.equal(hhmm(job.theRun().slot), '09:00')
    assert.equal(iso(job.runtime().nextSlot), at('10:00').toISOString(), 'jitter moves the run, not the slot')
    return ms
  })
  assert.equal(new Set(spread).size, 3)
})
