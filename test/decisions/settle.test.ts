import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Policy, settle } from '../../src/decisions/index.ts'
import { createModel, hhmm } from './model.ts'

const retry = (change: Partial<Policy['retry']> = {}): Partial<Policy> => ({
  retry: {
    attempts: 3,
    backoff: 'fixed',
    delayMs: 60_000,
    maxDelayMs: 600_000,
    on: ['failed', 'timed_out', 'interrupted'],
    ...change,
  },
})
const failed = { state: 'failed', error: { code: 'HTTP_STATUS', message: '500' } } as const

function fired(policy: Partial<Policy> = {}) {
  const job = createModel({ policy })
  job.fire('09:00')
  return job
}

/** Seconds from now until the run's next attempt. */
function waitS(job: ReturnType<typeof createModel>): number {
  const dueAt = job.theRun().attemptDueAt
  assert.ok(dueAt)
  return (dueAt.getTime() - job.now().getTime()) / 1000
}

test('a success finishes the run and clears the streak', () => {
  const job = fired()
  job.settle(failed)
  job.fire('10:00')
  assert.equal(job.runtime().failureStreak, 1)
  job.settle({ state: 'succeeded' })
  const { lastStatus, lastError, failureStreak, lastRunAt } = job.runtime()
  assert.deepEqual([lastStatus, lastError, failureStreak, hhmm(lastRunAt)], ['ok', null, 0, '10:00'])
  assert.deepEqual(job.runLines(), ['09:00 fire failed', '10:00 fire succeeded'])
})

test("a failure without retries finishes the run, and its error is the job's last", () => {
  const job = fired()
  job.settle(failed)
  assert.equal(job.runtime().lastStatus, 'error')
  assert.equal(job.runtime().lastError, 'HTTP_STATUS: 500')
  assert.deepEqual(job.runLines(), ['09:00 fire failed'])
})

test('a failure that is tried again leaves the run live, without a lease, and counts nothing yet', () => {
  const job = fired(retry())
  job.settle(failed)
  const run = job.theRun()
  assert.deepEqual([run.state, run.leased, run.attempt, run.finished], ['claimed', false, 1, false])
  assert.equal(job.runtime().failureStreak, 0)
  assert.equal(job.runtime().lastStatus, null)
})

test('the next attempt is taken when it is due and not before, under a new fence', () => {
  const job = fired(retry())
  job.settle(failed)
  const dueAt = job.theRun().attemptDueAt as Date
  job.setTime(new Date(dueAt.getTime() - 1))
  assert.equal(job.tick(), null)
  job.setTime(dueAt)
  assert.deepEqual(
    job.tick()?.starts.map(({ attempt, fence }) => [attempt, fence]),
    [[2, 2]],
  )
})

test('a fixed delay stays the same from attempt to attempt', () => {
  const job = fired(retry({ attempts: 4 }))
  for (let attempt = 1; attempt < 4; attempt++) {
    job.settle(failed)
    assert.equal(waitS(job), 60)
    job.setTime(job.theRun().attemptDueAt as Date)
    job.tick()
  }
})

test('an exponential delay doubles, with up to a quarter of spread, and never passes its cap', () => {
  const job = fired(retry({ attempts: 9, backoff: 'exponential' }))
  for (let attempt = 1; attempt < 9; attempt++) {
    job.settle(failed)
    const nominal = Math.min(60 * 2 ** (attempt - 1), 600)
    assert.ok(
      waitS(job) >= nominal * 0.75 && waitS(job) <= Math.min(nominal * 1.25, 600),
      `attempt ${attempt}: ${waitS(job)} s`,
    )
    job.setTime(job.theRun().attemptDueAt as Date)
    job.tick()
    job.renew()
  }
})

test('the same attempt of the same run waits equally long, however often that is decided', () => {
  const job = fired(retry({ backoff: 'exponential' }))
  const { id: runId, fence } = job.theRun()
  const decide = () => settle(job.view(), { runId, fence, outcome: failed })?.runs[0]?.attemptDueAt
  assert.deepEqual(decide(), decide())
})

