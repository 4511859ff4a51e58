import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noPlace } from '../../src/decisions/index.ts'
import { createModel, hhmm } from './model.ts'

test('skip: a slot that comes while a run is live is skipped, with a row and a reason', () => {
  const job = createModel()
  job.fire('09:00')
  job.begin()
  job.setTime('09:59')
  job.renew()
  const decision = job.fire('10:00')
  assert.deepEqual(job.runLines(), ['09:00 fire running', '10:00 fire skipped'])
  assert.equal(decision?.runs[0]?.reason, 'overlap: the previous run was still live')
  assert.deepEqual(decision?.starts, [])
  assert.equal(job.runtime().slotsUsed, 1, 'a skipped slot uses up no repeat')
})

test('skip: the reason says if the run before has not begun for want of a place', () => {
  const job = createModel()
  job.fire('09:00')
  job.setTime('09:59')
  job.renew()
  const decision = job.fire('10:00')
  assert.deepEqual(job.runLines(), ['09:00 fire claimed', '10:00 fire skipped'])
  assert.equal(decision?.runs[0]?.reason, noPlace)
})

test('skip: a run that waits for its next attempt stands in the way as well', () => {
  const job = createModel({ policy: { retry: retryAfter(7_200_000) } })
  job.fire('09:00')
  job.settle({ state: 'failed' })
  job.fire('10:00')
  assert.deepEqual(job.runLines(), ['09:00 fire claimed', '10:00 fire skipped'])
})

test('queue: one slot waits for the live run, a second one is skipped', () => {
  const job = createModel({ policy: { overlap: 'queue' } })
  job.fire('09:00')
  job.begin()
  job.setTime('09:59')
  job.renew()
  job.fire('10:00')
  job.setTime('10:59')
  job.renew()
  const decision = job.fire('11:00')
  assert.deepEqual(job.runLines(), ['09:00 fire running', '10:00 fire claimed', '11:00 fire skipped'])
  assert.equal(decision?.runs[0]?.reason, 'overlap: one run was live and one was queued')
})

test('queue: the waiting run is due at once when the live one is settled', () => {
  const job = createModel({ policy: { overlap: 'queue' } })
  const [first] = job.fire('09:00')?.starts ?? []
  job.setTime('09:59')
  job.renew()
  job.fire('10:00')
  job.setTime('10:01')
  assert.equal(job.tick(), null, 'it is blocked')
  assert.notEqual(hhmm(job.wakeAt()), '10:00', 'and asks for no wake-up of its own')
  job.settle({ state: 'succeeded' }, first?.id)
  assert.equal(hhmm(job.wakeAt()), '10:00')
  job.tick()
  assert.deepEqual(job.theRun().attempt, 1)
  assert.equal(hhmm(job.theRun().slot), '10:00')
})

test('allow: as many runs are live as the job allows, and the next slot is skipped', () => {
  const job = createModel({
    schedule: '* * * * *',
    now: '08:59:30',
    policy: { overlap: 'allow', maxLive: 2 },
  })
  job.fire('09:00')
  job.fire('09:01')
  job.fire('09:02')
  assert.deepEqual(job.runLines(), ['09:00 fire claimed', '09:01 fire claimed', '09:02 fire skipped'])
  assert.deepEqual([...job.runs.values()].map(({ fence }) => fence).slice(0, 2), [1, 2])
})

test('cancel_running: the newer slot takes the place of the live run', () => {
  const job = createModel({ policy: { overlap: 'cancel_running' } })
  const [first] = job.fire('09:00')?.starts ?? []
  job.setTime('09:59')
  job.renew()
  const decision = job.fire('10:00')
  assert.deepEqual(job.runLines(), ['09:00 fire cancelled', '10:00 fire claimed'])
  assert.deepEqual(decision?.stops, [first?.id])
  assert.equal(job.runtime().failureStreak, 0, 'a cancelled run is no failure')
})

test('cancel_running: a run between two attempts is cancelled too, and its attempt is told once', () => {
  const job = createModel({ policy: { overlap: 'cancel_running', retry: retryAfter(7_200_000) } })
  const [first] = job.fire('09:00')?.starts ?? []
  job.settle({ state: 'failed' })
  job.fire('10:00')
  assert.deepEqual(job.runLines(), ['09:00 fire cancelled', '10:00 fire claimed'])
  assert.deepEqual(
    job.runs.get(first?.id ?? '')?.attempts.map(({ attempt, state }) => [attempt, state]),
    [[1, 'failed']],
  )
})

function retryAfter(delayMs: number) {
  return { attempts: 2, backoff: 'fixed' as const, delayMs, maxDelayMs: delayMs, on: ['failed' as const] }
}
