import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Decision, noPlace } from '../../src/decisions/index.ts'
import type { HeldRun } from '../../src/run/leases.ts'
import type { OwedCounts } from '../../db/index.ts'
import { createWatch } from '../../src/process/health.ts'
import { createSigns } from '../../src/process/signs.ts'
import { type HealthRecord, recordAfter } from '../../src/process/health-record.ts'
import { type Facts, type Health, judge, judgeCounts, type Reason } from '../../src/process/judge.ts'
import { createManualDelays } from '../fly/delays.ts'

const well: Facts = {
  wait: null,
  skipped: 0,
  starts: { count: 100, p99LateMs: 200 },
  deliveries: { delivered: 10, failed: 0 },
  lost: 0,
  timer: null,
  keys: null,
}
const told = (facts: Partial<Facts>) =>
  judge({ ...well, ...facts }).map(({ code, health }) => `${code} ${health}`)

test('each reason has its bound', () => {
  assert.deepEqual(told({}), [])
  assert.deepEqual(told({ wait: { ms: 60_000, periodMs: 60_000 } }), [])
  assert.deepEqual(told({ wait: { ms: 60_001, periodMs: 60_000 } }), ['BACKLOG degraded'])
  assert.deepEqual(told({ wait: { ms: 9_000, periodMs: 1_000 } }), [], 'a few seconds are no backlog')
  assert.deepEqual(told({ wait: { ms: 300_001, periodMs: 86_400_000 } }), ['BACKLOG degraded'])
  assert.deepEqual(told({ wait: { ms: 300_001, periodMs: null } }), ['BACKLOG degraded'])
  assert.deepEqual(told({ skipped: 1 }), ['SLOTS_SKIPPED degraded'])
  assert.deepEqual(told({ skipped: 20 }), ['SLOTS_SKIPPED failing'])
  assert.deepEqual(told({ skipped: 20, starts: { count: 1_000, p99LateMs: 0 } }), ['SLOTS_SKIPPED degraded'])
  assert.deepEqual(told({ starts: { count: 20, p99LateMs: 30_001 } }), ['LATE degraded'])
  assert.deepEqual(told({ starts: { count: 20, p99LateMs: 300_001 } }), ['LATE failing'])
  assert.deepEqual(told({ starts: { count: 19, p99LateMs: 300_001 } }), [], 'too few to say so')
  assert.deepEqual(told({ deliveries: { delivered: 2, failed: 1 } }), [])
  assert.deepEqual(told({ deliveries: { delivered: 1, failed: 1 } }), ['DELIVERIES_FAILING degraded'])
  assert.deepEqual(told({ lost: 1 }), ['WAKES_LOST degraded'])
  assert.deepEqual(told({ timer: { message: 'x', isRefused: false } }), ['TIMER_FAILING degraded'])
  assert.deepEqual(told({ timer: { message: 'x', isRefused: true } }), ['TIMER_REFUSED failing'])
  assert.deepEqual(told({ keys: { message: 'x' } }), ['KEYS_FAILING degraded'])
})

test('what Postgres has of all processes is judged as well', () => {
  const now = new Date('2026-06-18T10:00:00Z')
  const ago = (ms: number) => new Date(now.getTime() - ms)
  const codes = (counts: object, isKeyWrong = false) =>
    judgeCounts({ ...quiet, now, ...counts }, { isKeyWrong }).map(({ code, health }) => `${code} ${health}`)
  assert.deepEqual(codes({}), [])
  assert.deepEqual(codes({ armsOwed: 1, oldestOwedSince: ago(59_000) }), [])
  assert.deepEqual(codes({ armsOwed: 1, oldestOwedSince: ago(61_000) }), ['ARMS_OWED degraded'])
  assert.deepEqual(codes({ armsOwed: 1, oldestOwedSince: ago(601_000) }), ['ARMS_OWED failing'])
  assert.deepEqual(codes({ lost: 1, waiting: { runs: 2, since: ago(61_000) } }), [
    'WAKES_LOST degraded',
    'BACKLOG degraded',
  ])
  assert.deepEqual(codes({}, true), ['ENCRYPTION_KEY_WRONG degraded'])
})

const quiet = { armsOwed: 0, oldestOwedSince: null, lost: 0, waiting: { runs: 0, since: null } }

function watching() {
  const delays = createManualDelays()
  const now = new Date('2026-06-18T10:00:00Z')
  /** What Postgres says when it is asked, how often it was, and whether something is held. */
  const postgres = { says: { ...quiet, now } as OwedCounts | null, asked: 0, isHeld: false }
  const found: string[] = []
  const failing: Pick<Facts, 'wait' | 'timer' | 'keys'> = { wait: null, timer: null, keys: null }
  const signs = createSigns(delays)
  const watch = createWatch({
    ...{ signs, delays, isHeld: () => postgres.isHeld },
    now: () => failing,
    async owed() {
      postgres.asked += 1
      if (!postgres.says) throw new Error('no database')
      return postgres.says
    },
    found: ({ health, reasons, isNew }) =>
      void found.push(`${health}${reasons.map(({ code }) => ` ${code}`).join('')}${isNew ? '' : ' (again)'}`),
  })
  const skip = () => signs.decided({ runs: [{ reason: noPlace }], deliveries: [] } as unknown as Decision)
  const owes = (ms: number) => ({ ...quiet, now, armsOwed: 1, oldestOwedSince: new Date(now.getTime() - ms) })
  return { delays, signs, watch, found, failing, skip, postgres, owes }
}

