import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({ env: { CRON_PROVIDER: 'builtin' }, clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

const large = (times: number) => ({
  schedule: 'every 1h',
  action: { type: 'http', url: service.target.url, method: 'POST', body: 'x'.repeat(times) },
})
const keyed = (count: number, job: object) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`job-${n}`, job]))
const refusedField = ({ status, body }: { status: number; body: Json }) => [
  status,
  (body['errors'] as { path: string }[] | undefined)?.[0]?.path,
]

test('defaults count as often as a job takes them', async () => {
  const file = { defaults: large(200_000), jobs: keyed(22, {}) }
  assert.deepEqual(refusedField(await service.api('POST', '/api/plan', file)), [400, 'defaults'])
  assert.deepEqual(refusedField(await service.api('POST', '/api/apply', file)), [400, 'defaults'])
  const own = { defaults: large(200_000), jobs: keyed(22, large(10)) }
  assert.equal((await service.api('POST', '/api/plan', own)).status, 200)
})

test('jobs that are too large together are neither planned, applied nor exported', async () => {
  const half = { owner: 'large', defaults: large(200_000), jobs: keyed(11, {}) }
  assert.equal((await service.api('POST', '/api/apply', half)).status, 200)
  const more = { owner: 'large', defaults: large(200_000), jobs: { ...keyed(22, {}) } as Json }
  for (let n = 0; n < 11; n++) delete more.jobs[`job-${n}`]
  assert.equal((await service.api('POST', '/api/apply', more)).status, 200)
  const small = { owner: 'small', jobs: { other: large(10) } }
  assert.equal((await service.api('POST', '/api/apply', small)).status, 200)

  const changing = { owner: 'large', jobs: keyed(22, large(10)) }
  assert.deepEqual(refusedField(await service.api('POST', '/api/plan', changing)), [400, 'jobs'])
  const pruning = { owner: 'large', jobs: {} }
  assert.deepEqual(refusedField(await service.api('POST', '/api/apply?prune=true', pruning)), [400, 'jobs'])
  assert.deepEqual(refusedField(await service.api('GET', '/api/export')), [400, 'owner'])
  assert.deepEqual(refusedField(await service.api('GET', '/api/export?owner=large')), [400, 'owner'])
  const { status, body } = await service.api('GET', '/api/export?owner=small')
  assert.deepEqual([status, Object.keys(body.file.jobs)], [200, ['other']])
})
