import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { makeKey } from '../keys/setup.ts'
import { codeOf } from '../rest/setup.ts'
import { keyOf } from '../support/key.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const service = await startService({
  env: { ENCRYPTION_KEY: keyOf('request').toString('base64'), TARGET_ALLOW: '127.0.0.1' },
})
after(() => service.close())

test('what a run was asked to do is filled in as it was sent, and secrets stand by their names', async () => {
  const { target } = service
  await service.api('PUT', '/api/secrets/TOKEN', { value: 'a-very-secret-value' })
  const action = {
    ...{ type: 'http', url: `${target.url}/shops/{{input.shop}}?run={{run.id}}`, method: 'PUT' },
    headers: { authorization: 'Bearer {{secrets.TOKEN}}', 'x-from': '{{job.name}}, at {{now}}' },
    body: { shop: '{{input.shop}}', all: '{{input}}', attempt: '{{attempt}}', key: '{{secrets.TOKEN}}' },
  }
  const job = await service.makeJob({ name: 'filled', action })
  const input = { shop: 'a b/c' }
  const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`, { input })).body
  const path = `/api/runs/${run.id}`
  await until('it has ended', async () => (await service.api('GET', path)).body.run.finished_at !== null)
  const { body } = await service.api('GET', `${path}/request`)
  assert.deepEqual(body, {
    action: {
      ...{
        type: 'http',
        method: 'PUT',
        success: ['2xx'],
        url: `${target.url}/shops/a%20b%2Fc?run=${run.id}`,
      },
      headers: { authorization: 'Bearer {{secrets.TOKEN}}', 'x-from': 'filled, at {{now}}' },
      body: { shop: 'a b/c', all: input, attempt: 1, key: '{{secrets.TOKEN}}' },
    },
    ...{ prompt: null, job_changed_at: null },
  })
  // what was really sent is the same, but for the secret
  const sent = target.calls.at(-1)
  assert.equal(sent && target.url + sent.path, body.action.url)
  assert.deepEqual(JSON.parse(String(sent?.body)), { ...body.action.body, key: 'a-very-secret-value' })
})

test('a call without a body has the input for one; a job that was changed since is told of', async () => {
  const job = await service.makeJob({ action: { type: 'http', url: `${service.target.url}/x?token=canary` } })
  const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`, { input: [1] })).body
  const path = `/api/runs/${run.id}/request`
  assert.deepEqual((await service.api('GET', path)).body.action.body, [1])
  await service.api('PATCH', `/api/jobs/${job.id}`, { name: 'another' })
  const changed = (await service.api('GET', path)).body.job_changed_at
  assert.equal(changed, (await service.api('GET', `/api/jobs/${job.id}`)).body.job.updated_at)
  const reader = await makeKey(service, { scopes: ['jobs:read'] })
  const masked = await service.api('GET', path, undefined, reader.as)
  assert.ok(!JSON.stringify(masked.body).includes('canary'))
  const none = await service.api('GET', '/api/runs/00000000-0000-4000-8000-000000000000/request')
  assert.equal(codeOf(none), '404 RUN_NOT_FOUND')
})
