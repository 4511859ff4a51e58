import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { codeOf, type Problem } from '../rest/setup.ts'
import { newerSecret, putChannel, signingSecret, startSealing } from './setup.ts'

let service: Service
before(async () => {
  service = await startSealing()
})
after(() => service.close())

const hook = { type: 'webhook', url: 'https://hooks.example/very/secret', secrets: [signingSecret] }
const put = (name: string, body: unknown) => service.api('PUT', `/api/channels/${name}`, body)
const pathsOf = ({ body }: { body: Json }) => ((body as Problem).errors ?? []).map(({ path }) => path)
const sealedOf = async (name: string) => {
  const [row] = await service.database.sql<
    { sealed: string }[]
  >`select sealed from channels where name = ${name}`
  return row?.sealed ?? ''
}

test('PUT makes a channel (201) and replaces it as a whole (200); GET shows it', async () => {
  const made = await put('team', { ...hook, default_on: 'failure' })
  assert.equal(made.status, 201)
  assert.equal(made.headers.get('location'), '/api/channels/team')
  const expected = {
    name: 'team',
    type: 'webhook',
    default_on: ['failure'],
    summary: { host: 'hooks.example', signatures: 1 },
    disabled_at: null,
    disabled_reason: null,
    last_error: null,
    last_error_at: null,
    created_at: '2026-06-18T08:00:00.000Z',
    updated_at: '2026-06-18T08:00:00.000Z',
  }
  assert.deepEqual(made.body, { channel: expected })
  const replaced = await put('team', { type: 'slack', url: 'https://hooks.slack.example/x' })
  assert.equal(replaced.status, 200)
  const { channel } = (await service.api('GET', '/api/channels/team')).body
  assert.deepEqual(
    [channel.type, channel.default_on, channel.summary],
    ['slack', null, { host: 'hooks.slack.example' }],
  )
  const { channels } = (await service.api('GET', '/api/channels')).body
  assert.deepEqual([channels.length, channels[0].name], [1, 'team'])
})

test('nothing of a configuration but whom it reaches is ever shown, and none of it is kept in clear', async () => {
  const configs: Record<string, object> = {
    s1: hook,
    s2: { type: 'slack', url: 'https://hooks.slack.example/T/very-secret' },
    s3: { type: 'discord', url: 'https://discord.example/very-secret' },
    s4: { type: 'telegram', bot_token: '123456:very-secret', chat_id: '@ops' },
    s5: {
      type: 'email',
      host: 'smtp.example',
      user: 'u',
      password: 'very-secret',
      from: 'a@b.example',
      to: ['c@d.example'],
    },
    s6: { type: 'healthcheck', url: 'https://hc.example/ping/very-secret' },
    s7: { ...hook, headers: { authorization: 'Bearer very-secret' } },
  }
  const answers = []
  for (const [name, config] of Object.entries(configs)) answers.push(await putChannel(service, name, config))
  answers.push(
    (await service.api('GET', '/api/channels')).body,
    (await service.api('GET', '/api/audit')).body,
  )
  const rows = await service.database.sql`select * from channels`
  const seen = JSON.stringify([answers, rows])
  assert.doesNotMatch(seen, /very.secret|whsec_/)
  const { channel } = (await service.api('GET', '/api/channels/s5')).body
  assert.deepEqual(channel.summary, {
    host: 'smtp.example',
    port: null,
    from: 'a@b.example',
    to: ['c@d.example'],
  })
  for (const name of Object.keys(configs)) await service.api('DELETE', `/api/channels/${name}`)
})

test('a webhook without secrets gets one, shown once, and keeps it when it is replaced', async () => {
  const made = await putChannel(service, 'made', { type: 'webhook', url: 'https://a.example' })
  assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{32}$/)
  const first = await sealedOf('made')
  const again = await putChannel(service, 'made', { type: 'webhook', url: 'https://b.example' })
  assert.equal(again.secret, undefined)
  assert.deepEqual(again.channel.summary, { host: 'b.example', signatures: 1 })
  assert.notEqual(await sealedOf('made'), first)
  const rotated = await putChannel(service, 'made', { ...hook, secrets: [newerSecret, signingSecret] })
  assert.deepEqual([rotated.secret, rotated.channel.summary.signatures], [undefined, 2])
})

