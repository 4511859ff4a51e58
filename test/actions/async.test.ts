import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, callbackUrl, setup } from './setup.ts'

const callback = { deadline_ms: 3_600_000 }

test('a 202 of a call with a callback waits for the report until the deadline', async (t) => {
  const { target, call, waits } = await setup(t)
  target.behave('/', { does: 'status', value: 202, body: 'queued' })
  const outcome = await call('/', { callback, body: { report_to: '{{callback_url}}', n: '{{attempt}}' } })
  assert.equal(outcome.state, 'waiting')
  assert.equal(outcome.waitMs, callback.deadline_ms)
  assert.equal(bodyOf(outcome), 'queued')
  const [sent] = target.calls
  assert.equal(sent?.headers['x-chronos-callback'], callbackUrl)
  assert.deepEqual(JSON.parse(sent.body), { report_to: callbackUrl, n: 2 })
  assert.deepEqual(waits, [callback.deadline_ms])
})

test('in a URL the callback is one value', async (t) => {
  const { target, call } = await setup(t)
  await call('/?to={{callback_url}}', { callback })
  assert.equal(target.calls[0]?.path, `/?to=${encodeURIComponent(callbackUrl)}`)
})

for (const { status, state } of [
  { status: 200, state: 'succeeded' },
  { status: 204, state: 'succeeded' },
  { status: 500, state: 'failed' },
]) {
  test(`a ${status} of a call with a callback ends it at once`, async (t) => {
    const { target, call } = await setup(t)
    target.behave('/', { does: 'status', value: status })
    const outcome = await call('/', { callback })
    assert.equal(outcome.state, state)
    assert.equal(outcome.waitMs, undefined)
  })
}

test('a 202 waits though only 200 is named as success', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/', { does: 'status', value: 202 })
  assert.equal((await call('/', { callback, success: ['200'] })).state, 'waiting')
})

test('without a callback a 202 is an answer as any other, and nothing names one', async (t) => {
  const { target, call, waits } = await setup(t)
  target.behave('/', { does: 'status', value: 202 })
  const outcome = await call('/', { body: '<{{callback_url}}>' })
  assert.equal(outcome.state, 'succeeded')
  const [sent] = target.calls
  assert.equal(sent?.body, '<>')
  assert.equal(sent.headers['x-chronos-callback'], undefined)
  assert.deepEqual(waits, [])
})

test('an author cannot say where to report', async (t) => {
  const { target, call } = await setup(t)
  await call('/', { callback, headers: { 'X-Chronos-Callback': 'https://evil.example/' } })
  assert.equal(target.calls[0]?.headers['x-chronos-callback'], callbackUrl)
})

for (const deadline_ms of [0, -1, '5', undefined]) {
  test(`a deadline of ${deadline_ms} is a final failure`, async (t) => {
    const { target, call } = await setup(t)
    const outcome = await call('/', { callback: { deadline_ms } })
    assert.equal(outcome.error?.code, 'ACTION_INVALID')
    assert.equal(target.calls.length, 0)
  })
}
