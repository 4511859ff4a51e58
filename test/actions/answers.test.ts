import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { bodyOf, setup } from './setup.ts'

const kept = 64 * 1024

const statuses = [
  { status: 200, success: undefined, state: 'succeeded' },
  { status: 204, success: undefined, state: 'succeeded' },
  { status: 299, success: ['2xx'], state: 'succeeded' },
  { status: 302, success: undefined, state: 'failed' },
  { status: 304, success: ['3xx'], state: 'succeeded' },
  { status: 404, success: ['2xx', '404'], state: 'succeeded' },
  { status: 409, success: ['2xx', 409], state: 'succeeded' },
  { status: 299, success: ['200-299'], state: 'succeeded' },
  { status: 300, success: ['200-299'], state: 'failed' },
  { status: 200, success: ['204'], state: 'failed' },
  { status: 421, success: undefined, state: 'failed' },
  { status: 404, success: undefined, state: 'failed' },
  { status: 500, success: undefined, state: 'failed' },
]

for (const { status, success, state } of statuses) {
  test(`${status} is ${state} where ${JSON.stringify(success ?? 'nothing')} is named as success`, async (t) => {
    const { target, call } = await setup(t)
    target.behave('/', { does: 'status', value: status })
    const outcome = await call('/', success ? { success } : {})
    assert.equal(outcome.state, state)
    assert.equal(outcome.error?.code, state === 'failed' ? 'HTTP_STATUS' : undefined)
    assert.equal(outcome.final, undefined)
    assert.equal(target.calls.length, 1)
  })
}

test('a failure says what was answered and what was expected, and keeps the answer', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/secret', { does: 'status', value: 500, body: 'disk full' })
  const url = target.url.replace('http://', 'http://ann:secret@')
  const outcome = await call(`${url}/secret?token=secret`, { success: ['2xx', '404'] })
  assert.equal(outcome.error?.message, `target ${target.url} answered 500, expected 2xx or 404`)
  assert.match(outcome.output ?? '', /^HTTP 500 in \d+ ms\n\ndisk full$/)
})

const waits = [
  { status: 503, value: '7', ms: 7_000 },
  { status: 429, value: '0', ms: 0 },
  { status: 429, value: '999999999', ms: 86_400_000 },
  { status: 503, value: 'Thu, 01 Jan 1970 00:00:00 GMT', ms: 0 },
  { status: 503, value: 'soon', ms: undefined },
  { status: 500, value: '7', ms: undefined },
]

for (const { status, value, ms } of waits) {
  test(`Retry-After: ${value} on ${status} asks for ${ms ?? 'no'} ms`, async (t) => {
    const { target, call } = await setup(t)
    target.behave('/', { does: 'status', value: status, headers: { 'retry-after': value } })
    const outcome = await call('/')
    assert.equal(outcome.state, 'failed')
    assert.equal(outcome.retryAfterMs, ms)
  })
}

test('Retry-After as a date asks for the time until then', async (t) => {
  const { target, call } = await setup(t)
  const date = new Date(Date.now() + 3_600_000).toUTCString()
  target.behave('/', { does: 'status', value: 503, headers: { 'retry-after': date } })
  const { retryAfterMs = 0 } = await call('/')
  assert.ok(retryAfterMs > 3_500_000 && retryAfterMs <= 3_600_000, `${retryAfterMs}`)
})

test('X-Chronos-Retry: no makes a failure final, and leaves a success alone', async (t) => {
  const { target, call } = await setup(t)
  const headers = { 'x-chronos-retry': 'No' }
  target.behave('/bad', { does: 'status', value: 422, headers })
  target.behave('/good', { does: 'status', headers })
  assert.equal((await call('/bad')).final, true)
  const good = await call('/good')
  assert.equal(good.state, 'succeeded')
  assert.equal(good.final, undefined)
})

test('an output is text that Postgres takes: no NUL, and what is not UTF-8 replaced', async (t) => {
  const { target, call } = await setup(t)
  const body = new Uint8Array([0x61, 0x00, 0xff, 0xc3, 0xbc, 0xed, 0xa0, 0x80, 0x62, 0xc3])
  target.behave('/', { does: 'status', body })
  assert.equal(bodyOf(await call('/')), 'a\ufffdü\ufffd\ufffd\ufffdb\ufffd')
})

test('a body of 64 KiB is kept whole, one byte more is cut and marked', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/whole', { does: 'status', body: 'x'.repeat(kept) })
  target.behave('/more', { does: 'status', body: 'x'.repeat(kept + 1) })
  const whole = await call('/whole')
  assert.equal(bodyOf(whole).length, kept)
  assert.doesNotMatch(whole.output ?? '', /cut/)
  const more = await call('/more')
  assert.equal(more.state, 'succeeded')
  assert.equal(bodyOf(more).length, kept)
  assert.match(more.output ?? '', /^HTTP 200 in \d+ ms, cut after 65536 bytes\n/)
})

test('a cut never leaves half a character', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/', { does: 'status', body: `x${'ü'.repeat(kept)}` })
  const body = bodyOf(await call('/'))
  assert.equal(body, `x${'ü'.repeat(kept / 2 - 1)}`)
})

test('a compressed answer is unpacked', async (t) => {
  const { target, call } = await setup(t)
  const headers = { 'content-encoding': 'gzip' }
  target.behave('/', { does: 'status', headers, body: gzipSync('small when packed') })
  assert.equal(bodyOf(await call('/')), 'small when packed')
})
