import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startCloudTasks } from '../../dev/cloud-tasks/index.ts'
import { readConfig, secretsOf } from '../../src/ground/config.ts'
import { createAccess } from '../../src/timers/cloud-tasks/access.ts'

async function setup(t: TestContext, change: Record<string, string> = {}) {
  const google = await startCloudTasks({ tokenLifeS: 600 })
  t.after(() => google.close())
  const { cloudTasks } = readConfig({ CLOUD_TASKS_KEY: JSON.stringify({ ...google.keyFile, ...change }) })
  const clock = { now: Date.now() }
  const { key } = cloudTasks
  assert.ok(key)
  const access = createAccess({ key, userAgent: 'chronos/test', now: () => clock.now })
  return { google, access, clock, asked: () => google.assertions().length }
}

test('a token is asked for once, by however many at one time, and again shortly before it ends', async (t) => {
  const { access, clock, asked } = await setup(t)
  const [one, other] = await Promise.all([access.get(), access.get()])
  assert.ok(one.ok)
  assert.deepEqual(one, other)
  await access.get()
  assert.equal(asked(), 1)
  clock.now += 479_000
  assert.deepEqual(await access.get(), one)
  clock.now += 2_000
  assert.notDeepEqual(await access.get(), one)
  assert.equal(asked(), 2)
})

test('the assertion is what Google wants: the account, the scope, the endpoint, an hour', async (t) => {
  const { google, access } = await setup(t)
  await access.get()
  const [claims] = google.assertions()
  assert.deepEqual(
    [claims?.iss, claims?.aud, claims?.['scope'], (claims?.exp ?? 0) - (claims?.iat ?? 0)],
    [google.caller, google.keyFile.token_uri, 'https://www.googleapis.com/auth/cloud-platform', 3_600],
  )
})

test('a token that was refused is not handed out again; another one is none of its business', async (t) => {
  const { access, asked } = await setup(t)
  const one = await access.get()
  assert.ok(one.ok)
  access.invalidate('another')
  await access.get()
  assert.equal(asked(), 1)
  access.invalidate(one.value)
  await access.get()
  assert.equal(asked(), 2)
})

test('an account that Google does not accept is refused; an endpoint that is down is not', async (t) => {
  const { access } = await setup(t, { client_email: 'stranger@a-project.iam.gserviceaccount.com' })
  const answer = await access.get()
  assert.deepEqual(!answer.ok && [answer.kind, answer.code], ['refused', 'CLOUD_TASKS_TOKEN_REJECTED'])
  const down = await setup(t)
  down.google.faults.api = { fault: { kind: 'down' }, times: 1 }
  const lost = await down.access.get()
  assert.deepEqual(!lost.ok && [lost.kind, lost.code], ['transient', 'CLOUD_TASKS_ANSWER_LOST'])
  assert.ok((await down.access.get()).ok)
})

test('a key that cannot be read is refused, and nothing is asked', async (t) => {
  const { access, asked } = await setup(t, { private_key: '-----BEGIN PRIVATE KEY-----\nno\n' })
  const answer = await access.get()
  assert.deepEqual([!answer.ok && answer.kind, asked()], ['refused', 0])
})

test('the key file is read as text and as base64, and what is none is refused without being shown', async (t) => {
  const { google } = await setup(t)
  const text = JSON.stringify(google.keyFile)
  const base64 = Buffer.from(text).toString('base64')
  for (const written of [text, base64])
    assert.equal(readConfig({ CLOUD_TASKS_KEY: written }).cloudTasks.key?.email, google.caller)
  for (const written of ['hunter2', '{"client_email":"hunter2"}', '{"private_key":"hunter2"}'])
    assert.throws(
      () => readConfig({ CLOUD_TASKS_KEY: written }),
      ({ message }: Error) => message.includes('CLOUD_TASKS_KEY must be') && !message.includes('hunter2'),
    )
  assert.throws(() => readConfig({ CLOUD_TASKS_QUEUE: 'chronos' }), /CLOUD_TASKS_QUEUE must be the full name/)
})

test('the key is never shown, as it is written and line by line', async (t) => {
  const { google } = await setup(t)
  const text = JSON.stringify(google.keyFile)
  const known = secretsOf(readConfig({ CLOUD_TASKS_KEY: text }))
  const lines = google.keyFile.private_key.split('\n').filter((line) => line.length > 60)
  assert.ok(lines.length > 5)
  for (const secret of [text, google.keyFile.private_key, ...lines]) assert.ok(known.includes(secret))
  assert.throws(
    () => readConfig({ COMMANDS: 'on', COMMAND_ENV_ALLOW: 'CLOUD_TASKS_KEY', COMMAND_UID: '61000' }),
    /CLOUD_TASKS_KEY, which holds a secret/,
  )
})
