import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../src/ground/errors.ts'
import { at, createModel, hhmm, iso } from './model.ts'

const conflict = (error: unknown) => error instanceof AppError && error.code === 'JOB_STATE_CONFLICT'

test('a slot that was due under the old schedule is superseded, and the first one of the new is next', () => {
  const job = createModel()
  job.setTime('10:10')
  job.reschedule('30 * * * *')
  assert.deepEqual(job.foldLines(), ['09:00-10:00 x2 superseded'])
  assert.equal(hhmm(job.runtime().nextSlot), '10:30')
})

test('a changed schedule never names a slot again that was taken before', () => {
  const job = createModel()
  job.fire('08:59:30')
  assert.equal(hhmm(job.runtime().lastSlot), '09:00')
  job.settle({ state: 'succeeded' })
  job.setTime('08:59:40')
  job.reschedule('* * * * *')
  assert.equal(hhmm(job.runtime().nextSlot), '09:01')
})

test('a paused job stays paused under a new schedule, and the slots of its pause are skipped, not forgotten', () => {
  const job = createModel()
  job.pause()
  job.setTime('10:10')
  job.reschedule('30 * * * *')
  assert.equal(job.runtime().state, 'paused')
  assert.deepEqual(job.foldLines(), ['09:00-10:00 x2 skipped'])
  assert.equal(job.wakeAt(), null)
  job.setTime('11:10')
  job.resume()
  assert.deepEqual(job.foldLines(), ['09:00-10:00 x2 skipped', '10:30-10:30 x1 skipped'])
  assert.equal(hhmm(job.runtime().nextSlot), '11:30')
})

test('a live run goes on under a new schedule', () => {
  const job = createModel()
  job.fire('09:00')
  const decision = job.reschedule('30 * * * *')
  assert.deepEqual([decision?.runs, decision?.stops], [[], []])
  job.settle({ state: 'succeeded' })
  assert.deepEqual(job.runLines(), ['09:00 fire succeeded'])
})

test('a finished job comes alive under a schedule that has slots left', () => {
  const job = createModel({ schedule: '2026-06-18T09:00:00Z' })
  job.fire('09:00')
  job.settle({ state: 'succeeded' })
  assert.equal(job.runtime().state, 'completed')
  job.reschedule('2026-06-18T10:00:00Z')
  assert.equal(job.runtime().state, 'scheduled')
  assert.equal(hhmm(job.wakeAt()), '10:00')
})

test('a job that was stopped because its rule cannot be read comes alive under one that can', () => {
  const job = createModel()
  job.breakRule()
  assert.deepEqual([job.runtime().state, job.wakeAt()], ['error', null])
  job.setTime('10:10')
  job.reschedule('30 * * * *')
  assert.deepEqual([job.runtime().state, hhmm(job.wakeAt())], ['scheduled', '10:30'])
})

test('a one-shot that is moved to an instant a moment ago is due at once', () => {
  const job = createModel({ schedule: '2026-06-18T09:00:00Z' })
  job.reschedule('2026-06-18T08:29:00Z')
  assert.equal(hhmm(job.runtime().nextSlot), '08:29')
  assert.equal(job.tick()?.starts.length, 1)
})

test('a job whose repeats are used up stays finished under a new schedule, and comes alive with more repeats', () => {
  const job = createModel({ repeat: 1 })
  job.fire('09:00')
  job.settle({ state: 'succeeded' })
  job.reschedule('30 * * * *')
  assert.equal(job.runtime().state, 'completed')
  job.setTime('09:40')
  job.recount({ repeat: 2 })
  assert.equal(job.runtime().state, 'scheduled')
  assert.equal(hhmm(job.runtime().nextSlot), '10:30')
})

test('another number of repeats leaves a slot due that is due', () => {
  const job = createModel({ repeat: 5 })
  job.setTime('09:01')
  job.recount({ repeat: 3 })
  assert.equal(hhmm(job.runtime().nextSlot), '09:00')
  assert.equal(job.tick()?.starts.length, 1)
})

test('fewer repeats than were used end the job', () => {
  const job = createModel({ repeat: 5 })
  job.fire('09:00')
  job.settle({ state: 'succeeded' })
  job.recount({ repeat: 1 })
  assert.equal(job.runtime().state, 'completed')
  assert.equal(job.wakeAt(), null)
})

test('new bounds move a slot that is not due yet', () => {
  const job = createModel()
  job.recount({ policy: { startsAt: at('11:30') } })
  assert.equal(hhmm(job.runtime().nextSlot), '12:00')
  job.recount({ policy: { startsAt: null } })
  assert.equal(hhmm(job.runtime().nextSlot), '09:00')
  job.recount({ policy: { endsAt: at('08:59') } })
  assert.equal(job.runtime().nextSlot, null)
  assert.equal(job.runtime().state, 'completed')
})

test('a paused job runs nothing and wants no wake-up; its reason and its start are kept', () => {
  const job = createModel()
  job.pause()
  const { state, pausedAt, pausedReason } = job.runtime()
  assert.deepEqual([state, hhmm(pausedAt), pausedReason], ['paused', '08:30', 'asked'])
  assert.equal(job.wakeAt(), null)
  assert.equal(job.fire('09:00'), null)
})

test('pausing a paused job changes its end and not its start', () => {
  const job = createModel()
  job.pause()
  job.setTime('08:40')
  job.pause('09:30')
  assert.equal(hhmm(job.runtime().pausedAt), '08:30')
  assert.equal(hhmm(job.wakeAt()), '09:30')
})