test('a secret of the service may stand in a channel by its name', async () => {
  const { channel } = await putChannel(service, 'byname', {
    ...{ type: 'slack', url: '{{secrets.SLACK_URL}}' },
    default_on: ['success', 'recovery'],
  })
  assert.deepEqual(channel.summary, { host: null, secrets: ['SLACK_URL'] })
  assert.deepEqual(channel.default_on, ['success', 'recovery'])
})

test('a name that is reserved or has another form is refused', async () => {
  for (const name of ['local', 'none', 'origin', 'Team', '-a', 'a.b', 'x'.repeat(64), '%20'])
    assert.equal(codeOf(await put(name, hook)), '400 FIELD_INVALID', name)
})

test('a configuration that cannot be used is refused with the path of the field, and never its value', async () => {
  const mail = { type: 'email', host: 'smtp.example', from: 'a@b.example', to: ['c@d.example'] }
  const wrong: [path: string, body: object][] = [
    ['url', { type: 'webhook' }],
    ['url', { type: 'slack', url: 'ftp://hidden.example/x' }],
    ['url', { type: 'discord', url: 'https://user:hidden@a.example' }],
    ['url', { type: 'slack', url: '{{job.name}}' }],
    ['url', { type: 'healthcheck', url: 'https://a.example/{{secrets.hidden' }],
    ['secrets[0]', { ...hook, secrets: ['whsec_hidden'] }],
    ['secrets', { ...hook, secrets: [] }],
    ['headers', { ...hook, headers: { 'webhook-id': 'hidden' } }],
    ['headers.authorization', { ...hook, headers: { authorization: 'hidden\r\nx: y' } }],
    ['template', { ...hook, template: 'see {{secrets.TOKEN}}' }],
    ['bot_token', { type: 'telegram', bot_token: 'hidden token', chat_id: 1 }],
    ['chat_id', { type: 'telegram', bot_token: '1:a', chat_id: 'no chat' }],
    ['from', { ...mail, from: 'a@b.example\r\nBcc: c@d.example' }],
    ['to[1]', { ...mail, to: ['c@d.example', 'e@f.example, g@h.example'] }],
    ['port', { ...mail, port: 0 }],
    ['password', { ...mail, password: 'hidden\nx' }],
    ['style', { type: 'healthcheck', url: 'https://a.example', style: 'other' }],
    ['default_on', { ...hook, default_on: 'sometimes' }],
    ['', { type: 'pigeon' }],
    ['', { url: 'https://hidden.example' }],
  ]
  for (const [path, body] of wrong) {
    const answer = await put('wrong', body)
    assert.equal(codeOf(answer), '400 FIELD_INVALID', JSON.stringify(body))
    assert.deepEqual(pathsOf(answer), [path], JSON.stringify(answer.body.errors))
    assert.doesNotMatch(JSON.stringify(answer.body), /hidden/)
  }
  assert.equal(codeOf(await put('wrong', { ...hook, urll: 'x' })), '400 FIELD_UNKNOWN')
})

test('what is not there is answered 404', async () => {
  for (const [method, path] of [
    ['GET', 'x'],
    ['DELETE', 'x'],
    ['POST', 'x/test'],
  ] as const)
    assert.equal(codeOf(await service.api(method, `/api/channels/${path}`)), '404 CHANNEL_NOT_FOUND')
})

