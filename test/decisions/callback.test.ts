import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../../src/decisions/index.ts'
import { createModel, iso, type ModelOptions } from './model.ts'

const waitMs = 3_600_000
const waiting = { state: 'waiting', waitMs } as const
const failed = { state: 'failed', error: { code: 'TARGET_FAILED', message: 'no' } } as const
const retry = (attempts: number) => ({
  retry: {
    attempts,
    backoff: 'fixed' as const,
    delayMs: 60_000,
    maxDelayMs: 60_000,
    on: ['failed' as const, 'timed_out' as const],
  },
})

/** A job whose run of 09:00 has been taken by its target until 10:00. The next slot is a day later. */
function taken(options: ModelOptions = {}) {
  const model = createModel({ schedule: '0 9 * * *', ...options })
  model.fire('09:00')
  const { id, fence } = model.theRun()
  model.settle(waiting)
  return { model, id, fence, run: () => model.theRun(id) }
}

test('a run whose target reports later waits without a lease, and the wake time is its deadline', () => {
  const { model, run } = taken()
  const { state, leaseUntil, finished, attempts } = run()
  assert.deepEqual(
    { state, leaseUntil, finished, attempts },
    { state: 'waiting', leaseUntil: null, finished: false, attempts: [] },
  )
  assert.equal(iso(run().callbackUntil), '2026-06-18T10:00:00.000Z')
  assert.equal(iso(model.wakeAt()), '2026-06-18T10:00:00.000Z')
})

test('a slot before the deadline is the wake time', () => {
  const { model } = taken({ schedule: '*/10 9 * * *' })
  assert.equal(iso(model.wakeAt()), '2026-06-18T09:10:00.000Z')
})

for (const outcome of [{ state: 'succeeded', output: 'done' }, failed] as const) {
  test(`a report ends the run: ${outcome.state}`, () => {
    const { model, run } = taken({ deliver: 'team' })
    model.setTime('09:30')
    model.settle(outcome)
    assert.deepEqual([run().state, run().callbackUntil, run().attempts.length], [outcome.state, null, 1])
    assert.equal(model.runtime().lastStatus, outcome.state === 'failed' ? 'error' : 'ok')
    assert.equal(model.deliveryLines().length, 1)
  })
}

test('a report is taken once', () => {
  const { model, id, fence } = taken()
  model.settle(failed)
  assert.equal(settle(model.view(), { runId: id, fence, outcome: failed }), null)
})

test('a report of a failure is tried again where the policy says so, and the address of the attempt before is stale', () => {
  const { model, id, fence, run } = taken({ policy: retry(2) })
  model.settle(failed)
  assert.deepEqual([run().state, iso(run().attemptDueAt)], ['claimed', '2026-06-18T09:01:00.000Z'])
  const repeated = { runId: id, fence, outcome: { state: 'succeeded' } } as const
  assert.equal(settle(model.view(), repeated), null, 'while the next attempt is due')
  model.fire('09:01')
  assert.equal(run().attempt, 2)
  assert.equal(settle(model.view(), repeated), null, 'while it is held')
  model.settle(waiting)
  assert.equal(settle(model.view(), repeated), null, 'while it waits')
  model.settle({ state: 'succeeded' })
  assert.equal(run().state, 'succeeded')
})

test('a report that comes before the 202 is written ends the run, and the 202 changes nothing any more', () => {
  for (const attempts of [1, 2]) {
    const model = createModel({ policy: retry(attempts) })
    model.fire('09:00')
    const { id, fence } = model.theRun()
    model.settle(failed)
    assert.equal(settle(model.view(), { runId: id, fence, outcome: waiting }), null)
    assert.equal(model.theRun(id).state, attempts === 1 ? 'failed' : 'claimed')
  }
})

test('at the deadline the attempt has timed out, by whoever looks first and not before', () => {
  const { model, run, fence, id } = taken({ deliver: 'team' })
  assert.equal(model.fire('09:59:59'), null)
  model.fire('10:00')
  assert.deepEqual([run().state, run().error?.code], ['timed_out', 'CALLBACK_TIMEOUT'])
  assert.deepEqual(model.deliveryLines(), ['team failure pending 1'])
  assert.equal(settle(model.view(), { runId: id, fence, outcome: { state: 'succeeded' } }), null)
})

test('a deadline that has passed is tried again where the policy says so', () => {
  const { model, run } = taken({ policy: retry(2) })
  model.fire('10:00')
  assert.deepEqual([run().state, iso(run().attemptDueAt)], ['claimed', '2026-06-18T10:01:00.000Z'])
})

test('a run that waits can be cancelled, and nobody is told', () => {
  const { model, run, id, fence } = taken({ deliver: 'team' })
  model.cancel()
  assert.deepEqual([run().state, run().callbackUntil, model.deliveryLines()], ['cancelled', null, []])
  assert.equal(settle(model.view(), { runId: id, fence, outcome: { state: 'succeeded' } }), null)
})

test('a run that waits is live: the next slot is skipped, queued or beside it as the job says', () => {
  for (const [overlap, line] of [
    ['skip', '09:10 fire skipped'],
    ['queue', '09:10 fire claimed'],
    ['allow', '09:10 fire claimed'],
  ] as const) {
    const { model } = taken({ schedule: '*/10 9 * * *', policy: { overlap, maxLive: 2 } })
    model.fire('09:10')
    assert.equal(model.runLines()[1], line)
    assert.equal(model.theRun([...model.runs.keys()][1]).attempt, overlap === 'allow' ? 1 : 0)
  }
})

test('a pause lets a target report, and its deadline still ends the run', () => {
  for (const time of ['09:30', '10:00'] as const) {
    const { model, run } = taken()
    model.pause()
    assert.equal(iso(model.wakeAt()), '2026-06-18T10:00:00.000Z')
    model.setTime(time)
    if (time === '10:00') model.fire(time)
    else model.settle({ state: 'succeeded' })
    assert.equal(run().state, time === '10:00' ? 'timed_out' : 'succeeded')
    assert.equal(model.runtime().state, 'paused')
  }
})

test('a job without another slot is finished when its target has reported', () => {
  const { model } = taken({ repeat: 1 })
  assert.equal(model.runtime().state, 'scheduled')
  model.settle({ state: 'succeeded' })
  assert.deepEqual([model.runtime().state, model.wakeAt()], ['completed', null])
})
