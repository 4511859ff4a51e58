import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { agentOf, callRelay, instantIn } from '../../dev/relay/client.ts'
import { createAddressRules } from '../../relay/core/index.ts'
import { hook, relayFile, setup } from './setup.ts'

const far = '2027-06-18T12:00:00Z'
const base = 'http://127.0.0.1:1'

test('only the admin secret makes agents', async (t) => {
  const { url } = await setup(t)
  for (const token of [undefined, 'wrong', 'the-admin-secret-of-a-relay-in-test'])
    for (const [method, path] of [
      ['POST', '/agents'],
      ['GET', '/agents'],
      ['DELETE', '/agents/x'],
      ['POST', '/agents/x/token'],
      ['POST', '/keys/rotate'],
    ] as const)
      assert.equal((await callRelay(`${url}${path}`, { method, ...(token && { token }) })).status, 401)
})

test('an agent is told everything that its service needs, and its token this once', async (t) => {
  const file = await relayFile(t)
  const { url, own, agent } = await setup(t, { file })
  const { id, token, made } = await agent('http://127.0.0.1:1/', { agent_id: 'orders' })
  assert.equal(id, 'orders')
  assert.deepEqual(made['environment'], {
    CRON_PROVIDER: 'chronos',
    NAS_PORTAL_URL: url,
    NAS_AUDIENCE: 'agent:orders',
    NAS_ACCESS_TOKEN: token,
    CALLBACK_URL: 'http://127.0.0.1:1',
  })
  const later = JSON.stringify([
    (await own('GET', '/agents')).body,
    (await own('GET', '/agents/orders')).body,
  ])
  assert.equal(later.includes(token), false)
  const stored = Buffer.concat([await readFile(file), await readFile(`${file}-wal`)])
  assert.equal(stored.includes(token), false, 'hashed at rest')
})

test('what an agent is created with is checked', async (t) => {
  const { own, agent } = await setup(t)
  await agent(base, { agent_id: 'taken' })
  const tries: [unknown, number][] = [
    [{}, 400],
    [{ callback_urls: [] }, 400],
    [{ callback_urls: base }, 400],
    [{ callback_urls: [base], agent_id: 'Upper' }, 400],
    [{ callback_urls: [base], agent_id: 'a_b' }, 400],
    [{ callback_urls: [base], agent_id: 'taken' }, 409],
    [{ callback_urls: [base], rows: 0 }, 400],
    [{ callback_urls: [base], colour: 'red' }, 400],
    [{ callback_urls: ['https://10.0.0.1'] }, 422],
    [{ callback_urls: [base, 'https://app.internal'] }, 422],
    [[], 400],
  ]
  for (const [json, status] of tries)
    assert.equal((await own('POST', '/agents', json)).status, status, JSON.stringify(json))
})

test('a name that leads to a private address is refused when it is registered', async (t) => {
  const rules = createAddressRules([])
  // As if `localhost` were a public name whose owner points it here.
  const { own } = await setup(t, { rules: { ...rules, ofHost: () => null } })
  const { status, body } = await own('POST', '/agents', { callback_urls: ['https://localhost'] })
  assert.equal(status, 422)
  assert.match(String(body['error_description']), /leads to a private address \(loopback\)/)
})

test('agents do not see each other', async (t) => {
  const { agent, own } = await setup(t)
  const [one, other] = [await agent(base), await agent(base)]
  await one.provision('job', far)
  await other.provision('job', '2027-06-18T13:00:00Z')
  assert.deepEqual(
    (await one.list()).map((row) => row.fire_at),
    [far],
  )
  await other.cancel('job')
  assert.equal((await one.list()).length, 1)
  assert.equal((await other.list()).length, 0)
  // A token names its agent: one that is put together of two speaks for neither.
  const mixed = one.token.replace(one.id, other.id)
  assert.equal(
    (await agentOf({ url: String(one.made['issuer']), token: mixed, callbackUrl: base }).provision('x', far))
      .status,
    401,
  )
  assert.deepEqual(((await own('GET', '/agents')).body['agents'] as unknown[]).length, 2)
})

test('a deleted agent is refused from then on, and what it had armed is gone', async (t) => {
  const target = await hook(t)
  const { agent, own, url } = await setup(t)
  const first = await agent(target.url, { agent_id: 'a' })
  await first.provision('gone', instantIn(1_000))
  assert.equal((await own('DELETE', '/agents/a')).status, 204)
  assert.equal((await own('DELETE', '/agents/a')).status, 404)
  assert.equal((await first.provision('job', far)).status, 401)
  assert.equal(
    (await callRelay(`${url}/api/agent-cron/list`, { method: 'GET', token: first.token })).status,
    401,
  )
  // One of the same name later is another agent.
  const second = await agent(target.url, { agent_id: 'a' })
  assert.deepEqual(await second.list(), [])
  assert.equal((await first.provision('job', far)).status, 401)
  await second.provision('later', instantIn(1_200))
  assert.ok(await target.until(() => target.firesOf('later')[0]))
  assert.equal(target.firesOf('gone').length, 0)
})

