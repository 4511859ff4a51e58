import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jitterMs, leaseMarginMs, rearm } from '../../src/decisions/index.ts'
import { at, createModel, hhmm, iso, leaseMs } from './model.ts'

const retry = { attempts: 2, backoff: 'fixed', delayMs: 60_000, maxDelayMs: 60_000, on: ['failed'] } as const
const policy = { retry: { ...retry, on: ['failed' as const] } }

test('an active job needs a process at its next slot', () => {
  assert.equal(hhmm(createModel().wakeAt()), '09:00')
})

test('the jitter of a job is part of its wake time', () => {
  const job = createModel({ id: 'ab12cd34ef56', policy: { jitterMs: 60_000 } })
  job.pause()
  job.resume()
  assert.equal(job.wakeAt()?.getTime(), at('09:00').getTime() + jitterMs(job.job()))
  assert.ok(jitterMs(job.job()) > 0)
})

test('a claim moves the wake time to the end of its lease and a margin, where that is before the next slot', () => {
  const job = createModel()
  const decision = job.fire('09:00')
  assert.equal(
    hhmm(decision?.wakeTerm ?? null),
    '10:00',
    'the write adds the lease, from the clock of Postgres',
  )
  assert.equal(job.wakeAt()?.getTime(), at('09:00').getTime() + leaseMs + leaseMarginMs)
})

test('the next slot stays the wake time where it comes before the end of the lease', () => {
  const job = createModel({ schedule: '* * * * *', now: '08:59:30' })
  job.fire('09:00')
  assert.equal(hhmm(job.wakeAt()), '09:01')
})

test('of several live runs the lease that ends first counts', () => {
  const job = createModel({
    schedule: '*/2 * * * *',
    now: '08:59:30',
    policy: { overlap: 'allow', maxLive: 5 },
  })
  job.fire('09:00')
  job.fire('09:02')
  job.fire('09:04')
  job.pause()
  assert.equal(iso(job.wakeAt()), '2026-06-18T09:05:02.000Z')
})

test('the watchdog that fires while the run is fine is answered with the end of the renewed lease', () => {
  const job = createModel()
  job.fire('09:00')
  job.setTime('09:04')
  job.renew()
  job.setTime('09:05:02')
  assert.equal(job.fire(), null)
  job.write(rearm(job.view()))
  assert.equal(iso(job.wakeAt()), '2026-06-18T09:09:02.000Z')
})

test('an attempt that waits is a wake time, with no process alive in between', () => {
  const job = createModel({ policy })
  job.fire('09:00')
  job.settle({ state: 'failed' })
  assert.equal(hhmm(job.wakeAt()), '09:01')
})

test('the end of a timed pause is a wake time, and while it lasts the next slot is none', () => {
  const job = createModel()
  job.pause('11:30')
  assert.equal(hhmm(job.wakeAt()), '11:30')
})

test('with nothing to come the wake time is empty: paused for good, finished, or out of slots', () => {
  const paused = createModel()
  paused.pause()
  assert.equal(paused.wakeAt(), null)
  const finished = createModel({ repeat: 1 })
  finished.fire('09:00')
  finished.settle({ state: 'succeeded' })
  assert.equal(finished.wakeAt(), null)
})

test('the last run of a job has its watchdog although no slot is left', () => {
  const job = createModel({ schedule: '2026-06-18T09:00:00Z' })
  job.fire('09:00')
  assert.equal(iso(job.wakeAt()), '2026-06-18T09:05:02.000Z')
  job.fire('09:05:02')
  assert.deepEqual(job.runLines(), ['09:00 fire interrupted'])
  assert.equal(job.runtime().state, 'completed')
})
