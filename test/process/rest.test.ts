import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRest } from '../../src/run/rest.ts'

test('a job is at rest when all that was under way for it has ended, well or not', async () => {
  const rest = createRest()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  rest.during('a', first.promise)
  rest.during('a', second.promise)
  assert.equal(rest.of('b'), null)
  let isAtRest = false
  const waiting = rest.of('a')?.then(() => {
    isAtRest = true
  })
  first.resolve()
  await new Promise(setImmediate)
  assert.equal(isAtRest, false)
  second.reject(new Error('broken'))
  await waiting
  assert.equal(rest.of('a'), null)
})
