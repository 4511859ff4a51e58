import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { keyOf } from '../support/key.ts'
import { type Json, startService } from '../support/service.ts'
import { entries } from './setup.ts'

const service = await startService({
  clock: '2026-06-18T08:00:00Z',
  env: { ENCRYPTION_KEY: keyOf('audit').toString('base64') },
})
after(() => service.close())

const changesIn = ({ changed }: Json) => changed as Json[]
const valuesOf = (entry: Json) =>
  Object.fromEntries(changesIn(entry).map(({ field, before, after: to }) => [field, [before, to]]))

async function stored() {
  return JSON.stringify(await service.database.sql`select * from audit`)
}

test('what a change of a job did is kept, with credentials masked', async () => {
  const job = await service.makeJob({ name: 'a', schedule: 'every 1h' })
  const [made] = await entries(service)
  assert.deepEqual(valuesOf(made)['schedule'], [null, 'every 1h'])
  await service.api('PUT', '/api/secrets/A', { value: 'canary-secret' })
  const answer = await service.api('PATCH', `/api/jobs/${job.id}`, {
    schedule: 'every 2h',
    action: {
      ...{ type: 'http', url: 'https://example.com/x?token=canary-b' },
      headers: { authorization: 'Bearer canary-c', 'x-plain': 'shown', 'x-key': 'Bearer {{secrets.A}}' },
    },
    deliver: [{ type: 'slack', url: '{{secrets.A}}' }],
  })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const [entry] = await entries(service)
  const { schedule, action, deliver } = valuesOf(entry)
  assert.deepEqual(schedule, ['every 1h', 'every 2h'])
  assert.equal(action[1].headers['x-plain'], 'shown')
  assert.equal(deliver[1][0].url, '{{secrets.A}}')
  assert.ok(!(await stored()).includes('canary'))
})

test('a pause, a resumption and a removal have their before and after', async () => {
  const job = await service.makeJob({ name: 'paused' })
  await service.api('POST', `/api/jobs/${job.id}/pause`, { reason: 'for now' })
  const [paused] = await entries(service)
  assert.deepEqual(valuesOf(paused), { paused: [null, true], paused_reason: [null, 'for now'] })
  await service.api('POST', `/api/jobs/${job.id}/resume`, {})
  assert.deepEqual(valuesOf((await entries(service))[0])['paused'], [true, null])
  await service.api('DELETE', `/api/jobs/${job.id}`)
  assert.deepEqual(valuesOf((await entries(service))[0])['name'], ['paused', null])
})

test('channels, keys, secrets and files of jobs: what they were and are, and never a secret', async () => {
  const channel = (url: string) => service.api('PUT', '/api/channels/team', { type: 'slack', url })
  await channel('https://hooks.slack.com/services/canary-e')
  await channel('https://hooks.slack-gov.com/services/canary-f')
  assert.deepEqual(valuesOf((await entries(service))[0]), {
    host: ['hooks.slack.com', 'hooks.slack-gov.com'],
  })
  await service.api('PUT', '/api/secrets/CANARY', { value: 'canary-value' })
  await service.api('PUT', '/api/secrets/CANARY', { value: 'canary-value-2' })
  assert.deepEqual(valuesOf((await entries(service))[0]), { version: [1, 2] })
  const { body } = await service.api('POST', '/api/keys', { name: 'k', scopes: ['jobs:read'] })
  assert.deepEqual(valuesOf((await entries(service))[0]), {
    name: [null, 'k'],
    scopes: [null, ['jobs:read']],
  })
  await service.api('DELETE', `/api/keys/${body.key.id}`)
  assert.deepEqual(valuesOf((await entries(service))[0]), { revoked_at: [null, '2026-06-18T08:00:00.000Z'] })
  const job = { schedule: 'every 1h', action: { type: 'http', url: 'https://example.com' } }
  await service.api('POST', '/api/apply', { jobs: { nightly: job } })
  const [applied] = await entries(service)
  assert.deepEqual(
    changesIn(applied).find(({ field }) => field === 'schedule'),
    { of: 'nightly', field: 'schedule', before: null, after: 'every 1h' },
  )
  assert.doesNotMatch(await stored(), /canary-/)
})

test('channels that a file makes, changes and prunes, with their secrets by name alone', async () => {
  await service.api('PUT', '/api/secrets/HOOK', { value: 'https://hooks.slack.com/services/canary-g' })
  const apply = async (channels: Json, query = '') => {
    const file = { owner: 'shop', channels, jobs: {} }
    const { status, body } = await service.api('POST', `/api/apply${query}`, file)
    assert.equal(status, 200, JSON.stringify(body))
    const [entry] = await entries(service)
    return changesIn(entry).map(({ of, field, before: was, after: is }) => [of, field, was, is])
  }
  const byName = { type: 'slack', url: '{{secrets.HOOK}}' }
  assert.deepEqual(await apply({ filed: { ...byName, default_on: 'failure' } }), [
    ['channels.filed', 'type', null, 'slack'],
    ['channels.filed', 'url', null, '{{secrets.HOOK}}'],
    ['channels.filed', 'default_on', null, ['failure']],
    ['channels.filed', 'owner', null, 'shop'],
  ])
  const moved = { type: 'slack', url: '{{secrets.CANARY}}' }
  assert.deepEqual(await apply({ filed: moved }), [
    ['channels.filed', 'url', '{{secrets.HOOK}}', '{{secrets.CANARY}}'],
    ['channels.filed', 'default_on', ['failure'], null],
  ])
  assert.deepEqual((await apply({}, '?prune=true'))[1], ['channels.filed', 'url', '{{secrets.CANARY}}', null])
  const url = 'https://hooks.slack.com/services/canary-h'
  await service.api('PUT', '/api/channels/by-hand', { type: 'slack', url })
  assert.deepEqual(await apply({ 'by-hand': byName }), [
    ['channels.by-hand', 'url', '[REDACTED]', '{{secrets.HOOK}}'],
    ['channels.by-hand', 'owner', null, 'shop'],
  ])
  assert.doesNotMatch(await stored(), /canary-/)
})

test('what is kept is bounded, and says what was left out; what was refused has changed nothing', async () => {
  const job = await service.makeJob({ name: 'long' })
  await service.api('PATCH', `/api/jobs/${job.id}`, { prompt: `${'x'.repeat(1_999)}\u{1f600}y` })
  assert.equal(valuesOf((await entries(service))[0])['prompt'][1].length, 2_000)
  const jobs = Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [
      `j${index}`,
      { schedule: 'every 1h', prompt: 'z'.repeat(900) },
    ]),
  )
  await service.api('POST', '/api/apply', { jobs })
  const [many] = await entries(service)
  assert.ok(many.changed.length > 5 && many.changed_left_out > 100, `${many.changed_left_out}`)
  assert.ok(JSON.stringify(many.changed).length < 20_000)
  await service.api('PATCH', `/api/jobs/${job.id}`, { schedule: 'never ever' })
  assert.equal((await entries(service))[0].changed, null)
})
