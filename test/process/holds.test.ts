import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHolds } from '../../src/ground/holds.ts'

test('a hold counts from its taking to its release, by its kind', () => {
  const holds = createHolds()
  const run = holds.take('run')
  const arm = holds.take('arm')
  assert.deepEqual(
    [holds.count(), holds.count('run'), holds.count('run', 'arm'), holds.count('timer')],
    [2, 1, 2, 0],
  )
  run()
  assert.deepEqual(holds.byKind(), { arm: 1 })
  arm()
  assert.deepEqual([holds.count(), holds.byKind()], [0, {}])
})

test('a hold that is released twice counts once', () => {
  const holds = createHolds()
  const [one] = [holds.take('run'), holds.take('run')]
  one()
  one()
  assert.equal(holds.count(), 1)
})

test('listeners are told each time the last hold is released, and at no other time', () => {
  const holds = createHolds()
  let told = 0
  holds.onFree(() => (told += 1))
  const [one, other] = [holds.take('run'), holds.take('arm')]
  one()
  assert.equal(told, 0)
  other()
  assert.equal(told, 1)
  holds.take('run')()
  assert.equal(told, 2)
})

test('work is held until it settles, also where it fails', async () => {
  const holds = createHolds()
  const { promise, reject } = Promise.withResolvers<void>()
  const held = holds.during('arm', promise)
  assert.equal(holds.count('arm'), 1)
  reject(new Error('no'))
  await assert.rejects(held, /no/)
  assert.equal(holds.count(), 0)
})

test('who waits for a release goes on at the next one', async () => {
  const holds = createHolds()
  const [one] = [holds.take('run'), holds.take('run')]
  const released = holds.released()
  one()
  await released
  assert.equal(holds.count(), 1)
})
