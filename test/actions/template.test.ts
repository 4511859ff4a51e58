import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { renderUrl } from '../../src/actions/http/url.ts'
import { AppError } from '../../src/ground/errors.ts'
import { lastRunId, setup, slot, someRun } from './setup.ts'

const secrets = { TOKEN: 'top secret/€', BROKEN: 'two\nlines', LATE: 'line\n', URL: '' }

test('templates are filled in in url, headers and body', async (t) => {
  const { target, call } = await setup(t, { secrets, lastOutput: 'the last one' })
  const outcome = await call(
    '/{{job.id}}/{{ attempt }}?at={{slot}}&last={{last.output}}',
    {
      headers: { 'x-run': '{{run.id}} {{trigger}}', 'x-last': '{{last.run_id}}' },
      body: { job: '{{job.name}}', input: '{{input}}', who: 'to {{input.who}}', n: '{{attempt}}' },
    },
    { run: { input: { who: 'Ann', n: [1] } } },
  )
  assert.equal(outcome.state, 'succeeded')
  const [sent] = target.calls
  const at = encodeURIComponent(slot.toISOString())
  assert.equal(sent?.path, `/ab12cd34ef56/2?at=${at}&last=ab12cd34ef56%3A%20the%20last%20one`)
  assert.equal(sent.headers['x-run'], `${someRun.id} fire`)
  assert.equal(sent.headers['x-last'], lastRunId)
  assert.equal(sent.headers['content-type'], 'application/json')
  assert.deepEqual(JSON.parse(sent.body), {
    job: 'a job',
    input: { who: 'Ann', n: [1] },
    who: 'to Ann',
    n: 2,
  })
})

test('now is the instant of the attempt', async (t) => {
  const { target, call } = await setup(t)
  const before = Date.now()
  await call('/', { body: '{{now}}' })
  const at = Date.parse(target.calls[0]?.body ?? '')
  assert.ok(before <= at && at <= Date.now(), `${at}`)
})

test('what a manual run has no value for stays empty, and null in JSON', async (t) => {
  const { target, call } = await setup(t)
  const fields = { body: { slot: '{{slot}}', text: '<{{slot}}{{last.output}}>', who: '{{input.who}}' } }
  await call('/a{{slot}}/b', fields, { run: { slot: null, trigger: 'manual' } })
  assert.equal(target.calls[0]?.path, '/a/b')
  assert.deepEqual(JSON.parse(target.calls[0].body), { slot: null, text: '<>', who: null })
})

test('a text body takes values as they are, a body of one template takes their type', async (t) => {
  const { target, call } = await setup(t, { secrets })
  const run = { input: { '"': '{{secrets.TOKEN}}' } }
  await call('/', { body: 'said: {{input}}\n' }, { run })
  await call('/', { body: '{{input}}' }, { run })
  await call('/', { body: '{{trigger}}' }, { run })
  await call('/', {}, { run })
  assert.deepEqual(
    target.calls.map(({ body, headers }) => [body, headers['content-type']]),
    [
      ['said: {"\\"":"{{secrets.TOKEN}}"}\n', 'text/plain;charset=UTF-8'],
      ['{"\\"":"{{secrets.TOKEN}}"}', 'application/json'],
      ['fire', 'text/plain;charset=UTF-8'],
      ['{"\\"":"{{secrets.TOKEN}}"}', 'application/json'],
    ],
  )
})

test('a form is sent urlencoded: lists as several fields, null as none', async (t) => {
  const { target, call } = await setup(t, { secrets })
  const form = {
    'a b': '{{secrets.TOKEN}}&x=1',
    n: 1,
    yes: true,
    tags: '{{input.tags}}',
    none: '{{input.none}}',
  }
  await call(
    '/',
    { form: { ...form, list: ['{{attempt}}', 2], object: '{{input}}' } },
    {
      run: { input: { tags: ['c', 'd'] } },
    },
  )
  const [sent] = target.calls
  assert.equal(sent?.headers['content-type'], 'application/x-www-form-urlencoded')
  assert.deepEqual(
    [...new URLSearchParams(sent.body)],
    [
      ['a b', 'top secret/€&x=1'],
      ['n', '1'],
      ['yes', 'true'],
      ['tags', 'c'],
      ['tags', 'd'],
      ['list', '2'],
      ['list', '2'],
      ['object', '{"tags":["c","d"]}'],
    ],
  )
})

