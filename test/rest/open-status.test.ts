import assert from 'node:assert/strict'
import { test } from 'node:test'
import { version } from '../../src/ground/version.ts'
import { apiKey, startService } from '../support/service.ts'
import { codeOf, send } from './setup.ts'

const path = '/api/status'
const brief = { status: 'ok', version, provider: 'chronos', nous_session_valid: 'valid' }

test('without a key the status is exactly four fields; a wrong key is 401, a good one gets everything', async (t) => {
  const service = await startService()
  t.after(() => service.close())
  const ask = async (headers: Record<string, string>) => {
    const answer = await send(service, { method: 'GET', path, headers })
    return { ...answer, body: JSON.parse(answer.body) }
  }
  const open = await ask({})
  assert.deepEqual([open.status, open.body], [200, brief])
  assert.equal(open.headers['cache-control'], 'no-store')
  const wrong = ['', 'Bearer', 'Bearer wrong-key-0123456789', 'Basic eA==', apiKey]
  for (const authorization of wrong)
    assert.equal(codeOf(await ask({ authorization })), '401 API_KEY_REJECTED', authorization)
  const { status, body } = await ask({ authorization: `Bearer ${apiKey}` })
  assert.equal(status, 200)
  const { scheduler, owed, ...rest } = body
  assert.deepEqual([scheduler.name, owed.lost_wakes, { ...rest, ...brief }], ['chronos', 0, rest])
})

test('without a key the status touches no database and keeps no process up', async (t) => {
  const { database, nas, target, ...first } = await startService({ begin: false })
  t.after(() => first.close())
  const nowhere = { ...database, url: 'postgres://nobody@127.0.0.1:1/none', drop: async () => {} }
  const lost = await startService({ nas, target, database: nowhere, begin: false })
  t.after(() => lost.close())
  let held = 0
  const { take } = lost.app.holds
  lost.app.holds.take = (kind) => {
    held += 1
    return take(kind)
  }
  const { status, body } = await send(lost, { method: 'GET', path, headers: {} })
  assert.deepEqual([status, JSON.parse(body)], [200, brief])
  assert.equal(held, 0)
  const withKey = await lost.api('GET', path)
  assert.equal(codeOf(withKey), '503 DATABASE_UNAVAILABLE')
  assert.equal(held, 1)
})

test('without NAS, and once NAS refuses this identity, nothing is known of the session', async (t) => {
  const alone = await startService({ env: { CRON_PROVIDER: '', NAS_PORTAL_URL: '' } })
  t.after(() => alone.close())
  const ask = async (service: typeof alone) =>
    JSON.parse((await send(service, { method: 'GET', path, headers: {} })).body)
  assert.deepEqual(await ask(alone), { ...brief, provider: 'builtin', nous_session_valid: 'unknown' })
  const refused = await startService()
  t.after(() => refused.close())
  await refused.nas.misbehave('answer', '403')
  await refused.makeJob()
  assert.deepEqual(await ask(refused), { ...brief, provider: 'builtin', nous_session_valid: 'unknown' })
})

test('of a static access token that has ended nothing is known', async (t) => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = (exp: number) => `${part({ alg: 'RS256' })}.${part({ exp })}.AAAA`
  const ask = async (exp: number) => {
    const service = await startService({ env: { NAS_ACCESS_TOKEN: token(exp) }, begin: false })
    t.after(() => service.close())
    return JSON.parse((await send(service, { method: 'GET', path, headers: {} })).body)
  }
  const nowS = Math.floor(Date.now() / 1000)
  assert.deepEqual(await ask(nowS - 60), { ...brief, nous_session_valid: 'unknown' })
  assert.deepEqual(await ask(nowS + 600), brief)
})
