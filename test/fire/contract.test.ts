import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import type { TokenOverrides } from '../../dev/nas/index.ts'
import { type Service, startService } from '../support/service.ts'
import { answerTo, codeOf, send } from '../rest/setup.ts'

// One test for each row of the table of the fire route, in the table's order, with the whole service.

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

const slot = '2026-06-18T09:00:00.000Z'
const seconds = (fromNow: number) => Math.floor(Date.now() / 1000) + fromNow

const bad: Record<string, TokenOverrides> = {
  forged: { forged: true },
  expired: { claims: { exp: seconds(-60) } },
  'without an exp': { claims: { exp: undefined } },
  'not yet valid': { claims: { nbf: seconds(120) } },
  'issued in the future': { claims: { iat: seconds(120) } },
  'for another audience': { claims: { aud: 'agent:another' } },
  'of another issuer': { claims: { iss: 'http://127.0.0.1:1' } },
  'for another purpose': { claims: { purpose: 'cron_fire ' } },
  'without an algorithm': { alg: 'none' },
  'signed by HMAC': { alg: 'HS256' },
  'signed by RSA-PSS': { alg: 'PS256' },
}
for (const [what, overrides] of Object.entries(bad))
  test(`a token that is ${what} is answered 401, and not told why`, async () => {
    const answer = await service.fire({ job_id: 'aaaaaaaaaaaa' }, await service.nas.signFireToken(overrides))
    assert.equal(codeOf(answer), '401 TOKEN_REJECTED')
    assert.equal(answer.body.detail, 'The bearer token was not accepted')
  })

test('a missing or malformed token is answered 401', async () => {
  for (const headers of [
    {},
    { authorization: 'Bearer' },
    { authorization: 'Bearer a.b.c' },
    { authorization: 'Basic eA==' },
  ]) {
    const { status, body } = await send(service, { path: '/api/cron/fire', headers, body: '{}' })
    assert.equal(codeOf({ status, body: JSON.parse(body) }), '401 TOKEN_REJECTED')
  }
})

test('a refused token is answered before any of the body has come', async () => {
  const head = ['POST /api/cron/fire HTTP/1.1', 'Authorization: Bearer x']
  assert.match(await answerTo(service, head), /^HTTP\/1\.1 401 /)
})

test('a refused token is answered without the database', async (t) => {
  const { service: lost } = await withoutDatabase(t)
  const answer = await lost.fire({ job_id: 'aaaaaaaaaaaa' }, 'x.y.z')
  assert.equal(codeOf(answer), '401 TOKEN_REJECTED')
})

test('a token that names another job or another instant than the body is answered 401', async () => {
  const job = await service.makeJob()
  const fire = async (claims: Record<string, unknown>) =>
    codeOf(await service.fire({ job_id: job.id, fire_at: slot }, await service.nas.signFireToken({ claims })))
  assert.equal(await fire({ job_id: 'bbbbbbbbbbbb' }), '401 TOKEN_REJECTED')
  assert.equal(await fire({ fire_at: '2026-06-18T09:00:01Z' }), '401 TOKEN_REJECTED')
  // the same instant in other words
  assert.equal(await fire({ job_id: job.id, fire_at: '2026-06-18T11:00:00+02:00' }), '200 undefined')
})

test('while the signing keys cannot be fetched and none is known, a fire is answered 503', async (t) => {
  const { database, nas, target } = service
  const cold = await startService({ database: await withoutKeys(database), nas, target, begin: false })
  t.after(() => cold.close())
  await nas.misbehave('jwks', 'down')
  t.after(() => nas.behave('jwks'))
  const answer = await cold.fire({ job_id: 'aaaaaaaaaaaa' })
  assert.equal(codeOf(answer), '503 JWKS_UNAVAILABLE')
  assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
})

test('while the process drains, a fire is answered 503 before its body is read', async () => {
  const { nas, target } = service
  const leaving = await startService({ nas, target })
  const token = await nas.signFireToken()
  // It begins to drain with the request already there, and the body still to come.
  const gone = once(leaving.app.http.server, 'request').then(() => leaving.close())
  const answer = await answerTo(leaving, ['POST /api/cron/fire HTTP/1.1', `Authorization: Bearer ${token}`])
  await gone
  assert.match(answer, /^HTTP\/1\.1 503 [^]*\r\nretry-after: [1-9]\d*\r\n[^]*"code":"DRAINING"/)
})

test('a body that is not JSON, or has no good job_id or instant, is answered 400', async () => {
  const headers = {
    authorization: `Bearer ${await service.nas.signFireToken()}`,
    'content-type': 'application/json',
  }
  const fire = async (body: string) => {
    const answer = await send(service, { path: '/api/cron/fire', headers, body })
    return codeOf({ status: answer.status, body: JSON.parse(answer.body) })
  }
  const given: Record<string, string> = {
    '': '400 BODY_NOT_JSON',
    '{': '400 BODY_NOT_JSON',
    null: '400 FIELD_INVALID',
    '[]': '400 FIELD_INVALID',
    '{}': '400 FIELD_INVALID',
    '{"job_id":7}': '400 FIELD_INVALID',
    '{"job_id":"AAAAAAAAAAAA"}': '400 JOB_ID_INVALID',
    '{"job_id":"aaaaaaaaaaaa","fire_at":7}': '400 FIELD_INVALID',
    '{"job_id":"aaaaaaaaaaaa","fire_at":"tomorrow"}': '400 FIELD_INVALID',
    '{"job_id":"aaaaaaaaaaaa","fire_at":"2026-06-18T09:00:00"}': '400 FIELD_INVALID',
    '{"job_id":"aaaaaaaaaaaa","fire_at":"2026-02-30T09:00:00Z"}': '400 FIELD_INVALID',
  }
  for (const [body, expected] of Object.entries(given)) assert.equal(await fire(body), expected, body)
})

