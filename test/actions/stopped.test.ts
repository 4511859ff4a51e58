import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { setup } from './setup.ts'

const stops = [
  { code: 'CANCELLED', state: 'cancelled' },
  { code: 'LEASE_LOST', state: 'interrupted' },
  { code: 'DRAINING', state: 'interrupted' },
  { code: 'DEADLINE', state: 'timed_out' },
]

for (const { code, state } of stops) {
  test(`${code} in mid-call ends it as ${state}`, async (t) => {
    const { target, call } = await setup(t)
    target.behave('/', { does: 'hang' })
    const controller = new AbortController()
    const attempt = call('/', {}, { signal: controller.signal })
    await target.waitFor(1)
    controller.abort(reason(code))
    const outcome = await attempt
    assert.equal(outcome.state, state)
    assert.equal(outcome.error?.code, code)
    assert.match(outcome.error.message, /, after \d+ ms, before it answered$/)
  })
}

test('an abort while the body is read ends it too', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/', { does: 'stall' })
  const controller = new AbortController()
  const attempt = call('/', {}, { signal: controller.signal })
  await target.waitFor(1)
  setTimeout(() => controller.abort(reason('CANCELLED')), 100)
  const outcome = await attempt
  assert.equal(outcome.state, 'cancelled')
  assert.match(outcome.error?.message ?? '', /after it answered 200/)
})

test('an attempt that is stopped before it starts sends nothing', async (t) => {
  const { target, call } = await setup(t)
  const outcome = await call('/', {}, { signal: AbortSignal.abort(reason('LEASE_LOST')) })
  assert.equal(outcome.state, 'interrupted')
  assert.equal(target.calls.length, 0)
})

test('an abort without a known code is our bug, and thrown', async (t) => {
  const { call } = await setup(t)
  await assert.rejects(call('/', {}, { signal: AbortSignal.abort() }), /without a known code/)
})

test('an abort still reaches a call that garbage collection has passed over', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  assert.ok(isCallable(collect))
  for (const does of ['hang', 'stall'] as const) {
    const { target, call } = await setup(t)
    target.behave('/', { does })
    const controller = new AbortController()
    const attempt = call('/', {}, { signal: controller.signal })
    await target.waitFor(1)
    for (let round = 0; round < 5; round++) {
      collect()
      await new Promise(setImmediate)
    }
    controller.abort(reason('CANCELLED'))
    assert.equal((await attempt).state, 'cancelled')
  }
})

function isCallable(value: unknown): value is () => void {
  return typeof value === 'function'
}

function reason(code: string): Error {
  return Object.assign(new Error('stopped by the test'), { code })
}