const hostile = [
  '@evil.example/',
  '//evil.example',
  ':80',
  '.evil.example',
  '\\evil.example',
  '/../../admin',
  '?a=1#b',
  '%2e%2e%2f',
  ' \t\r\n',
  '\ud800',
  '{{secrets.TOKEN}}',
]

for (const value of hostile) {
  test(`${JSON.stringify(value)} as a value is one step of the path, and one field of the query`, async (t) => {
    const { target, call } = await setup(t, { secrets })
    const outcome = await call('/users/{{input}}/x?q={{input}}', {}, { run: { input: value } })
    assert.equal(outcome.state, 'succeeded')
    const url = new URL(target.calls[0]?.path ?? '', target.url)
    const [, users, step = '', x, ...more] = url.pathname.split('/')
    assert.deepEqual([users, decodeURIComponent(step), x, more], ['users', value.toWellFormed(), 'x', []])
    assert.deepEqual([...url.searchParams], [['q', value.toWellFormed()]])
  })
}

test('whatever the values are, they change neither origin nor the steps of the path', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...hostile, '.', '..', '%2e'))
  fc.assert(
    fc.property(text, text, (input, name) => {
      const template = 'https://example.com:8443/a/{{input}}/b/.{{job.name}}?q={{input}}#{{input}}'
      try {
        const { url } = renderUrl(template, { input, 'job.name': name })
        assert.equal(url.origin, 'https://example.com:8443')
        const [, a, step = '', b, last = '', ...more] = url.pathname.split('/')
        assert.deepEqual([a, b, more], ['a', 'b', []])
        assert.equal(decodeURIComponent(step), input.toWellFormed())
        assert.equal(decodeURIComponent(last), `.${name.toWellFormed()}`)
        assert.equal(url.searchParams.get('q'), input.toWellFormed())
        assert.equal(url.username + url.password, '')
      } catch (error) {
        assert.ok(error instanceof AppError, String(error))
        assert.ok(/^\.\.?$/.test(input) || /^\.?$/.test(name), JSON.stringify([input, name]))
      }
    }),
  )
})

for (const value of ['.', '..', '%2e%2E']) {
  test(`${value} as a value ${value.startsWith('%') ? 'is' : 'cannot be'} a step of the path`, async (t) => {
    const { target, call } = await setup(t)
    const outcome = await call('/users/{{input}}/x', {}, { run: { input: value } })
    const isSent = value.startsWith('%')
    assert.equal(outcome.error?.code, isSent ? undefined : 'ACTION_INVALID')
    assert.equal(target.calls.length, isSent ? 1 : 0)
  })
}

test('a URL may be a secret as a whole, which no message shows', async (t) => {
  const made = await setup(t)
  const secret = `${made.target.url}/hooks/abc?d=1%2F2`
  const { call } = await setup(t, { secrets: { HOOK: secret }, allow: ['127.0.0.1'] })
  made.target.behave('/hooks/abc', { does: 'status', value: 500, body: '' })
  const outcome = await call('', { url: '{{ secrets.HOOK }}' })
  assert.equal(made.target.calls[0]?.path, '/hooks/abc?d=1%2F2')
  assert.equal(outcome.error?.message, 'target {{secrets.HOOK}} answered 500, expected 2xx')
  const closed = await setup(t, { secrets: { HOOK: secret }, allow: [] })
  const refused = await closed.call('', { url: '{{secrets.HOOK}}' })
  assert.equal(refused.error?.code, 'TARGET_FORBIDDEN')
  assert.match(refused.error.message, /^target \{\{secrets\.HOOK\}\} has no public address/)
})

