import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realDelays, sleep, within } from '../../src/ground/delays.ts'
import { createTestDelays } from '../schedulers/setup.ts'

test('a sleep ends with its timer, and leaves none behind', async () => {
  const { delays, elapse, count } = createTestDelays()
  const slept = sleep(delays, 70)
  assert.equal(await elapse(), 70)
  await slept
  assert.equal(count(), 0)
})

test('a sleep ends at once where its signal aborts, and takes its timer back', async () => {
  const { delays, count } = createTestDelays()
  const stop = new AbortController()
  const slept = sleep(delays, 70, stop.signal)
  stop.abort()
  await slept
  assert.equal(count(), 0)
  await sleep(delays, 70, stop.signal)
  assert.equal(count(), 0, 'nor is one begun once it has aborted')
})

test('work that is done in time gives its result, and the timer is taken back', async () => {
  const { delays, count } = createTestDelays()
  assert.equal(await within(delays, 70, Promise.resolve('done'), 'late'), 'done')
  await new Promise(setImmediate)
  assert.equal(count(), 0)
})

test('work that is not done in time gives the fallback, and goes on', async () => {
  const { delays, elapse } = createTestDelays()
  const { promise, resolve } = Promise.withResolvers<string>()
  const answer = within(delays, 70, promise, 'late')
  await elapse()
  assert.equal(await answer, 'late')
  resolve('done')
  assert.equal(await promise, 'done')
})

test('work that fails in time rejects', async () => {
  await assert.rejects(within(createTestDelays().delays, 70, Promise.reject(new Error('no')), 'late'), /no/)
})

test('work that fails after its time disturbs nobody', async () => {
  const { delays, elapse } = createTestDelays()
  const { promise, reject } = Promise.withResolvers<string>()
  const answer = within(delays, 70, promise, 'late')
  await elapse()
  assert.equal(await answer, 'late')
  reject(new Error('too late to matter'))
  await new Promise(setImmediate)
})

test('a real timer that is taken back never goes off', async () => {
  let wentOff = false
  realDelays.after(1, () => (wentOff = true))()
  await new Promise<void>((resolve) => void realDelays.after(5, resolve))
  assert.equal(wentOff, false)
})
