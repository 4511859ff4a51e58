import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { makeKey } from '../keys/setup.ts'
import type { Service } from '../support/service.ts'
import { codesOf, startForClients } from './setup.ts'
import { keyOf } from '../support/key.ts'
import { assertTook } from '../support/limits.ts'

let service: Service
before(async () => {
  service = await startForClients({ ENCRYPTION_KEY: keyOf(7).toString('base64') })
  await service.api('PUT', '/api/secrets/TOKEN', { value: 'a-stored-secret' })
})
after(() => service.close())

const action = () => ({
  type: 'http',
  url: `${service.target.url}/hook?api_key=hidden-1&page=2&token={{secrets.TOKEN}}`,
  headers: {
    Authorization: 'Bearer hidden-2',
    Cookie: 'sid=hidden-3',
    'X-Api-Key': 'hidden-4',
    'X-Gitlab-Token': 'hidden-5',
    'Db-Password': 'hidden-6',
    'X-Signature': 'hidden-7{{slot}}',
    'X-Auth-Token': 'Bearer {{secrets.TOKEN}}',
    'X-Session': 'sid={{secrets.TOKEN}}',
    Accept: 'text/plain',
  },
  body: { name: 'x', client_secret: 'hidden-8', max_tokens: 5, nested: [{ password: 'hidden-9' }] },
  when: { type: 'http', url: `${service.target.url}/probe?key=hidden-10`, headers: { 'X-Key': 'hidden-11' } },
})

test('credentials that stand in a job are masked for keys that may not write jobs, wherever it is shown', async () => {
  const { body } = await service.api('POST', '/api/jobs', { name: 'x', schedule: '30m', action: action() })
  const { job } = body
  const reader = await makeKey(service, { scopes: ['jobs:read', 'runs:start'] })
  const writer = await makeKey(service, { scopes: ['jobs:write'] })
  const shown = async (path: string, as: Record<string, string>, method = 'GET') =>
    (await service.api(method, path, undefined, as)).body
  const run = await shown(`/api/jobs/${job.id}/run`, reader.as, 'POST')
  for (const answer of [
    await shown(`/api/jobs/${job.id}`, reader.as),
    await shown('/api/jobs', reader.as),
    run,
  ])
    assert.doesNotMatch(JSON.stringify(answer), /hidden-/)
  const read = (await shown(`/api/jobs/${job.id}`, reader.as)).job.action
  assert.deepEqual(read.headers, {
    Authorization: '[REDACTED]',
    Cookie: '[REDACTED]',
    'X-Api-Key': '[REDACTED]',
    'X-Gitlab-Token': '[REDACTED]',
    'Db-Password': '[REDACTED]',
    'X-Signature': '[REDACTED]',
    'X-Auth-Token': 'Bearer {{secrets.TOKEN}}',
    'X-Session': 'sid={{secrets.TOKEN}}',
    Accept: 'text/plain',
  })
  assert.deepEqual([read.body.max_tokens, read.body.name], [5, 'x'])
  assert.equal(read.url, `${service.target.url}/hook?api_key=[REDACTED]&page=2&token={{secrets.TOKEN}}`)
  const whole = (await shown(`/api/jobs/${job.id}`, writer.as)).job.action
  assert.deepEqual([whole.headers, whole.url, whole.body], [action().headers, action().url, action().body])
})

test('whoever writes a credential into a job is told where, and how to do without', async () => {
  const { body } = await service.api('POST', '/api/jobs', { name: 'x', schedule: '30m', action: action() })
  const warnings = body.warnings as { code: string; path: string; message: string }[]
  const found = warnings.filter(({ code }) => code === 'CREDENTIAL_IN_JOB')
  const paths = found.map(({ path }) => path).toSorted()
  assert.deepEqual(paths, [
    'action.body.client_secret',
    'action.body.nested.0.password',
    'action.headers.Authorization',
    'action.headers.Cookie',
    'action.headers.Db-Password',
    'action.headers.X-Api-Key',
    'action.headers.X-Gitlab-Token',
    'action.headers.X-Signature',
    'action.url',
    'action.when.headers.X-Key',
    'action.when.url',
  ])
  assert.match(found[0]?.message ?? '', /PUT \/api\/secrets\/NAME/)
  assert.doesNotMatch(JSON.stringify(found), /hidden/)
  const headers = { Authorization: 'Bearer {{secrets.TOKEN}}' }
  const kept = await service.api('PATCH', `/api/jobs/${body.job.id}`, {
    action: { type: 'http', url: `${service.target.url}/hook`, headers },
  })
  assert.deepEqual(codesOf(kept.body.warnings), ['TELLS_NOBODY'])
})

test('a header of thousands of spaces is judged at once', async () => {
  const value = `Bearer${' '.repeat(8_000)}x{{secrets.TOKEN}}`
  const startedAt = performance.now()
  const { status } = await service.api('POST', '/api/jobs', {
    ...{ name: 'x', schedule: '30m' },
    action: { type: 'http', url: service.target.url, headers: { 'X-Token': value } },
  })
  assert.equal(status, 201)
  assertTook(performance.now() - startedAt, 2_000)
})
