import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReservedHeader } from '../../src/outbound/index.ts'
import { setup, slot, someRun } from './setup.ts'

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

test('the idempotency key is the same in every attempt, and the connection is not kept', async (t) => {
  const { target, call } = await setup(t)
  for (const attempt of [1, 2]) await call('/', {}, { run: { attempt, fence: attempt + 10 } })
  const keys = target.calls.map((one) => one.headers['idempotency-key'])
  assert.equal(keys.length, 2)
  assert.equal(keys[0], keys[1])
  assert.deepEqual(
    target.calls.map((one) => one.headers['connection']),
    ['close', 'close'],
  )
})

test('a manual run has no slot header, and its id in the idempotency key', async (t) => {
  const { target, call } = await setup(t)
  await call('/', {}, { run: { slot: null, trigger: 'manual' } })
  assert.equal(target.calls[0]?.headers['x-chronos-slot'], undefined)
  assert.equal(target.calls[0]?.headers['idempotency-key'], `ab12cd34ef56:${someRun.id}`)
})

const bodies = [
  { what: 'a JSON object', body: { a: [1, null] }, sent: '{"a":[1,null]}', type: 'application/json' },
  { what: 'false', body: false, sent: 'false', type: 'application/json' },
  { what: 'a text', body: 'grüß', sent: 'grüß', type: 'text/plain;charset=UTF-8' },
  { what: 'an empty text', body: '', sent: '', type: 'text/plain;charset=UTF-8' },
  { what: 'no body', body: null, sent: '', type: undefined },
]

for (const { what, body, sent, type } of bodies) {
  test(`${what} is sent as ${type ?? 'nothing'}`, async (t) => {
    const { target, call } = await setup(t)
    await call('/', { body })
    assert.equal(target.calls[0]?.body, sent)
    assert.equal(target.calls[0].headers['content-type'], type)
  })
}

test('a method and a content type are taken as given', async (t) => {
  const { target, call } = await setup(t)
  await call('/', { method: 'put', body: { a: 1 }, headers: { 'Content-Type': 'application/ld+json' } })
  assert.equal(target.calls[0]?.method, 'PUT')
  assert.equal(target.calls[0].headers['content-type'], 'application/ld+json')
})

test('the input of a run is the body where the action has none and the method takes one', async (t) => {
  const { target, call } = await setup(t)
  const run = { slot: null, trigger: 'manual', input: { why: 'now' } }
  await call('/input', {}, { run })
  await call('/body', { body: 'own' }, { run })
  await call('/get', { method: 'GET' }, { run })
  assert.deepEqual(
    target.calls.map(({ path, method, body }) => [path, method, body]),
    [
      ['/input', 'POST', '{"why":"now"}'],
      ['/body', 'POST', 'own'],
      ['/get', 'GET', ''],
    ],
  )
  assert.equal(target.calls[0]?.headers['content-type'], 'application/json')
})

test("an author's headers are sent, but for those that are ours or the connection's", async (t) => {
  const { target, call } = await setup(t)
  const headers = {
    Authorization: 'Bearer secret',
    'X-Mine': 'kept',
    'X-CHRONOS-Job': 'forged',
    'x-chronos-anything': 'forged',
    'Idempotency-Key': 'forged',
    Host: 'forged.example',
    'Content-Length': '9999',
    'Transfer-Encoding': 'chunked',
    Connection: 'keep-alive',
    Expect: '100-continue',
  }
  const outcome = await call('/', { headers, body: 'four' })
  assert.equal(outcome.state, 'succeeded')
  const sent = target.calls[0]?.headers ?? {}
  assert.equal(sent['authorization'], 'Bearer secret')
  assert.equal(sent['x-mine'], 'kept')
  assert.equal(sent['x-chronos-job'], 'ab12cd34ef56')
  assert.equal(sent['x-chronos-anything'], undefined)
  assert.match(sent['idempotency-key'] ?? '', /^ab12cd34ef56:/)
  assert.equal(sent['host'], new URL(target.url).host)
  assert.equal(sent['content-length'], '4')
  assert.equal(sent['transfer-encoding'], undefined)
  assert.equal(sent['connection'], 'close')
})

test('the user agent is the one header of ours that an author may choose', async (t) => {
  const { target, call } = await setup(t)
  await call('/', { headers: { 'user-agent': 'mine/1' } })
  assert.equal(target.calls[0]?.headers['user-agent'], 'mine/1')
  assert.equal(isReservedHeader('User-Agent'), false)
  assert.equal(isReservedHeader('X-Chronos-Fence'), true)
})

test('credentials in a URL become basic authorization, unless one was given', async (t) => {
  const { target, call } = await setup(t)
  const url = target.url.replace('http://', 'http://ann:p%40ss%zz@')
  await call(`${url}/a?q=1`)
  await call(`${url}/b`, { headers: { authorization: 'Bearer mine' } })
  const basic = `Basic ${Buffer.from('ann:p@ss%zz').toString('base64')}`
  assert.equal(target.calls[0]?.path, '/a?q=1')
  assert.deepEqual(
    target.calls.map((one) => one.headers['authorization']),
    [basic, 'Bearer mine'],
  )
})

const wrongFields = [
  { what: 'no URL', fields: { url: undefined } },
  { what: 'a file URL', fields: { url: 'file:///etc/passwd' } },
  { what: 'a method that no fetch sends', fields: { method: 'CONNECT' } },
  { what: 'a method of two words', fields: { method: 'GET /x' } },
  { what: 'a body for GET', fields: { method: 'GET', body: { password: 'secret' } } },
  { what: 'headers as a list', fields: { headers: ['a'] } },
  { what: 'a header of two lines', fields: { headers: { 'x-a': 'secret\r\nx-b: 2' } } },
  { what: 'a header beyond Latin-1', fields: { headers: { 'x-a': 'secret ✓' } } },
  { what: 'a header that is a number', fields: { headers: { 'x-a': 1 } } },
  { what: 'a header name with a space', fields: { headers: { 'x a': 'secret' } } },
  { what: 'a time limit of zero', fields: { timeout_ms: 0 } },
  { what: 'a time limit as text', fields: { timeout_ms: '5s' } },
  { what: 'success that is no list', fields: { success: '2xx' } },
  { what: 'a success code that no target answers', fields: { success: ['6xx'] } },
]

for (const { what, fields } of wrongFields) {
  test(`${what} is a final failure, and nothing is sent`, async (t) => {
    const { target, call } = await setup(t)
    const outcome = await call('/', fields)
    assert.equal(outcome.state, 'failed')
    assert.equal(outcome.final, true)
    assert.equal(outcome.error?.code, 'ACTION_INVALID')
    assert.match(outcome.error.message, /^action\./)
    assert.doesNotMatch(outcome.error.message, /secret/)
    assert.equal(target.calls.length, 0)
  })
}
