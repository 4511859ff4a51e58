import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { callRelay, instantIn } from '../../dev/relay/client.ts'
import { createAddressRules } from '../../relay/core/index.ts'
import { hook, relayFile, setup, taken } from './setup.ts'
import { assertTook } from '../support/limits.ts'

test('a fire comes at its instant, never before, and is signed for its agent', async (t) => {
  const target = await hook(t)
  const { url, agent } = await setup(t)
  const { id, provision, list } = await agent(target.url)
  const instants = Array.from({ length: 20 }, (_, index) => instantIn(300 + index * 37))
  for (const [index, fireAt] of instants.entries()) await provision(`job-${index}`, fireAt)
  assert.ok(await target.until(() => target.fires.length === 20))
  for (const fire of target.fires) {
    const lateMs = fire.at - Date.parse(fire.fireAt)
    assert.ok(lateMs >= 0, `${-lateMs} ms early`)
    assertTook(lateMs, 1_000, 'the way')
  }
  const [fire] = target.fires
  assert.equal(fire?.path, '/api/cron/fire')
  const keys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))
  const token = fire?.authorization.replace('Bearer ', '') ?? ''
  const { payload } = await jwtVerify(token, keys, { issuer: url, audience: `agent:${id}` })
  assert.equal(payload['purpose'], 'cron_fire')
  assert.deepEqual(await list(), [])
})

test('an instant in the past is fired at once', async (t) => {
  const target = await hook(t)
  const { agent } = await setup(t)
  const { provision } = await agent(target.url)
  await provision('job', '2020-01-01T00:00:00Z')
  assert.ok(await target.until(() => target.firesOf('job')[0], 2_000))
})

test('an arm that is replaced or cancelled is not fired', async (t) => {
  const target = await hook(t)
  const { agent } = await setup(t)
  const { provision, cancel, rowsOf } = await agent(target.url)
  const [first, second] = [instantIn(400), instantIn(700)]
  await provision('replaced', first)
  await provision('cancelled', first)
  await provision('replaced', second)
  await cancel('cancelled')
  assert.deepEqual(
    (await rowsOf('replaced')).map((row) => row.fire_at),
    [second],
  )
  await provision('last', instantIn(800))
  assert.ok(await target.until(() => target.firesOf('last')[0]))
  assert.deepEqual(
    target.firesOf('replaced').map(({ fireAt }) => fireAt),
    [second],
  )
  assert.equal(target.firesOf('cancelled').length, 0)
})

test('without a 2xx it is sent again, after the Retry-After that was asked for; a 2xx ends it', async (t) => {
  const answers = [{ status: 500 }, { status: 503, headers: { 'retry-after': '1' } }, taken]
  const target = await hook(t, () => answers.shift() ?? taken)
  const { agent, own } = await setup(t, { gapsMs: [100, 200, 10_000] })
  const { id, provision } = await agent(target.url)
  await provision('job', '2020-01-01T00:00:00Z')
  assert.ok(await target.until(() => target.fires.length === 2))
  const { armed } = (await own('GET', `/agents/${id}`)).body as { armed: { tries: number }[] }
  assert.ok((armed[0]?.tries ?? 0) >= 1)
  assert.ok(await target.until(() => target.fires.length === 3))
  const [first = 0, second = 0, third = 0] = target.fires.map(({ at }) => at)
  assert.ok(second - first >= 100 && third - second >= 1_000, `${second - first} ${third - second}`)
  await provision('next', instantIn(300))
  assert.ok(await target.until(() => target.firesOf('next')[0]))
  assert.equal(target.firesOf('job').length, 3)
})

test('after its last try a fire is given up: the row is gone, and the log says so', async (t) => {
  const target = await hook(t, () => ({ status: 500 }))
  const { agent, lines } = await setup(t, { gapsMs: [50, 50] })
  const { provision, list } = await agent(target.url)
  await provision('job', '2020-01-01T00:00:00Z')
  assert.ok(await target.until(() => target.fires.length === 3))
  while ((await list()).length > 0);
  assert.equal(target.fires.length, 3)
  assert.ok(lines.some((line) => / warn gave up .*job=job .*try=3/.test(line)))
})

