import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import { at, claimsOf, createClient, instants, setup } from './setup.ts'

test('an armed job is listed, and fired once at its instant', async (t) => {
  const { nas, target, client, provision } = await setup(t)
  const answer = await provision('job1', at(60_000))
  assert.equal(answer.status, 200)
  assert.deepEqual(await client.list(), [
    { job_id: 'job1', fire_at: at(60_000), schedule_id: answer.body['schedule_id'] },
  ])
  await nas.setTime(at(59_999))
  assert.equal(target.fires.length, 0)
  await nas.setTime(at(60_000))
  assert.deepEqual(
    target.fires.map((fire) => fire.body),
    [{ job_id: 'job1', fire_at: at(60_000) }],
  )
  await nas.advance(86_400_000)
  assert.equal(target.fires.length, 1)
  assert.deepEqual(await client.list(), [])
})

test('a fire carries a token that its JWK set verifies', async (t) => {
  const { nas, target, provision } = await setup(t)
  await provision('job1', at(-1_000))
  await nas.idle()
  const fetchAsUs = (url: string) => fetch(url, { headers: { 'user-agent': 'nas-test/1' } })
  const keys = createRemoteJWKSet(new URL(nas.jwksUrl), { [customFetch]: fetchAsUs })
  const { payload, protectedHeader } = await jwtVerify(target.fires[0]?.token ?? '', keys, {
    audience: 'agent:local',
    issuer: nas.url,
    requiredClaims: ['exp', 'iat', 'nbf'],
  })
  assert.equal(payload['purpose'], 'cron_fire')
  assert.equal(protectedHeader.alg, 'ES256')
  assert.ok(protectedHeader.kid)
})

test('an instant in the past is fired at once', async (t) => {
  const { nas, target, provision } = await setup(t)
  await provision('job1', at(-3_600_000))
  await nas.idle()
  assert.equal(target.fires.length, 1)
})

test('a new instant replaces the earlier arm', async (t) => {
  const { nas, target, client, provision } = await setup(t)
  const first = await provision('job1', at(60_000))
  const second = await provision('job1', at(120_000))
  assert.notEqual(first.body['schedule_id'], second.body['schedule_id'])
  assert.equal((await client.list()).length, 1)
  await nas.advance(300_000)
  assert.deepEqual(
    target.fires.map((fire) => fire.body.fire_at),
    [at(120_000)],
  )
})

test('the same instant again is a no-op, however it is written', async (t) => {
  const { nas, target, client, provision } = await setup(t)
  const first = await provision('job1', '2026-06-18T12:01:00Z')
  const again = await provision('job1', '2026-06-18T14:01:00.000+02:00')
  assert.equal(first.body['schedule_id'], again.body['schedule_id'])
  assert.equal((await client.list())[0]?.['fire_at'], '2026-06-18T12:01:00Z')
  await nas.advance(300_000)
  assert.equal(target.fires.length, 1)
})

test('a cancelled job is not fired; cancelling an unknown one is a no-op', async (t) => {
  const { nas, target, client, provision } = await setup(t)
  await provision('job1', at(60_000))
  assert.deepEqual((await client.cancel('job1')).body, { ok: true })
  assert.deepEqual((await client.cancel('nobody')).body, { ok: true })
  await nas.advance(300_000)
  assert.equal(target.fires.length, 0)
  assert.deepEqual(await client.list(), [])
})

test('rows belong to the agent of the access token, and so do their fires', async (t) => {
  const { nas, target, client, provision } = await setup(t)
  const other = createClient(nas, await nas.issueAccessToken({ agent: 'other' }))
  await provision('job1', at(60_000))
  await other.provision('job1', at(61_000), target.url)
  await other.cancel('unrelated')
  assert.deepEqual(instants(await client.list()), [at(60_000)])
  assert.deepEqual(instants(await other.list()), [at(61_000)])
  await nas.advance(60_500)
  await client.cancel('job1')
  await nas.advance(1_000)
  const audiences = target.fires.map((fire) => claimsOf(fire)['aud'])
  assert.deepEqual(audiences, ['agent:local', 'agent:other'])
})

test('a 2xx removes only the arm that was delivered, not one provisioned during its fire', async (t) => {
  const { nas, client, provision } = await setup(t, {}, (fire) => {
    void provision('job1', at(120_000)).then(() => fire.answer(202))
  })
  await provision('job1', at(60_000))
  await nas.advance(60_000)
  assert.deepEqual(instants(await client.list()), [at(120_000)])
})

test('the route of fires is appended to agent_callback_url as it was given', async (t) => {
  const { client, nas, target } = await setup(t)
  await client.provision('job1', at(0), target.url)
  await client.provision('job2', at(1), `${target.url}/below`)
  await client.provision('job3', at(2), `${target.url}/api/cron/fire`)
  await nas.advance(2)
  assert.deepEqual(
    target.fires.map(({ path }) => path),
    ['/api/cron/fire', '/below/api/cron/fire', '/api/cron/fire/api/cron/fire'],
  )
})

test('a request that cannot be read is refused with what was expected', async (t) => {
  const { client } = await setup(t)
  const good = {
    job_id: 'j',
    fire_at: at(0),
    agent_callback_url: 'http://127.0.0.1/x',
    dedup_key: `j:${at(0)}`,
  }
  const wrong = [
    [{ ...good, job_id: 7 }, /^job_id is 7/],
    [{ ...good, fire_at: '2026-02-30T00:00:00Z' }, /^fire_at is/],
    [{ ...good, fire_at: '2026-02-03T00:00:00' }, /^fire_at is .* with an offset/],
    [{ ...good, agent_callback_url: '/api/cron/fire' }, /^agent_callback_url is/, 422],
    [{ ...good, dedup_key: 'j' }, /^dedup_key is "j"/],
    [[], /not a JSON object/],
  ] as const
  for (const [body, message, status = 400] of wrong) {
    const answer = await client.call('POST', '/api/agent-cron/provision', body)
    assert.equal(answer.status, status)
    assert.match(String(answer.body['error_description']), message)
  }
  assert.equal((await client.call('POST', '/api/agent-cron/provision', good)).status, 200)
})