test('what goes wrong is told at the next look, again each minute, and its end when ten minutes are over', async () => {
  const { delays, watch, found, skip } = watching()
  watch.look()
  skip()
  watch.look()
  assert.deepEqual(found, ['degraded SLOTS_SKIPPED'], 'also right after another look')
  await delays.pass(6_000)
  watch.look()
  assert.equal(found.length, 1, 'no news')
  await delays.pass(60_000)
  watch.look()
  assert.equal(found.at(-1), 'degraded SLOTS_SKIPPED (again)')
  await delays.pass(660_000)
  watch.look()
  assert.equal(found.at(-1), 'ok')
  assert.equal(delays.waiting(), 0, 'nothing polls')
})

test('a timer that fails once and is well again is no news; one that goes on failing is', async () => {
  const { delays, watch, found, failing } = watching()
  failing.timer = { message: 'NAS_FAILED', isRefused: false }
  watch.look()
  failing.timer = null
  await delays.pass(10_000)
  watch.look()
  failing.timer = { message: 'NAS_FAILED', isRefused: false }
  await delays.pass(25_000)
  watch.look()
  assert.deepEqual(found, [])
  await delays.pass(30_000)
  watch.look()
  assert.deepEqual(found, ['degraded TIMER_FAILING'])
})

test('of a hundred late starts the latest counts; later attempts and starts by hand do not', async () => {
  const { delays, signs, watch, found } = watching()
  const began = (lateMs: number, { attempt = 1, slot = true } = {}) => {
    const now = new Date('2026-06-18T10:00:00Z')
    const write = { attempt, slot: slot ? new Date(now.getTime() - lateMs) : null }
    const job = { id: '000000000000', policy: { jitterMs: 0 } }
    signs.began({ write, look: { view: { now, job } }, heardAt: delays.now() } as unknown as HeldRun)
  }
  for (let n = 0; n < 98; n++) began(100)
  began(60_000, { attempt: 2 })
  began(60_000, { slot: false })
  watch.look()
  assert.deepEqual(found, [])
  began(60_000)
  began(60_000)
  await delays.pass(5_000)
  watch.look()
  assert.deepEqual(found, ['degraded LATE'])
})

test('one process tells of what became worse, no two within a quarter of an hour, and its end is recorded', () => {
  let record: HealthRecord | null = null
  let now = new Date('2026-06-18T10:00:00Z').getTime()
  const reasons: Reason[] = []
  const see = (health: Health, owner = 'a') => {
    const next = recordAfter(record, { health, reasons, owner }, new Date(now))
    if (next) record = next.record
    return next && `${next.record.health} by ${next.record.owner}${next.tells ? ', told' : ''}`
  }
  const minutes = (n: number) => (now += n * 60_000)
  assert.equal(see('ok'), null, 'no row for a service that is well')
  assert.equal(see('degraded'), 'degraded by a, told')
  assert.equal(see('degraded', 'b'), 'degraded by b')
  minutes(1)
  assert.equal(see('failing'), 'failing by a')
  assert.equal(see('degraded', 'b'), null, 'another one sees worse')
  minutes(15)
  assert.equal(see('failing'), 'failing by a, told', 'it is still worse than what was told')
  minutes(1)
  assert.equal(see('ok', 'b'), null)
  assert.equal(see('ok'), 'ok by a')
  assert.equal(see('degraded'), 'degraded by a', 'it was told a minute ago')
  minutes(14)
  assert.equal(see('degraded'), 'degraded by a, told')
  minutes(16)
  assert.equal(see('degraded', 'c'), 'degraded by c, told', 'all that saw it are gone: it is news')
})

test('what only Postgres knows is asked for once a minute, not in the first one, and told at a change', async () => {
  const { delays, watch, found, postgres, owes } = watching()
  postgres.says = owes(61_000)
  watch.look()
  await delays.pass(59_000)
  watch.look()
  assert.deepEqual([found, postgres.asked], [[], 0], 'a lone wake asks nothing')
  await delays.pass(1_000)
  watch.look()
  watch.look()
  await delays.pass(0)
  assert.deepEqual([found, postgres.asked], [['degraded ARMS_OWED'], 1])
  assert.deepEqual(watch.reasons(), [], 'it is not what this process has seen')
  postgres.says = owes(601_000)
  await delays.pass(60_000)
  watch.look()
  await delays.pass(0)
  assert.equal(found.at(-1), 'failing ARMS_OWED')
  postgres.says = null
  await delays.pass(60_000)
  watch.look()
  await delays.pass(0)
  assert.equal(found.at(-1), 'failing ARMS_OWED (again)', 'a database that does not answer says nothing new')
  postgres.says = { ...owes(0), armsOwed: 0, oldestOwedSince: null }
  await delays.pass(60_000)
  watch.look()
  await delays.pass(0)
  assert.equal(found.at(-1), 'ok')
})

test('a process that something holds for long looks by itself, until it is free or goes down', async () => {
  const { delays, watch, found, postgres, owes } = watching()
  postgres.isHeld = true
  watch.look()
  watch.look()
  assert.equal(delays.waiting(), 1)
  postgres.says = owes(61_000)
  await delays.pass(60_000)
  assert.deepEqual(found, ['degraded ARMS_OWED'])
  postgres.isHeld = false
  await delays.pass(60_000)
  assert.equal(delays.waiting(), 0)
  postgres.isHeld = true
  watch.look()
  watch.stop()
  watch.look()
  assert.equal(delays.waiting(), 0)
})

test('jobs that the timer did not call for are told at once, and for ten minutes', async () => {
  const { delays, signs, watch, found } = watching()
  watch.look()
  signs.lost(3)
  watch.look()
  assert.deepEqual(found, ['degraded WAKES_LOST'])
  assert.match(watch.reasons()[0]?.message ?? '', /for 3 jobs/)
  await delays.pass(660_000)
  watch.look()
  await delays.pass(0)
  assert.equal(found.at(-1), 'ok')
})