test("the target's Retry-After is waited for, also where it is longer than the cap", () => {
  const job = fired(retry())
  job.settle({ ...failed, retryAfterMs: 3_600_000 })
  assert.equal(waitS(job), 3_600)
})

test('a Retry-After that is shorter than the back-off does not shorten it', () => {
  const job = fired(retry())
  job.settle({ ...failed, retryAfterMs: 1_000 })
  assert.equal(waitS(job), 60)
})

test('a failure that is final is not tried again', () => {
  const job = fired(retry())
  job.settle({ ...failed, final: true })
  assert.deepEqual(job.runLines(), ['09:00 fire failed'])
})

test('an outcome that the policy does not name is not tried again', () => {
  const job = fired(retry({ on: ['timed_out'] }))
  job.settle(failed)
  assert.deepEqual(job.runLines(), ['09:00 fire failed'])
  const other = fired(retry({ on: ['timed_out'] }))
  other.settle({ state: 'timed_out' })
  assert.deepEqual(other.runLines(), ['09:00 fire claimed'])
})

test('the last attempt that the policy grants finishes the run, and every attempt is told in order', () => {
  const job = fired(retry({ attempts: 2 }))
  job.settle(failed)
  job.setTime(job.theRun().attemptDueAt as Date)
  job.tick()
  job.settle({ state: 'timed_out' })
  assert.deepEqual(job.runLines(), ['09:00 fire timed_out'])
  const [run] = job.runs.values()
  assert.deepEqual(
    run?.attempts.map(({ attempt, fence, state }) => [attempt, fence, state]),
    [
      [1, 1, 'failed'],
      [2, 2, 'timed_out'],
    ],
  )
  assert.equal(
    job.runtime().failureStreak,
    1,
    'a run that failed is one failure, however many attempts it had',
  )
})

test('a job pauses itself after so many failures in a row, and says why', () => {
  const job = createModel({ policy: { pauseAfter: 2 } })
  job.fire('09:00')
  job.settle(failed)
  assert.equal(job.runtime().state, 'scheduled')
  job.fire('10:00')
  job.settle(failed)
  const { state, pausedReason, resumeAt } = job.runtime()
  assert.deepEqual(
    [state, pausedReason, resumeAt],
    ['paused', '2 failures in a row; the last: HTTP_STATUS: 500', null],
  )
  assert.equal(job.wakeAt(), null)
})

test('a run that kills its process each time pauses its job too: the attempt was counted at the claim', () => {
  const job = createModel({ policy: { pauseAfter: 2 } })
  job.fire('09:00')
  job.fire('09:05:02')
  job.fire('10:00')
  job.fire('10:05:02')
  assert.equal(job.runtime().state, 'paused')
})

test('a success between two failures starts the count again', () => {
  const job = createModel({ policy: { pauseAfter: 2 } })
  for (const [time, outcome] of [
    ['09:00', failed],
    ['10:00', { state: 'succeeded' }],
    ['11:00', failed],
  ] as const) {
    job.fire(time)
    job.settle(outcome)
  }
  assert.equal(job.runtime().state, 'scheduled')
})

test('a stale fence decides nothing: after another claim, after the lease was taken back, after the end', () => {
  const job = fired(retry({ on: ['interrupted'], delayMs: 0 }))
  const { id: runId } = job.theRun()
  const settleBy = (fence: number) => settle(job.view(), { runId, fence, outcome: { state: 'succeeded' } })
  job.fire('09:05:02')
  assert.equal(job.theRun().fence, 2)
  assert.equal(settleBy(1), null, 'another claim')
  assert.ok(settleBy(2))
  job.settle({ state: 'interrupted' })
  assert.equal(settleBy(2), null, 'it waits, so nobody holds it')
  job.cancel()
  assert.equal(settleBy(2), null, 'it is over')
  assert.equal(settle(job.view(), { runId: 'another', fence: 2, outcome: { state: 'succeeded' } }), null)
})

test('an attempt that is settled after its lease, before anybody looked, still counts', () => {
  const job = fired()
  job.setTime('09:20')
  job.settle({ state: 'succeeded' })
  assert.deepEqual(job.runLines(), ['09:00 fire succeeded'])
})
