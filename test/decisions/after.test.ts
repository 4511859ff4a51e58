import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../src/ground/errors.ts'
import { createModel, iso, type ModelOptions } from './model.ts'

const succeeded = { state: 'succeeded', output: 'done' } as const
const failed = { state: 'failed', error: { code: 'HTTP_STATUS', message: 'answered 500' } } as const
const follower = 'bbbbbbbbbbbb'

function conflictOf(work: () => unknown): string | null {
  try {
    work()
    return null
  } catch (error) {
    assert.ok(error instanceof AppError)
    return error.code
  }
}

for (const [on, started] of [
  [['success'], ['success', 'recovery']],
  [['failure'], ['failure', 'failure']],
  [['always'], ['success', 'failure', 'failure', 'recovery']],
  [
    ['success', 'failure'],
    ['success', 'failure', 'failure', 'recovery'],
  ],
] as const) {
  test(`on ${on.join(' and ')}: a follower is started by each such outcome, also by failures in a row`, () => {
    const model = createModel({ dependents: [{ id: follower, on: [...on] }] })
    for (const [n, outcome] of [succeeded, failed, failed, succeeded].entries()) {
      model.fire(`${String(n + 9).padStart(2, '0')}:00`)
      model.settle(outcome)
      while (model.view().deliveries.length > 0) model.delivered({ state: 'delivered' })
    }
    assert.deepEqual(
      model.deliveryLines(),
      started.map((event) => `${follower} ${event} delivered 1`),
    )
  })
}

test('a follower is started although the output is silent, and although nobody is told', () => {
  const model = createModel({ deliver: 'none', dependents: [{ id: follower, on: ['success'] }] })
  model.fire('09:00')
  model.settle({ state: 'succeeded', output: '[SILENT]' })
  assert.deepEqual(model.deliveryLines(), [`${follower} success pending 1`])
})

test('a run that was cancelled, or had nothing to do, starts nobody', () => {
  const model = createModel({ dependents: [{ id: follower, on: ['always'] }] })
  model.fire('09:00')
  model.cancel()
  model.fire('10:00')
  model.settle({ state: 'succeeded', skippedReason: 'nothing new' })
  assert.deepEqual(model.deliveryLines(), [])
})

test('a job that only another one starts has no wake time of its own, and is never finished by itself', () => {
  const model = createModel({ schedule: 'after' })
  assert.deepEqual(
    [model.runtime().state, model.runtime().nextSlot, model.wakeAt()],
    ['scheduled', null, null],
  )
  model.startAfter()
  assert.deepEqual(model.runLines(), ['none after claimed'])
  assert.equal(model.theRun().input, 'of the run ahead')
  model.settle(failed)
  assert.deepEqual([model.runtime().state, model.wakeAt()], ['scheduled', null])
  assert.equal(model.fire('12:00', '12:00'), null)
})

test('the number of repeats counts runs that another job has started, not those that a person has', () => {
  const model = createModel({ schedule: 'after', repeat: 2 })
  model.runNow()
  model.settle(succeeded)
  model.startAfter()
  model.settle(succeeded)
  assert.equal(model.runtime().state, 'scheduled')
  model.startAfter()
  assert.equal(model.runtime().state, 'scheduled', 'the last run is live')
  model.settle(succeeded)
  assert.equal(model.runtime().state, 'completed')
  assert.equal(conflictOf(model.startAfter), 'JOB_STATE_CONFLICT')
})

test('more repeats bring a finished follower back', () => {
  const model = createModel({ schedule: 'after', repeat: 1 })
  model.startAfter()
  model.settle(succeeded)
  model.recount({ repeat: 2 })
  assert.equal(model.runtime().state, 'scheduled')
  assert.equal(conflictOf(model.startAfter), null)
})

test('no more runs than the repeats begin, also where several may be live', () => {
  const model = createModel({ schedule: 'after', repeat: 1, policy: { overlap: 'allow', maxLive: 5 } })
  model.startAfter()
  assert.equal(conflictOf(model.startAfter), 'JOB_STATE_CONFLICT')
  assert.equal(model.runtime().slotsUsed, 1)
})

test('a job with a schedule as well keeps it, and its repeats count slots only', () => {
  const model = createModel({ repeat: 1 })
  model.startAfter()
  model.settle(succeeded)
  assert.deepEqual(
    [model.runtime().slotsUsed, iso(model.runtime().nextSlot)],
    [0, '2026-06-18T09:00:00.000Z'],
  )
})

test('a paused job is not started by another one', () => {
  const model = createModel({ schedule: 'after' })
  model.pause()
  assert.equal(conflictOf(model.startAfter), 'JOB_STATE_CONFLICT')
  model.resume()
  assert.equal(conflictOf(model.startAfter), null)
})

const busy: [NonNullable<ModelOptions['policy']>, string | null][] = [
  [{ overlap: 'skip' }, 'JOB_STATE_CONFLICT'],
  [{ overlap: 'queue' }, 'JOB_BUSY'],
  [{ overlap: 'cancel_running' }, 'JOB_STATE_CONFLICT'],
  [{ overlap: 'allow', maxLive: 2 }, null],
]
for (const [policy, code] of busy) {
  test(`a job whose run is live, overlap ${policy.overlap}: ${code ?? 'another one begins'}`, () => {
    const model = createModel({ schedule: 'after', policy })
    model.startAfter()
    assert.equal(conflictOf(model.startAfter), code)
  })
}

test('what a person starts is refused where a run is live, also where it may be queued', () => {
  const model = createModel({ schedule: 'after', policy: { overlap: 'queue' } })
  model.startAfter()
  assert.equal(conflictOf(model.runNow), 'JOB_STATE_CONFLICT')
})

test('a run that another job has started is tried again as any other', () => {
  const retry = {
    attempts: 2,
    backoff: 'fixed',
    delayMs: 60_000,
    maxDelayMs: 60_000,
    on: ['failed'],
  } as const
  const model = createModel({ schedule: 'after', policy: { retry: { ...retry, on: [...retry.on] } } })
  model.startAfter()
  model.settle(failed)
  assert.equal(iso(model.wakeAt()), '2026-06-18T08:31:00.000Z')
  model.fire('08:31')
  model.settle(succeeded)
  assert.deepEqual(model.runLines(), ['none after succeeded'])
  assert.equal(model.runtime().slotsUsed, 1)
})