const misplaced = [
  '{{input}}',
  '{{last.output}}',
  'http://{{input}}/',
  'http://127.0.0.1:{{input}}/',
  'http://127.0.0.1{{input}}',
  'http://{{secrets.TOKEN}}@127.0.0.1/',
  '{{trigger}}://127.0.0.1/',
  'http:/{{input}}/127.0.0.1/',
  'http:\\\\{{input}}/',
  '{{secrets.TOKEN}}{{input}}',
]

for (const url of misplaced) {
  test(`${url} is a final failure, and nothing is sent`, async (t) => {
    const { target, call } = await setup(t, { secrets })
    const port = new URL(target.url).port
    const outcome = await call('', { url }, { run: { input: `127.0.0.1:${port}` } })
    assert.equal(outcome.error?.code, 'ACTION_INVALID')
    assert.match(outcome.error.message, /action\.url/)
    assert.equal(outcome.final, true)
    assert.equal(target.calls.length, 0)
  })
}

for (const [header, path] of [
  ['{{secrets.BROKEN}}', '/'],
  ['{{secrets.LATE}}', '/'],
  ['{{input}}', '/'],
  ['{{secrets.TOKEN}}', '/'],
] as const) {
  test(`a header of ${header} that is no line of Latin-1 is a final failure`, async (t) => {
    const { target, call } = await setup(t, { secrets })
    const outcome = await call(path, { headers: { 'x-a': header } }, { run: { input: 'a\rb' } })
    assert.equal(outcome.error?.code, 'ACTION_INVALID')
    assert.match(outcome.error.message, /^action\.headers: "x-a" is not a valid header/)
    assert.equal(target.calls.length, 0)
  })
}

test('a secret that does not exist is a final failure, and nothing is sent', async (t) => {
  const { target, call } = await setup(t, { secrets })
  const outcome = await call('/', { headers: { 'x-a': '{{secrets.ABSENT}}' } })
  assert.equal(outcome.error?.code, 'SECRET_UNKNOWN')
  assert.equal(outcome.final, true)
  assert.equal(target.calls.length, 0)
})

test('values that make more than 1 MiB are a final failure', async (t) => {
  const { target, call } = await setup(t)
  const body = Array.from({ length: 17 }, () => '{{input}}!')
  const outcome = await call('/', { body }, { run: { input: 'x'.repeat(64 * 1024) } })
  assert.equal(outcome.error?.code, 'ACTION_INVALID')
  assert.match(outcome.error.message, /exceed the limit of 1048576 bytes/)
  assert.equal(target.calls.length, 0)
})

test('a body and a form at once are a final failure', async (t) => {
  const { call } = await setup(t)
  const outcome = await call('/', { body: 1, form: {} })
  assert.equal(outcome.error?.code, 'ACTION_INVALID')
})

test('a secret does not come back in output, log or message', async (t) => {
  const { target, call, logged } = await setup(t, { secrets: { TOKEN: 'very-secret-value' } })
  target.behave('/', { does: 'echo' })
  const outcome = await call('/?t={{secrets.TOKEN}}', { headers: { 'x-a': '{{secrets.TOKEN}}' } })
  assert.equal(target.calls[0]?.headers['x-a'], 'very-secret-value')
  assert.doesNotMatch(JSON.stringify(outcome) + logged(), /very-secret-value/)
})

test('an answer is logged as it is kept: its first 64 KiB, and nothing of a redirect', async (t) => {
  const { target, call, logged } = await setup(t)
  target.behave('/', { does: 'status', value: 302, headers: { location: '/flood' }, body: 'moved' })
  target.behave('/flood', { does: 'flood' })
  await call('/')
  assert.equal(logged(), 'x'.repeat(64 * 1024))
})

test('a run that is no longer held calls nobody', async (t) => {
  const { target, call } = await setup(t, { isHeld: false })
  const outcome = await call('/')
  assert.equal(outcome.state, 'interrupted')
  assert.equal(outcome.error?.code, 'LEASE_LOST')
  assert.equal(target.calls.length, 0)
})
