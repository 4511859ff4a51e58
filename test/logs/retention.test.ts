import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRetention } from '../../src/attempt-logs/retention.ts'
import { createManualTimers } from '../fly/timers.ts'

function setup({ isDraining = false } = {}) {
  const timers = createManualTimers()
  const pruned: string[] = []
  const warnings: object[] = []
  let fails = false
  const retention = createRetention({
    timers,
    isDraining: () => isDraining,
    log: { warn: (fields) => void warnings.push(fields) },
    async prune(jobId) {
      if (fails) throw new Error('away')
      pruned.push(jobId)
    },
  })
  return { retention, timers, pruned, warnings, fail: () => void (fails = true) }
}

test('a process that is not up for a minute never prunes', async () => {
  const { retention, timers, pruned } = setup()
  await timers.pass(59_999)
  retention.settled('a')
  assert.deepEqual(pruned, [])
})

test('a warm process prunes after a settle, and then not for ten minutes', async () => {
  const { retention, timers, pruned } = setup()
  await timers.pass(60_000)
  for (const job of ['a', 'b']) retention.settled(job)
  await timers.pass(599_999)
  retention.settled('c')
  await timers.pass(1)
  retention.settled('d')
  assert.deepEqual(pruned, ['a', 'd'])
  assert.equal(timers.waiting(), 0)
})

test('a process that goes down does not prune', async () => {
  const { retention, timers, pruned } = setup({ isDraining: true })
  await timers.pass(60_000)
  retention.settled('a')
  assert.deepEqual(pruned, [])
})

test('a failure is warned of, and is nobody else’s', async () => {
  const { retention, timers, warnings, fail } = setup()
  fail()
  await timers.pass(60_000)
  retention.settled('a')
  await timers.pass(0)
  assert.equal(warnings.length, 1)
})