test('a new token replaces the old one, at once or after a while', async (t) => {
  const { agent, own, url } = await setup(t)
  const { id, token, provision } = await agent(base)
  const renewed = await own('POST', `/agents/${id}/token`, { old_token_valid_for_s: 60 })
  const second = agentOf({ url, token: String(renewed.body['token']), callbackUrl: base })
  assert.equal((await provision('job', far)).status, 200, 'the old one is still good')
  assert.equal((await second.provision('job', far)).status, 200)
  const third = await own('POST', `/agents/${id}/token`)
  assert.equal((await second.provision('job', far)).status, 401)
  assert.equal((await provision('job', far)).status, 401, token)
  assert.equal((third.body['environment'] as Record<string, string>)['NAS_ACCESS_TOKEN'], third.body['token'])
  assert.equal((await own('POST', `/agents/${id}/token`, { old_token_valid_for_s: -1 })).status, 400)
})

test('beyond its rows an agent is told to wait; replacing and cancelling go on', async (t) => {
  const { agent, own } = await setup(t)
  const { id, provision, cancel } = await agent(base, { rows: 2 })
  for (const job of ['one', 'two']) assert.equal((await provision(job, far)).status, 200)
  const refused = await provision('three', far)
  assert.equal(refused.status, 429)
  assert.equal(refused.body['error'], 'too_many_rows')
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  assert.equal((await provision('two', '2027-06-19T12:00:00Z')).status, 200)
  await cancel('one')
  assert.equal((await provision('three', far)).status, 200)
  await own('PATCH', `/agents/${id}`, { rows: 3 })
  assert.equal((await provision('four', far)).status, 200)
})

test('beyond its provisions a minute an agent is told when to come back', async (t) => {
  const { agent } = await setup(t)
  const [one, other] = [await agent(base, { provisions_per_minute: 3 }), await agent(base)]
  const answers = []
  for (let index = 0; index < 4; index += 1) answers.push(await one.provision('job', far))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 429],
  )
  assert.equal(answers[3]?.headers.get('retry-after'), '20')
  assert.equal((await other.provision('job', far)).status, 200)
})

test('a provision that cannot be taken says why', async (t) => {
  const { agent, url } = await setup(t)
  const { provision, token } = await agent(base)
  const post = (json: unknown) => callRelay(`${url}/api/agent-cron/provision`, { token, json })
  const good = { job_id: 'j', fire_at: far, agent_callback_url: base, dedup_key: `j:${far}` }
  assert.equal((await post(good)).status, 200)
  assert.equal((await post({ ...good, job_id: '' })).status, 400)
  assert.equal((await post({ ...good, fire_at: 'tomorrow', dedup_key: 'j:tomorrow' })).status, 400)
  assert.equal((await post({ ...good, dedup_key: 'other' })).status, 400)
  assert.equal((await post('text')).status, 400)
  assert.equal((await provision('j', '2036-01-01T00:00:00Z')).body['error'], 'fire_at_too_far')
  const elsewhere = await provision('j', far, 'http://127.0.0.1:2')
  assert.equal(elsewhere.status, 422)
  assert.match(String(elsewhere.body['error_description']), /registered with http:\/\/127\.0\.0\.1:1/)
  const large = await post({ ...good, padding: 'x'.repeat(70_000) })
  assert.equal(large.status, 413)
})

test('a path that is none, and a method that is none', async (t) => {
  const { url } = await setup(t)
  assert.equal((await callRelay(`${url}/nothing`, { method: 'GET' })).status, 404)
  const wrong = await callRelay(`${url}/api/agent-cron/provision`, { method: 'GET' })
  assert.equal(wrong.status, 405)
  assert.equal(wrong.headers.get('allow'), 'POST')
  assert.equal((await callRelay(`${url}/healthz`, { method: 'GET' })).status, 200)
})

test('a login is good for refreshes, each token once; a second use ends it', async (t) => {
  const { agent, own, url } = await setup(t)
  const { id } = await agent(base)
  const login = await own('POST', `/agents/${id}/login`)
  const refresh = async (token: unknown, client = id) => {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: client,
      refresh_token: String(token),
    })
    const answer = await fetch(`${url}/oauth/token`, { method: 'POST', body })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  const list = async (token: unknown) =>
    (await callRelay(`${url}/api/agent-cron/list`, { method: 'GET', token: String(token) })).status

  assert.equal((await refresh(login.body['refresh_token'], 'someone-else')).status, 401)
  const first = await refresh(login.body['refresh_token'])
  const second = await refresh(first.body['refresh_token'])
  assert.equal(second.body['expires_in'], 900)
  assert.deepEqual(
    [await list(first.body['access_token']), await list(second.body['access_token'])],
    [200, 200],
  )
  const reused = await refresh(first.body['refresh_token'])
  assert.deepEqual([reused.status, reused.body['error']], [400, 'invalid_grant'])
  assert.equal((await refresh(second.body['refresh_token'])).body['error'], 'invalid_grant')
  assert.deepEqual(
    [await list(first.body['access_token']), await list(second.body['access_token'])],
    [401, 401],
  )
  const again = await own('POST', `/agents/${id}/login`)
  assert.equal((await refresh(again.body['refresh_token'])).status, 200)
  for (const token of ['', 'nonsense', `rrt_${id}_00-00`])
    assert.equal((await refresh(token)).status, 400, token)
})
