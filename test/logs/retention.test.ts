import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRetention } from '../../src/attempt-logs/retention.ts'
import { createManualDelays } from '../fly/delays.ts'

function setup({ isDraining = false } = {}) {
  const delays = createManualDelays()
  const pruned: string[] = []
  const warnings: object[] = []
  let fails = false
  const retention = createRetention({
    delays,
    isDraining: () => isDraining,
    log: { warn: (fields) => void warnings.push(fields) },
    async prune(jobId) {
      if (fails) throw new Error('away')
      pruned.push(jobId)
    },
  })
  return { retention, delays, pruned, warnings, fail: () => void (fails = true) }
}

test('a process that is not up for a minute never prunes', async () => {
  const { retention, delays, pruned } = setup()
  await delays.pass(59_999)
  retention.settled('a')
  assert.deepEqual(pruned, [])
})

test('a warm process prunes after a settle, and then not for ten minutes', async () => {
  const { retention, delays, pruned } = setup()
  await delays.pass(60_000)
  for (const job of ['a', 'b']) retention.settled(job)
  await delays.pass(599_999)
  retention.settled('c')
  await delays.pass(1)
  retention.settled('d')
  assert.deepEqual(pruned, ['a', 'd'])
  assert.equal(delays.waiting(), 0)
})

test('a process that goes down does not prune', async () => {
  const { retention, delays, pruned } = setup({ isDraining: true })
  await delays.pass(60_000)
  retention.settled('a')
  assert.deepEqual(pruned, [])
})

test('a failure is warned of, and is nobody else’s', async () => {
  const { retention, delays, warnings, fail } = setup()
  fail()
  await delays.pass(60_000)
  retention.settled('a')
  await delays.pass(0)
  assert.equal(warnings.length, 1)
})