test('a body that is too large is answered 413', async () => {
  const answer = await service.fire({ job_id: 'aaaaaaaaaaaa', padding: 'x'.repeat(5000) })
  assert.equal(codeOf(answer), '413 BODY_TOO_LARGE')
})

test('while the database cannot be reached, a fire is answered 503', async (t) => {
  const { service: lost } = await withoutDatabase(t)
  const answer = await lost.fire({ job_id: 'aaaaaaaaaaaa' })
  assert.equal(codeOf(answer), '503 DATABASE_UNAVAILABLE')
  assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
})

test('a fire for a job that is not there is answered gone, and its orphan arm is cancelled', async () => {
  const { nas } = service
  const job_id = 'cccccccccccc'
  const fire_at = '2026-06-19T00:00:00Z'
  await fetch(`${nas.url}/api/agent-cron/provision`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${nas.accessToken}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'test/1',
    },
    body: JSON.stringify({
      job_id,
      fire_at,
      agent_callback_url: service.url,
      dedup_key: `${job_id}:${fire_at}`,
    }),
  })
  assert.ok(nas.armed().some((arm) => arm.job_id === job_id))
  const { status, body } = await service.fire({ job_id, fire_at })
  assert.deepEqual([status, body], [200, { status: 'gone' }])
  await nas.waitFor(() => nas.armed().every((arm) => arm.job_id !== job_id))
})

test('a fire for a paused job is answered inactive', async () => {
  const job = await service.makeJob()
  await service.api('POST', `/api/jobs/${job.id}/pause`)
  const { status, body } = await service.fire({ job_id: job.id, fire_at: slot })
  assert.deepEqual([status, body], [200, { status: 'inactive' }])
})

test('a fire for a finished job is answered inactive', async (t) => {
  const { nas } = service
  const job = await service.makeJob({ schedule: slot })
  setTime(t, slot)
  assert.equal((await service.fire({ job_id: job.id, fire_at: slot })).status, 202)
  await nas.waitFor(() => nas.armed().every((arm) => arm.job_id !== job.id))
  const { status, body } = await service.fire({ job_id: job.id, fire_at: slot })
  assert.deepEqual([status, body], [200, { status: 'inactive' }])
})

test('a fire with nothing due is answered not_due, after the right instant is armed anew', async () => {
  const { nas } = service
  const job = await service.makeJob()
  const armed = () => nas.armed().find((arm) => arm.job_id === job.id)
  const fire_at = armed()?.fire_at ?? ''
  const { status, body } = await service.fire({ job_id: job.id, fire_at })
  assert.deepEqual([status, body], [200, { status: 'not_due' }])
  const anew = Date.parse(armed()?.fire_at ?? '')
  assert.notEqual(anew, Date.parse(fire_at), 'the acknowledged arm would be dropped, and this one with it')
  assert.ok(anew <= Date.parse(slot) && anew > Date.parse(slot) - 60_000)
})

test('a fire for a slot that was taken is answered duplicate, and the job is armed', async (t) => {
  const { nas } = service
  const job = await service.makeJob()
  setTime(t, slot)
  assert.equal((await service.fire({ job_id: job.id, fire_at: slot })).status, 202)
  const { status, body } = await service.fire({ job_id: job.id, fire_at: slot })
  assert.deepEqual([status, body], [200, { status: 'duplicate' }])
  assert.ok(nas.armed().some((arm) => arm.job_id === job.id))
})

test('a fire for a due slot is answered 202 with the run, which goes on in the background', async (t) => {
  const job = await service.makeJob({ action: { type: 'http', url: `${service.target.url}/due` } })
  setTime(t, slot)
  const { status, body } = await service.fire({ job_id: job.id, fire_at: slot })
  assert.deepEqual([status, body.status, body.job_id], [202, 'accepted', job.id])
  const calls = await service.target.waitFor((all) => all.some(({ path }) => path === '/due'))
  assert.equal(calls.find(({ path }) => path === '/due')?.headers['x-chronos-run'], body.run_id)
})

test('a fire without fire_at claims what is due', async (t) => {
  const job = await service.makeJob()
  setTime(t, slot)
  assert.equal((await service.fire({ job_id: job.id })).status, 202)
})

test('a fire up to 60 s before its slot is claimed, and one earlier than that is not_due', async (t) => {
  const job = await service.makeJob()
  setTime(t, '2026-06-18T08:58:59.000Z')
  assert.deepEqual((await service.fire({ job_id: job.id, fire_at: slot })).body, { status: 'not_due' })
  setTime(t, '2026-06-18T08:59:00.000Z')
  const { status, body } = await service.fire({ job_id: job.id, fire_at: slot })
  assert.equal(status, 202)
  const { run } = (await service.api('GET', `/api/runs/${body.run_id}`)).body
  assert.deepEqual([run.slot, run.state, run.started_at], [slot, 'claimed', null])
  assert.equal((await service.api('POST', `/api/runs/${run.id}/cancel`)).status, 202)
})

function setTime(t: { after(undo: () => void): void }, at: string) {
  service.setClock(at)
  t.after(() => service.setClock('2026-06-18T08:00:00Z'))
}

/** A service whose Postgres is not there; it knows the signing keys from the portal. */
async function withoutDatabase(t: { after(undo: () => Promise<void>): void }) {
  const { nas, target, database } = service
  const nowhere = { ...database, url: 'postgres://nobody@127.0.0.1:1/none' }
  const lost = await startService({ nas, target, database: nowhere, begin: false })
  t.after(() => lost.close())
  return { service: lost }
}

async function withoutKeys(database: Service['database']) {
  await database.sql`delete from nas_keys`
  return database
}