test('a channel that a job names, in whatever form, is not removed', async () => {
  await putChannel(service, 'used', hook)
  for (const deliver of [
    'used',
    'local, USED',
    ['none', 'used'],
    ['origin,used'],
    { channel: 'used', on: 'failure' },
    [{ channel: 'used', template: 'x' }],
  ]) {
    const job = await service.makeJob({ deliver })
    const refused = await service.api('DELETE', '/api/channels/used')
    assert.equal(codeOf(refused), '409 CHANNEL_IN_USE')
    assert.deepEqual(refused.body.jobs, [job.id])
    assert.equal((await service.api('DELETE', `/api/jobs/${job.id}`)).status, 200)
  }
  await service.makeJob({ name: 'used', tags: ['used'], deliver: 'none' })
  const { status, body } = await service.api('DELETE', '/api/channels/used')
  assert.deepEqual([status, body], [200, { ok: true, name: 'used' }])
})

test('a job that names a channel by an object which is not there is refused', async () => {
  for (const deliver of [{ channel: 'nobody' }, ['none', { channel: 'nobody' }]]) {
    const job = { name: 'x', schedule: '30m', prompt: 'x', deliver }
    const answer = await service.api('POST', '/api/jobs', job)
    assert.equal(codeOf(answer), '400 FIELD_INVALID')
    assert.match(answer.body.detail, /deliver: no channel named "nobody"/)
  }
})

test('what a job delivers to is checked field by field, and holds secrets by name only', async () => {
  const inline = { type: 'webhook', url: 'https://a.example', secrets: ['{{secrets.HOOK}}'] }
  const wrong: [path: string, deliver: unknown][] = [
    ['deliver', 'not\none line'],
    ['deliver', 7],
    ['deliver', { on: 'failure' }],
    ['deliver', Array.from({ length: 21 }, () => 'none')],
    ['deliver.secrets', { type: 'webhook', url: 'https://a.example' }],
    ['deliver.secrets[0]', { ...inline, secrets: [signingSecret] }],
    ['deliver.url', { type: 'slack', url: 'https://hidden.example' }],
    ['deliver.bot_token', { type: 'telegram', bot_token: '1:hidden', chat_id: 1 }],
    ['deliver.headers.authorization', { ...inline, headers: { authorization: 'Bearer {{secrets.HOOK}}' } }],
    ['deliver.on', { ...inline, on: 'never' }],
    ['deliver[1].on[0]', ['none', { channel: 'team', on: ['never'] }]],
    ['deliver[0].template', [{ channel: 'team', template: '{{nothing}}' }]],
    ['deliver[0]', [['team']]],
  ]
  for (const [path, deliver] of wrong) {
    const answer = await service.api('POST', '/api/jobs', {
      name: 'x',
      schedule: '30m',
      prompt: 'x',
      deliver,
    })
    assert.equal(codeOf(answer), '400 FIELD_INVALID', JSON.stringify(deliver))
    assert.deepEqual(pathsOf(answer), [path], JSON.stringify(answer.body.errors))
    assert.doesNotMatch(JSON.stringify(answer.body), /hidden|whsec_C2/)
  }
  await service.api('PUT', '/api/secrets/HOOK', { value: signingSecret })
  const job = await service.makeJob({
    deliver: [inline, { ...inline, on: ['failure', 'recovery'], template: '{{run.output}}' }],
  })
  assert.deepEqual(job.deliver[0], inline)
})

test('without ENCRYPTION_KEY no channel is made, and the answer says so', async (t) => {
  const plain = await startService({ clock: '2026-06-18T08:00:00Z' })
  t.after(() => plain.close())
  const answer = await plain.api('PUT', '/api/channels/team', hook)
  assert.equal(codeOf(answer), '409 ENCRYPTION_KEY_MISSING')
  assert.deepEqual((await plain.api('GET', '/api/channels')).body, { channels: [], next_cursor: null })
})

test('a channel that was sealed with another key is listed without a summary', async (t) => {
  const other = await startSealing()
  t.after(() => other.close())
  await putChannel(other, 'team', hook)
  const sealed = await sealedOf('made')
  await other.database.sql`update channels set sealed = ${sealed}`
  const { channels } = (await other.api('GET', '/api/channels')).body
  assert.deepEqual([channels.length, channels[0].name, channels[0].summary], [1, 'team', null])
  assert.equal(codeOf(await other.api('POST', '/api/channels/team/test')), '500 SECRET_UNREADABLE')
})
