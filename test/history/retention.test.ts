import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRetention } from '../../src/history/retention.ts'
import { tend } from '../../src/history/tend.ts'
import { createManualDelays } from '../fly/delays.ts'

function setup({ isDraining = false } = {}) {
  const delays = createManualDelays()
  const passes: number[] = []
  const warnings: object[] = []
  let fails = false
  const retention = createRetention({
    delays,
    isDraining: () => isDraining,
    log: { warn: (fields) => void warnings.push(fields) },
    async tend(mostMs) {
      if (fails) throw new Error('away')
      passes.push(mostMs)
    },
  })
  return { retention, delays, passes, warnings, fail: () => void (fails = true) }
}

test('a process that is not up for a minute does not look after history, but at its exit', async () => {
  const { retention, delays, passes } = setup()
  await delays.pass(59_999)
  retention.settled()
  assert.deepEqual(passes, [])
  await retention.atExit()
  assert.deepEqual(passes, [1_000])
})

test('a warm process looks after history when a run has ended, and then not for a minute', async () => {
  const { retention, delays, passes } = setup()
  await delays.pass(60_000)
  retention.settled()
  retention.settled()
  await delays.pass(59_999)
  retention.settled()
  assert.equal(passes.length, 1)
  await delays.pass(1)
  retention.settled()
  assert.deepEqual(passes, [10_000, 10_000])
  assert.equal(delays.waiting(), 0)
})

test('a process that goes down does not begin a pass', async () => {
  const { retention, delays, passes } = setup({ isDraining: true })
  await delays.pass(60_000)
  retention.settled()
  assert.deepEqual(passes, [])
})

test('an exit does not wait for a database that does not answer', async () => {
  const delays = createManualDelays()
  const retention = createRetention({
    delays,
    isDraining: () => false,
    log: { warn: () => undefined },
    tend: () => new Promise(() => {}),
  })
  let isOut = false
  const leaving = retention.atExit().then(() => (isOut = true))
  await delays.pass(4_999)
  assert.equal(isOut, false)
  await delays.pass(1)
  await leaving
})

test('a failure is warned of, and stops neither a run nor an exit', async () => {
  const { retention, delays, warnings, fail } = setup()
  fail()
  await delays.pass(60_000)
  retention.settled()
  await delays.pass(0)
  await retention.atExit()
  assert.equal(warnings.length, 2)
})

/** A store whose steps have so much to do, and what was called. */
function steps(left: Record<'fold' | 'prune' | 'purge' | 'expire' | 'closeLost', number>, passed = () => {}) {
  const called: string[] = []
  const step = (name: keyof typeof left) => async () => {
    called.push(name)
    passed()
    left[name] -= 1
    return left[name] >= 0
  }
  const store = {
    ...{ fold: step('fold'), prune: step('prune'), purge: step('purge'), expire: step('expire') },
    closeLost: step('closeLost'),
    tended: async () => {
      called.push('tended')
      return [] as never
    },
  }
  return { store, called }
}

test('a pass takes every kind of step until it has nothing to do, adding up first', async () => {
  const { store, called } = steps({ fold: 1, prune: 2, purge: 0, expire: 1, closeLost: 1 })
  assert.equal(await tend({ store, now: () => 0, isDraining: () => false }, 100), true)
  const expected = [
    'fold',
    'fold',
    'prune',
    'prune',
    'prune',
    'purge',
    'expire',
    'expire',
    'closeLost',
    'closeLost',
    'tended',
  ]
  assert.deepEqual(called, expected)
})

test('a pass ends when its time is over or the process goes down, and is not noted as done', async () => {
  let now = 0
  const late = steps({ fold: 9, prune: 9, purge: 9, expire: 9, closeLost: 9 }, () => (now += 60))
  assert.equal(await tend({ store: late.store, now: () => now, isDraining: () => false }, 100), false)
  assert.deepEqual(late.called, ['fold', 'fold'])
  const leaving = steps({ fold: 9, prune: 9, purge: 9, expire: 9, closeLost: 9 })
  assert.equal(await tend({ store: leaving.store, now: () => 0, isDraining: () => true }, 100), false)
  assert.deepEqual(leaving.called, ['fold'])
})
