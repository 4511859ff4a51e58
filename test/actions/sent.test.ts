import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, setup, slot, someRun } from './setup.ts'

test('a call is a POST that says which job, run, slot, attempt and fence it is for', async (t) => {
  const { target, call } = await setup(t)
  const outcome = await call('/work')
  assert.equal(outcome.state, 'succeeded')
  assert.match(outcome.output ?? '', /^HTTP 200 in \d+ ms\n\nok$/)
  const [sent] = target.calls
  assert.equal(sent?.method, 'POST')
  assert.equal(sent.path, '/work')
  assert.equal(sent.body, '')
  assert.equal(sent.headers['user-agent'], 'chronos/test')
  assert.equal(sent.headers['idempotency-key'], 'ab12cd34ef56:2026-06-18T12:00:00.000Z')
  assert.equal(sent.headers['x-chronos-job'], 'ab12cd34ef56')
  assert.equal(sent.headers['x-chronos-run'], someRun.id)
  assert.equal(sent.headers['x-chronos-slot'], slot.toISOString())
  assert.equal(sent.headers['x-chronos-attempt'], '2')
  assert.equal(sent.headers['x-chronos-fence'], '7')
})
