import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { codeOf } from '../rest/setup.ts'
import { type Json, type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({
    clock: '2026-06-18T08:00:00Z',
    env: { ENCRYPTION_KEY: randomBytes(32).toString('base64') },
  })
  await service.api('PUT', '/api/secrets/SLACK_URL', { value: 'https://hooks.slack.com/services/T/B/1' })
  await service.api('PUT', '/api/secrets/BOT_TOKEN', { value: '123456:abcdefghijklmnop' })
})
after(() => service.close())

const post = (path: string, body: unknown, headers = {}) => service.api('POST', path, body, headers)
const slack = { type: 'slack', url: '{{secrets.SLACK_URL}}' }
const telegram = { type: 'telegram', bot_token: '{{secrets.BOT_TOKEN}}', chat_id: '42' }
const job = (channel: string) => ({
  schedule: 'every 1h',
  deliver: { channel, on: 'failure' },
  action: { type: 'http', url: `${service.target.url}/hook` },
})
const file = (channels: object, jobs: object = {}) => ({ owner: 'shop', channels, jobs })
const linesOf = ({ body }: { body: Json }) =>
  (body.channels as Json[]).map(
    ({ name, what, changed }: Json) =>
      `${what} ${name} ${(changed as Json[]).map((one) => one.field).join(' ')}`,
  )

test('channels of a file are made with the jobs that name them, changed and pruned, and exported', async () => {
  const first = file({ team: { ...slack, default_on: 'failure' } }, { ping: job('team') })
  assert.deepEqual(linesOf(await post('/api/plan', first)), ['make team type url default_on owner'])
  const made = await post('/api/apply', first)
  assert.equal(made.status, 200, JSON.stringify(made.body))
  const { body: read } = await service.api('GET', '/api/channels/team')
  assert.deepEqual([read.channel.type, read.channel.default_on], ['slack', ['failure']])
  assert.deepEqual(read.channel.summary.secrets, ['SLACK_URL'])
  assert.deepEqual(linesOf(await post('/api/apply', first)), [])

  const second = file({ team: telegram }, { ping: job('team') })
  const { body: plan } = await post('/api/plan', second)
  assert.deepEqual(
    (plan.channels[0].changed as Json[]).map(({ field, before: was, after: now }: Json) => [field, was, now]),
    [
      ['type', 'slack', 'telegram'],
      ['url', '{{secrets.SLACK_URL}}', null],
      ['default_on', ['failure'], null],
      ['bot_token', null, '{{secrets.BOT_TOKEN}}'],
      ['chat_id', null, '42'],
    ],
  )
  assert.equal((await post(`/api/apply?plan=${plan.plan}`, second)).status, 200)
  const { body: exported } = await service.api('GET', '/api/export?owner=shop')
  assert.deepEqual(exported.file.channels, { team: telegram })
  assert.deepEqual(linesOf(await post('/api/plan', exported.file)), [])
  assert.deepEqual(exported.channels_left_out, [])

  // a job that is not in the file names it still
  const other = await service.makeJob({ deliver: { channel: 'team' } })
  assert.equal(codeOf(await post('/api/apply?prune=true', file({}))), '409 CHANNEL_IN_USE')
  assert.equal((await service.api('GET', '/api/jobs/by-key/ping')).status, 200)
  await service.api('DELETE', `/api/jobs/${other.id}`)
  const pruned = await post('/api/apply?prune=true', file({}))
  assert.deepEqual([pruned.body.removed, linesOf(pruned)], [1, ['remove team type bot_token chat_id owner']])
  assert.equal((await service.api('GET', '/api/channels/team')).status, 404)
})

test('the schema for editors knows the channels of a file', async () => {
  const schema = JSON.stringify((await service.api('GET', '/chronos.schema.json')).body)
  for (const name of ['SlackChannelOfFile', 'TelegramChannelOfFile']) assert.ok(schema.includes(name), name)
})

test('a channel whose secret does not exist is refused by name, and nothing is made', async () => {
  const wrong = file({ lost: { type: 'slack', url: '{{secrets.NOWHERE}}' } }, { lost: job('lost') })
  for (const path of ['/api/plan', '/api/apply']) {
    const { status, body } = await post(path, wrong)
    assert.deepEqual([status, body.code], [400, 'FIELD_INVALID'])
    assert.deepEqual(body.errors, [
      { path: 'channels.lost', message: 'channels.lost: no secret named "NOWHERE"' },
    ])
  }
  assert.equal((await service.api('GET', '/api/channels/lost')).status, 404)
  assert.equal((await service.api('GET', '/api/jobs/by-key/lost')).status, 404)
  const written = file({ lost: { type: 'slack', url: 'https://hooks.slack.com/services/T/B/1' } })
  assert.equal(codeOf(await post('/api/plan', written)), '400 FIELD_INVALID')
})

