import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startTarget } from '../../dev/target/index.ts'
import { bodyOf, callbackUrl, setup } from './setup.ts'

test('a redirect is followed, and the output says so', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/old', { does: 'status', value: 308, headers: { location: '/new?a=1' } })
  const outcome = await call('/old', { body: { a: 1 } })
  assert.equal(outcome.state, 'succeeded')
  assert.match(outcome.output ?? '', /^HTTP 200 in \d+ ms, after 1 redirect\n\nok$/)
  assert.deepEqual(
    target.calls.map(({ method, path, body }) => [method, path, body]),
    [
      ['POST', '/old', '{"a":1}'],
      ['POST', '/new?a=1', '{"a":1}'],
    ],
  )
})

for (const { most, calls } of [
  { most: undefined, calls: 6 },
  { most: 1, calls: 2 },
]) {
  test(`a redirect loop ends after ${calls} calls if ${most ?? 'nothing'} is set`, async (t) => {
    const { target, call } = await setup(t)
    target.behave('/loop', { does: 'redirect' })
    const outcome = await call('/loop?token=secret', most === undefined ? {} : { max_redirects: most })
    assert.equal(outcome.state, 'failed')
    assert.equal(outcome.error?.code, 'REDIRECT_LIMIT')
    assert.match(outcome.error.message, new RegExp(`^target ${target.url} redirected more than ${calls - 1}`))
    assert.doesNotMatch(outcome.error.message, /secret|loop/)
    assert.equal(outcome.final, undefined)
    assert.equal(target.calls.length, calls)
    await target.allClosed()
  })
}

test('with max_redirects 0 a redirect is the answer, told by its origin', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/loop', { does: 'redirect' })
  const outcome = await call('/loop?token=secret', { max_redirects: 0 })
  assert.equal(outcome.error?.code, 'HTTP_STATUS')
  assert.match(
    outcome.error.message,
    new RegExp(`answered 302 \\(a redirect to ${target.url}, not followed\\)`),
  )
  assert.doesNotMatch(outcome.error.message, /secret/)
  assert.equal(target.calls.length, 1)
  assert.equal((await call('/loop', { max_redirects: 0, success: ['302'] })).state, 'succeeded')
})

test('a loop of redirects whose bodies never end is over as soon, and in little memory', async (t) => {
  const { target, call } = await setup(t)
  const headers = { location: '/' }
  target.behave('/', { does: 'stall', value: 302, headers, body: 'x'.repeat(100_000) })
  const before = process.memoryUsage().rss
  const outcome = await call('/', { max_redirects: 20, timeout_ms: 10_000 })
  assert.equal(outcome.error?.code, 'REDIRECT_LIMIT')
  assert.equal(target.calls.length, 21)
  assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024)
  await target.allClosed()
})

test('the time limit is one for all redirects together', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/', { does: 'status', value: 302, headers: { location: '/hang' } })
  target.behave('/hang', { does: 'hang' })
  const outcome = await call('/', { timeout_ms: 300 })
  assert.equal(outcome.error?.code, 'TIMEOUT')
  assert.match(outcome.error.message, /, before it answered$/)
})

const secrets = { TOKEN: 'top-secret' }

async function elsewhere(t: TestContext, value: number) {
  const other = await startTarget()
  t.after(() => other.close())
  const made = await setup(t, { secrets })
  made.target.behave('/', { does: 'status', value, headers: { location: `${other.url}/there` } })
  return { ...made, other }
}

test('headers with secrets stay with the first origin, others go along', async (t) => {
  const { call, other, target } = await elsewhere(t, 307)
  const headers = {
    authorization: 'Bearer literal',
    'x-key': 'key {{secrets.TOKEN}}',
    'x-plain': 'plain {{attempt}}',
  }
  const outcome = await call('/', { headers, body: 'four' })
  assert.equal(outcome.state, 'succeeded')
  assert.equal(target.calls[0]?.headers['x-key'], 'key top-secret')
  const [arrived] = other.calls
  assert.equal(arrived?.headers['x-plain'], 'plain 2')
  assert.equal(arrived.body, 'four')
  assert.match(arrived.headers['idempotency-key'] ?? '', /^ab12cd34ef56:/)
  for (const name of ['authorization', 'x-key']) assert.equal(arrived.headers[name], undefined, name)
})

const secretBodies = [
  { body: { deep: ['{{secrets.TOKEN}}'] } },
  { form: { token: '{{secrets.TOKEN}}' } },
  { callback: { deadline_ms: 1_000 } },
]

for (const fields of secretBodies) {
  test(`${JSON.stringify(fields)} is not sent to another origin`, async (t) => {
    const { call, other } = await elsewhere(t, 307)
    const outcome = await call('/', fields)
    assert.equal(outcome.error?.code, 'REDIRECT_REFUSED')
    assert.equal(other.calls.length, 0)
  })
}

test('a call with a callback is redirected within its origin', async (t) => {
  const { target, call } = await setup(t)
  target.behave('/', { does: 'status', value: 307, headers: { location: '/there' } })
  target.behave('/there', { does: 'status', value: 202 })
  assert.equal((await call('/', { callback: { deadline_ms: 1_000 } })).state, 'waiting')
  assert.equal(target.calls[1]?.headers['x-chronos-callback'], callbackUrl)
})

test('where a URL that is a secret leads is not shown either', async (t) => {
  const { target, other } = await elsewhere(t, 307)
  const { call } = await setup(t, { secrets: { HOOK: `${target.url}/` } })
  other.behave('/there', { does: 'status', value: 500 })
  const outcome = await call('', { url: '{{secrets.HOOK}}' })
  assert.equal(outcome.error?.message, 'target {{secrets.HOOK}} answered 500, expected 2xx')
})

test('a failure after a redirect names who gave the answer', async (t) => {
  const { call, other } = await elsewhere(t, 303)
  other.behave('/there', { does: 'status', value: 500, body: 'broken' })
  const outcome = await call('/', { body: { token: '{{secrets.TOKEN}}' } })
  assert.equal(outcome.error?.message, `target ${other.url} answered 500, expected 2xx`)
  assert.equal(other.calls[0]?.method, 'GET')
  assert.equal(bodyOf(outcome), 'broken')
})

test('a redirect to a private address is TARGET_FORBIDDEN, and final', async (t) => {
  const { target, call } = await setup(t, { allow: ['127.0.0.1'] })
  target.behave('/', { does: 'status', value: 302, headers: { location: 'http://127.0.0.2:8888/' } })
  const outcome = await call('/')
  assert.equal(outcome.error?.code, 'TARGET_FORBIDDEN')
  assert.equal(outcome.final, true)
  assert.equal(target.calls.length, 1)
})