test('a provision for another instant while its fire is on its way is kept', async (t) => {
  const [underWay, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const target = await hook(t, async ({ fireAt }) => {
    underWay.resolve()
    if (fireAt.startsWith('2020')) await gate.promise
    return taken
  })
  const { agent, lines } = await setup(t)
  const { provision, rowsOf } = await agent(target.url)
  await provision('job', '2020-01-01T00:00:00Z')
  await underWay.promise
  await provision('job', '2027-01-01T00:00:00Z')
  gate.resolve()
  assert.ok(await target.until(() => target.firesOf('job').length === 1))
  while (!lines.some((line) => line.includes('info fired'))) await new Promise(setImmediate)
  assert.deepEqual(
    (await rowsOf('job')).map((row) => row.fire_at),
    ['2027-01-01T00:00:00Z'],
  )
})

test('a service that hangs does not delay the fires of another, and is given up after the time-out', async (t) => {
  const hanging = await hook(t, () => new Promise(() => {}))
  const target = await hook(t)
  const { agent, lines } = await setup(t, { fireTimeoutMs: 1_000, gapsMs: [60_000] })
  const [stuck, other] = [await agent(hanging.url), await agent(target.url)]
  for (let index = 0; index < 100; index += 1) await stuck.provision(`job-${index}`, '2020-01-01T00:00:00Z')
  await other.provision('job', '2020-01-01T00:00:00Z')
  assert.ok(await target.until(() => target.fires[0], 900))
  while (!lines.some((line) => /will retry .*status=(ABORT_ERR|23|TIMEOUT|.*abort)/i.test(line)))
    await new Promise(setImmediate)
})

test('redirects are not followed', async (t) => {
  const elsewhere = await hook(t)
  const target = await hook(t, () => ({
    status: 307,
    headers: { location: `${elsewhere.url}/api/cron/fire` },
  }))
  const { agent } = await setup(t, { gapsMs: [50] })
  const { provision } = await agent(target.url)
  await provision('job', '2020-01-01T00:00:00Z')
  assert.ok(await target.until(() => target.fires.length === 2))
  assert.equal(elsewhere.fires.length, 0)
})

test('a name that leads to a private address when it is called is not called', async (t) => {
  const target = await hook(t)
  const strict = createAddressRules([])
  // The name was fine when it was registered; by now it leads here.
  const rules = { ...strict, ofHost: () => null, isAllowed: () => true }
  const lines: string[] = []
  const file = await relayFile(t)
  const before = await setup(t, { file, rules: { ...rules, ofAddress: () => null } })
  const { provision, token } = await before.agent(target.url.replace('127.0.0.1', 'localhost'))
  await provision('job', instantIn(600))
  await before.close()
  const after = await setup(t, { file, rules, gapsMs: [60_000], log: logTo(lines) })
  while (!lines.some((line) => line.startsWith('fired, will retry'))) await new Promise(setImmediate)
  assert.match(lines.join('\n'), /ADDRESS_REFUSED/)
  assert.equal(target.fires.length, 0)
  assert.equal((await callRelay(`${after.url}/api/agent-cron/list`, { method: 'GET', token })).status, 200)
})

function logTo(lines: string[]) {
  const take = (message: string, fields?: Record<string, unknown>) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`)
  return { debug: take, info: take, warn: take, error: take }
}

test('what came due while the relay was down is fired when it is back; keys, agents and rows are kept', async (t) => {
  const target = await hook(t)
  const file = await relayFile(t)
  const first = await setup(t, { file })
  const { provision, token } = await first.agent(target.url)
  await provision('soon', instantIn(300))
  await provision('far', '2027-01-01T00:00:00Z')
  const keysOf = async (url: string) =>
    (await callRelay(`${url}/.well-known/jwks.json`, { method: 'GET' })).body
  const keys = await keysOf(first.url)
  await first.close()
  assert.equal(target.fires.length, 0)
  const second = await setup(t, { file })
  assert.ok(await target.until(() => target.firesOf('soon')[0]))
  assert.deepEqual(await keysOf(second.url), keys)
  const { body } = await callRelay(`${second.url}/api/agent-cron/list`, { method: 'GET', token })
  assert.deepEqual(
    (body['armed'] as { job_id: string }[]).map((row) => row.job_id),
    ['far'],
  )
})

test('the JWK set may be cached for five minutes, and a rotation adds the new key first', async (t) => {
  const { url, own } = await setup(t)
  const read = async () => callRelay(`${url}/.well-known/jwks.json`, { method: 'GET' })
  const before = await read()
  assert.equal(before.headers.get('cache-control'), 'public, max-age=300')
  const kids = ({ body }: typeof before) =>
    (body['keys'] as { kid: string; d?: string }[]).map(({ kid }) => kid)
  const rotated = await own('POST', '/keys/rotate')
  assert.deepEqual(
    (rotated.body['keys'] as { signs: boolean }[]).map(({ signs }) => signs),
    [true, false],
  )
  assert.deepEqual(kids(await read()).slice(0, 1), kids(before))
  assert.equal(kids(await read()).length, 2)
  await own('POST', '/keys/rotate', { compromised: true })
  assert.equal(kids(await read()).length, 1)
  assert.equal(JSON.stringify((await read()).body).includes('"d"'), false)
})