test('jobs and channels are one: if a job is refused, its channel is not made', async () => {
  const wrong = file({ half: slack }, { half: { ...job('half'), after: { job: 'half' } } })
  for (const path of ['/api/plan', '/api/apply'])
    assert.equal(codeOf(await post(path, wrong)), '400 AFTER_CYCLE')
  // a circle is found once the channel and the jobs are written, and all of it is taken back
  const [one, other] = [
    { ...job('half'), after: { job: 'other' } },
    { ...job('half'), after: { job: 'one' } },
  ]
  assert.equal(codeOf(await post('/api/apply', file({ half: slack }, { one, other }))), '400 AFTER_CYCLE')
  assert.equal((await service.api('GET', '/api/channels/half')).status, 404)
})

test('a channel that was set by hand shows none of its secrets, and becomes that of the file', async () => {
  const url = 'https://hooks.slack.com/services/T/B/by-hand'
  await service.api('PUT', '/api/channels/hand', { type: 'slack', url })
  const exported = await service.api('GET', '/api/export')
  assert.deepEqual(
    [exported.body.file.channels?.hand, exported.body.channels_left_out],
    [undefined, ['hand']],
  )
  const { body: plan } = await post('/api/plan', file({ hand: slack }))
  assert.equal(JSON.stringify(plan).includes('by-hand'), false)
  assert.deepEqual(plan.channels[0].changed[0], { field: 'url', before: '[REDACTED]', after: slack.url })
  // set again meanwhile
  await service.api('PUT', '/api/channels/hand', { type: 'slack', url })
  const stale = await post(`/api/apply?plan=${plan.plan}`, file({ hand: slack }))
  assert.equal(codeOf(stale), '409 PLAN_STALE')
  assert.equal((await post('/api/apply', file({ hand: slack }))).status, 200)
  const strange = { ...file({ hand: telegram }), owner: 'other' }
  assert.equal(codeOf(await post('/api/plan', strange)), '409 OWNER_CONFLICT')
})

test('a key without admin applies a file whose channels stand as they are, and no other', async () => {
  const { body } = await service.api('POST', '/api/keys', { name: 'ci', scopes: ['jobs:write'] })
  const headers = { authorization: `Bearer ${body.secret}` }
  const wanted = file({ kept: slack }, { kept: job('kept') })
  const refused = await post('/api/apply', wanted, headers)
  assert.deepEqual([codeOf(refused), refused.body.needed], ['403 SCOPE_MISSING', 'admin'])
  assert.equal((await service.api('GET', '/api/channels/kept')).status, 404)
  assert.equal((await post('/api/apply', file({ kept: slack }))).status, 200)
  assert.equal((await post('/api/apply', wanted, headers)).body.made, 1)
})

test('the channels of a file are those of its project, and so are the secrets', async () => {
  assert.equal((await service.api('PUT', '/api/projects/other', {})).status, 201)
  const there = { 'chronos-project': 'other' }
  const ours = file({ both: slack }, { both: job('both') })
  assert.equal((await post('/api/apply', ours)).status, 200)
  const refused = await post('/api/apply', ours, there)
  assert.equal(codeOf(refused), '400 FIELD_INVALID')
  assert.match(JSON.stringify(refused.body.errors), /no secret named .*SLACK_URL/)

  const value = 'https://hooks.slack.com/services/T/B/2'
  assert.equal((await service.api('PUT', '/api/secrets/SLACK_URL', { value }, there)).status, 201)
  assert.deepEqual(linesOf(await post('/api/apply', ours, there)), ['make both type url owner'])
  const { body: exported } = await service.api('GET', '/api/export?owner=shop', undefined, there)
  assert.deepEqual(Object.keys(exported.file.channels), ['both'])
  const pruned = await post('/api/apply?prune=true', { owner: 'shop', jobs: {} }, there)
  assert.deepEqual(linesOf(pruned), ['remove both type url owner'])
  assert.equal((await service.api('GET', '/api/channels/both')).status, 200)
  assert.equal((await service.api('GET', '/api/channels/both', undefined, there)).status, 404)
})

test('more channels than can be read together are neither exported nor pruned', async () => {
  await service.api('PUT', '/api/projects/many', {})
  await service.database.sql`
    insert into channels (name, type, sealed, created_at, updated_at)
    select 'many/c' || n, type, sealed, now(), now() from channels, generate_series(1, 1001) n where name = 'both'`
  const there = { 'chronos-project': 'many' }
  const exported = await service.api('GET', '/api/export', undefined, there)
  assert.equal(codeOf(exported), '400 FIELD_INVALID')
  assert.match(String(exported.body.detail), /more than 1000 channels/)
})