test('a run that is live when its job is paused goes on; a retry of it waits for the pause to end', () => {
  const job = createModel({
    policy: { retry: { attempts: 2, backoff: 'fixed', delayMs: 60_000, maxDelayMs: 60_000, on: ['failed'] } },
  })
  job.fire('09:00')
  job.pause('09:30')
  assert.equal(iso(job.wakeAt()), '2026-06-18T09:05:02.000Z', 'the watchdog stays')
  job.settle({ state: 'failed' })
  assert.equal(hhmm(job.wakeAt()), '09:30')
  assert.equal(job.tick('09:02'), null)
  assert.equal(job.tick('09:30')?.starts[0]?.attempt, 2)
})

test('a resumed job skips what passed and is due at its next slot', () => {
  const job = createModel()
  job.pause()
  job.setTime('10:10')
  job.resume()
  assert.deepEqual(job.foldLines(), ['09:00-10:00 x2 skipped'])
  assert.equal(hhmm(job.wakeAt()), '11:00')
})

test('resuming an active job changes nothing', () => {
  assert.equal(createModel().resume(), null)
})

test('resuming clears the streak, so that the next failure does not pause the job at once', () => {
  const job = createModel({ policy: { pauseAfter: 2 } })
  for (const time of ['09:00', '10:00']) {
    job.fire(time)
    job.settle({ state: 'failed' })
  }
  assert.equal(job.runtime().state, 'paused')
  job.resume()
  assert.equal(job.runtime().failureStreak, 0)
})

test('a one-shot whose instant passed during its pause cannot be resumed', () => {
  const job = createModel({ schedule: '2026-06-18T09:00:00Z' })
  job.pause()
  job.setTime('09:00')
  assert.throws(() => job.resume(), conflict)
  const before = createModel({ schedule: '2026-06-18T09:00:00Z' })
  before.pause()
  before.setTime('08:59:59')
  before.resume()
  assert.equal(hhmm(before.wakeAt()), '09:00')
})

test('a finished job can be neither paused nor resumed', () => {
  const job = createModel({ repeat: 1 })
  job.fire('09:00')
  job.settle({ state: 'succeeded' })
  assert.throws(() => job.pause(), conflict)
  assert.throws(() => job.resume(), conflict)
})

test('a manual run claims no slot and leaves the schedule as it is', () => {
  const job = createModel({ repeat: 3 })
  const decision = job.runNow()
  assert.deepEqual(
    decision?.starts.map(({ slot, trigger, fence }) => [slot, trigger, fence]),
    [[null, 'manual', 1]],
  )
  const { nextSlot, lastSlot, slotsUsed } = job.runtime()
  assert.deepEqual([hhmm(nextSlot), lastSlot, slotsUsed], ['09:00', null, 0])
  assert.equal(iso(job.wakeAt()), '2026-06-18T08:35:02.000Z', 'its watchdog')
  job.settle({ state: 'succeeded' })
  assert.equal(hhmm(job.wakeAt()), '09:00')
})

test('a manual run of a paused job runs, and leaves the job paused without a wake-up', () => {
  const job = createModel()
  job.pause()
  job.runNow()
  assert.equal(job.runtime().state, 'paused')
  job.settle({ state: 'succeeded' })
  assert.deepEqual([job.runtime().state, job.wakeAt()], ['paused', null])
})

test('a manual run is refused while as many runs are live as the job allows', () => {
  const busy = createModel()
  busy.fire('09:00')
  assert.throws(() => busy.runNow(), conflict)
  const roomy = createModel({ policy: { overlap: 'allow', maxLive: 2 } })
  roomy.fire('09:00')
  roomy.runNow()
  assert.throws(() => roomy.runNow(), conflict)
})

test('a manual run of a finished job leaves it finished', () => {
  const job = createModel({ repeat: 1 })
  job.fire('09:00')
  job.settle({ state: 'succeeded' })
  job.runNow()
  assert.equal(job.runtime().state, 'completed')
  job.settle({ state: 'succeeded' })
  assert.equal(job.runtime().state, 'completed')
  assert.equal(job.wakeAt(), null)
})

test('a cancelled run is over at once, is no failure, and its holder is told to stop', () => {
  const job = createModel()
  const [run] = job.fire('09:00')?.starts ?? []
  const decision = job.cancel()
  assert.deepEqual(decision?.stops, [run?.id])
  assert.deepEqual(job.runLines(), ['09:00 fire cancelled'])
  const { lastStatus, failureStreak } = job.runtime()
  assert.deepEqual([lastStatus, failureStreak], [null, 0])
  assert.equal(hhmm(job.wakeAt()), '10:00')
})

test('cancelling a run that is over decides nothing', () => {
  const job = createModel()
  const [run] = job.fire('09:00')?.starts ?? []
  job.settle({ state: 'succeeded' })
  assert.equal(job.cancel(run?.id), null)
})

test('the last run of a job, cancelled, finishes the job', () => {
  const job = createModel({ repeat: 1 })
  job.fire('09:00')
  job.cancel()
  assert.equal(job.runtime().state, 'completed')
})

test('a run that is given back before it began is due at once, and its attempt does not count', () => {
  const job = createModel()
  job.fire('09:00')
  job.release()
  const run = job.theRun()
  assert.deepEqual([run.state, run.leased, run.attempt, run.attempts], ['claimed', false, 0, []])
  assert.equal(hhmm(job.wakeAt()), '09:00')
  const decision = job.tick('09:00:01')
  assert.deepEqual(
    decision?.starts.map(({ attempt, fence }) => [attempt, fence]),
    [[1, 2]],
  )
})

test('a run is given back only by the fence that holds it', () => {
  const job = createModel()
  const [run] = job.fire('09:00')?.starts ?? []
  job.release()
  assert.equal(job.release(run?.id), null, 'nobody holds it now')
})
