import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import { asJson, codeOf, type Problem, send, withKey } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ begin: false })
})
after(() => service.close())

const good = { name: 'a', schedule: '30m', action: { type: 'http', url: 'https://example.com/' } }

async function refused(fields: Record<string, unknown>): Promise<Problem> {
  const { status, body } = await service.api('POST', '/api/jobs', fields)
  assert.equal(status, 400, JSON.stringify(body))
  return body as Problem
}

test('an unknown field is refused by its name, with the one that was meant', async () => {
  const problem = await refused({ ...good, timezon: 'UTC' })
  assert.equal(problem.code, 'FIELD_UNKNOWN')
  assert.equal(problem.detail, 'unknown field `timezon`; did you mean `timezone`?')
  assert.equal(problem.error, problem.detail)
  const nested = await refused({ ...good, action: { ...good.action, metod: 'PUT' } })
  assert.equal(nested.detail, 'unknown field `action.metod`; did you mean `action.method`?')
  assert.equal((await refused({ ...good, qwertz: 1 })).detail, 'unknown field `qwertz`')
})

test('every problem of a body is told at once, each with its path', async () => {
  const problem = await refused({
    nam: 'a',
    schedule: 7,
    tags: ['x', 'x'],
    repeat: 0,
    action: { type: 'smoke' },
  })
  assert.equal(problem.code, 'FIELD_INVALID')
  assert.deepEqual(problem.errors?.map(({ message }) => message).toSorted(), [
    'action: must be an object with a "type" of "http", "prompt", "handler" or "command", not an object',
    'name: required (a string of 1 to 200 characters that is not blank, without control characters)',
    'repeat: must be a whole number from 1 to 2147483647, {"times": …} with one, or null or "forever", not 0',
    'schedule: must be a string of 1 to 2000 characters, a list of at most 30 of them, or an object with `rules`, not 7',
    'tags: must be a list of at most 50 items, all different, not a list of 2',
    'unknown field `nam`; did you mean `name`?',
  ])
})

test('an http action that could not be sent is refused when the job is made', async () => {
  const bad: Record<string, unknown>[] = [
    { url: 'ftp://example.com/' },
    { url: 'https://user:secret@example.com/' },
    { url: 'not a url' },
    { method: 'BREW' },
    { headers: { 'bad name': 'x' } },
    { headers: { 'x-header': 'a\r\nb: c' } },
    { timeout_ms: 0 },
    { timeout_ms: 3_600_001 },
    { timeout_ms: 1.5 },
    { success: ['ok'] },
    { success: ['299-200'] },
    { success: [] },
  ]
  for (const change of bad) {
    const problem = await refused({ ...good, action: { ...good.action, ...change } })
    const [field] = Object.keys(change)
    assert.deepEqual(
      problem.errors?.map(({ path }) => path.split('[')[0]),
      [`action.${field}`],
    )
    assert.doesNotMatch(problem.detail, /secret/)
  }
})

test('a schedule or a zone that cannot be read is refused with its own code', async () => {
  assert.equal((await refused({ ...good, schedule: 'now and then' })).code, 'SCHEDULE_INVALID')
  assert.equal((await refused({ ...good, schedule: '2020-01-01T00:00:00Z' })).code, 'SCHEDULE_IN_PAST')
  assert.equal((await refused({ ...good, timezone: 'Mars/Olympus' })).code, 'TIMEZONE_UNKNOWN')
})

test('a job with neither action nor prompt is refused', async () => {
  const problem = await refused({ name: 'a', schedule: '30m' })
  assert.deepEqual(
    problem.errors?.map(({ path }) => path),
    ['prompt'],
  )
})

test('text that Postgres cannot keep and bottomless nesting are refused, not broken on', async () => {
  assert.match((await refused({ ...good, name: 'a\0b' })).detail, /NUL/)
  assert.match((await refused({ ...good, deliver: { x: '\ud800' } })).detail, /surrogate/)
  const deep = `{"name":"a","schedule":"30m","prompt":"x","deliver":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
  const { status, body } = await send(service, { path: '/api/jobs', headers: asJson, body: deep })
  assert.equal(codeOf({ status, body: JSON.parse(body) }), '400 FIELD_INVALID')
})

test('a name of 200 characters is kept whatever the characters are, one more is refused', async () => {
  const { status, body } = await service.api('POST', '/api/schedules/preview', { schedule: '30m' })
  assert.equal(status, 200, JSON.stringify(body))
  assert.equal((await service.makeJob({ name: '🕰'.repeat(200) })).name.length, 400)
  assert.equal((await refused({ ...good, name: '🕰'.repeat(201) })).code, 'FIELD_INVALID')
})

test('a body that is not JSON, not of that type, or too large has its code', async () => {
  const post = async (headers: Record<string, string>, body: string) => {
    const answer = await send(service, { path: '/api/jobs', headers, body })
    return codeOf({ status: answer.status, body: JSON.parse(answer.body) })
  }
  assert.equal(await post(asJson, '{'), '400 BODY_NOT_JSON')
  assert.equal(await post(asJson, '{"__proto__":{"name":"x"}}'), '400 BODY_NOT_JSON')
  assert.equal(await post(asJson, '[]'), '400 FIELD_INVALID')
  assert.equal(await post(asJson, ''), '400 FIELD_INVALID')
  assert.equal(await post({ ...withKey, 'content-type': 'text/plain' }, '{}'), '415 MEDIA_TYPE_UNSUPPORTED')
  assert.equal(await post(asJson, JSON.stringify({ x: 'y'.repeat(256 * 1024) })), '413 BODY_TOO_LARGE')
})

test('query parameters are read by their type, and unknown ones are refused', async () => {
  const ask = async (query: string) => codeOf(await service.api('GET', `/api/jobs?${query}`))
  assert.equal(await ask('include_disabled=1&limit=5'), '200 undefined')
  assert.equal(await ask('include_disabled=maybe'), '400 FIELD_INVALID')
  assert.equal(await ask('limit=0'), '400 FIELD_INVALID')
  assert.equal(await ask('limit=1001'), '400 FIELD_INVALID')
  assert.equal(await ask('limit=1&limit=2'), '400 FIELD_INVALID')
  assert.equal(await ask('state=asleep'), '400 FIELD_INVALID')
  assert.equal(await ask('q=%00'), '400 FIELD_INVALID')
  const problem = (await service.api('GET', '/api/jobs?includ_disabled=1')).body
  assert.equal(problem.detail, 'unknown field `includ_disabled`; did you mean `include_disabled`?')
})

test('an Idempotency-Key that is no printable text is refused', async () => {
  const answer = await service.api('POST', '/api/jobs', good, { 'idempotency-key': 'x'.repeat(256) })
  assert.equal(codeOf(answer), '400 FIELD_INVALID')
  assert.match(answer.body.detail, /^Idempotency-Key: /)
})
