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
  'valid for more than an hour': { claims: { iat: seconds(-3600), exp: seconds(60) } },
  'valid for ten years': { claims: { exp: seconds(10 * 365 * 86_400) } },
  'valid for more than an hour, and does not say since when': {
    claims: { iat: undefined, exp: seconds(3700) },
  },
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

test('what a token says of a job or an instant is ignored: the body counts', async () => {
  const job = await service.makeJob()
  for (const claims of [
    { job_id: 'bbbbbbbbbbbb', fire_at: '2026-06-18T09:00:01Z' },
    { job_id: 7, fire_at: 'tomorrow' },
    { job_id: null, fire_at: null, scope: ['x'], sub: {} },
  ]) {
    const token = await service.nas.signFireToken({ claims })
    const { status, body } = await service.fire({ job_id: job.id, fire_at: slot }, token)
    assert.deepEqual([status, body], [200, { status: 'not_due' }])
  }
})

test('every refusal is a problem document with a code, and its text as `error`', async () => {
  const answer = await service.fire({ job_id: 'aaaaaaaaaaaa' }, 'x.y.z')
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  const { code, error, detail, status } = answer.body
  assert.deepEqual([code, error, status], ['TOKEN_REJECTED', detail, 401])
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

/** A fire with a good token and this text as its body. */
async function fireText(text: string, type = 'application/json') {
  const headers = { authorization: `Bearer ${await service.nas.signFireToken()}`, 'content-type': type }
  const answer = await send(service, { path: '/api/cron/fire', headers, body: text })
  return { status: answer.status, body: JSON.parse(answer.body) }
}

test('a body that is not JSON, or whose job_id is missing or no text, is answered 400', async () => {
  const given: Record<string, string> = {
    '': '400 BODY_NOT_JSON',
    '{': '400 BODY_NOT_JSON',
    null: '400 FIELD_INVALID',
    '[]': '400 FIELD_INVALID',
    '"aaaaaaaaaaaa"': '400 FIELD_INVALID',
    '{}': '400 FIELD_INVALID',
    '{"job_id":7}': '400 FIELD_INVALID',
    '{"job_id":null}': '400 FIELD_INVALID',
    '{"job_id":["aaaaaaaaaaaa"]}': '400 FIELD_INVALID',
    '{"__proto__":{"job_id":"aaaaaaaaaaaa"}}': '400 FIELD_INVALID',
  }
  for (const [body, expected] of Object.entries(given))
    assert.equal(codeOf(await fireText(body)), expected, body)
})

test('a job_id that cannot be one of ours is answered gone, and nothing is cancelled', async () => {
  const cancels = () => service.nas.requests('cancel').length
  const earlier = cancels()
  const ids = [
    '',
    'AAAAAAAAAAAA',
    'aaaaaaaaaaa',
    'aaaaaaaaaaaaa',
    'aaaaaaaaaaaa\n',
    ' aaaaaaaaaaaa',
    'gaaaaaaaaaaa',
  ]
  const odd = ['../../etc/passwd', '\u0000', '\ud800', '０１２３４５６７８９ab', 'x'.repeat(3_000)]
  for (const id of [...ids, ...odd]) {
    const { status, body } = await fireText(JSON.stringify({ job_id: id, fire_at: slot }))
    assert.deepEqual([status, body], [200, { status: 'gone' }], JSON.stringify(id))
  }
  // what is fired for a job that could be ours is cancelled: after that nothing else can be on its way
  await service.fire({ job_id: 'abababababab' })
  await service.nas.waitFor(() => cancels() > earlier)
  assert.equal(cancels() - earlier, 1)
})

test('a job_id that cannot be one of ours is answered gone without the database', async (t) => {
  const { service: lost } = await withoutDatabase(t)
  const { status, body } = await lost.fire({ job_id: 'of-another-service' })
  assert.deepEqual([status, body], [200, { status: 'gone' }])
})

test('a fire_at that cannot be read is as if it were absent', async (t) => {
  const instants = [
    7,
    true,
    [],
    {},
    '',
    'tomorrow',
    '2026-06-18T09:00:00',
    '2026-02-30T09:00:00Z',
    'x'.repeat(900),
  ]
  for (const fire_at of instants) {
    const early = await service.makeJob()
    const { status, body } = await service.fire({ job_id: early.id, fire_at })
    assert.deepEqual([status, body], [200, { status: 'not_due' }], JSON.stringify(fire_at))
  }
  const due = await Promise.all(instants.map(() => service.makeJob()))
  setTime(t, slot)
  for (const [n, fire_at] of instants.entries())
    assert.equal((await service.fire({ job_id: due[n].id, fire_at })).status, 202, JSON.stringify(fire_at))
})

test('further fields of the body are ignored, and so is the type that it is said to have', async () => {
  const { id } = await service.makeJob()
  const text = JSON.stringify({ job_id: id, fire_at: slot, dedup_key: 7, attempt: { n: 2 }, payload: [] })
  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'json']) {
    const { status, body } = await fireText(text, type)
    assert.deepEqual([status, body], [200, { status: 'not_due' }], type)
  }
})

test('a body that is too large is answered 413', async () => {
  const answer = await service.fire({ job_id: 'aaaaaaaaaaaa', padding: 'x'.repeat(5000) })
  assert.equal(codeOf(answer), '413 BODY_TOO_LARGE')
})

test('while the database cannot be reached, a fire is answered 503, and nothing is claimed', async (t) => {
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

test('a second copy of a fire waits for the arm that follows the first, and asks for no other', async (t) => {
  const { nas } = service
  const job = await service.makeJob()
  const asked = () => nas.requests('provision').filter(({ job_id }) => job_id === job.id).length
  const earlier = asked()
  setTime(t, slot)
  await nas.misbehave('slow', '500ms')
  t.after(() => nas.behave())
  const armed = () => nas.armed().find((arm) => arm.job_id === job.id)?.fire_at
  const fire_at = armed()
  const first = service.fire({ job_id: job.id, fire_at })
  await nas.waitFor(() => armed() !== fire_at)
  const second = await service.fire({ job_id: job.id, fire_at })
  assert.deepEqual([second.status, second.body], [200, { status: 'duplicate' }])
  const { body } = await service.api('GET', `/api/jobs/${job.id}`)
  assert.equal(body.job.armed, true, 'before it was answered')
  assert.equal((await first).status, 202)
  assert.equal(asked() - earlier, 1)
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

test('of 200 fires for jobs that are not there, all are answered gone, and NAS gets 30 cancels at most', async () => {
  const { nas } = service
  const earlier = nas.requests('cancel').length
  const ids = Array.from({ length: 200 }, (_, n) => (0xf00000000000 + n).toString(16))
  for (const { status, body } of await Promise.all(ids.map((job_id) => service.fire({ job_id }))))
    assert.deepEqual([status, body], [200, { status: 'gone' }])
  while (service.app.holds.count('arm') > 0) await service.app.holds.released()
  const cancels = nas.requests('cancel').length - earlier
  assert.ok(cancels <= 31, `${cancels} cancels`)
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
