import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { makeKey as makeUp } from '../../src/access/keys/form.ts'
import { answerTo, codeOf } from '../rest/setup.ts'
import { apiKey, type Service, startService } from '../support/service.ts'
import { makeKey } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

test('POST /api/keys makes a key that is shown once and opens what its scopes say', async () => {
  const fields = { name: 'dashboard', scopes: ['jobs:read'], expires_in_days: 30 }
  const { status, headers, body } = await service.api('POST', '/api/keys', fields)
  assert.equal(status, 201)
  const { key, secret } = body
  assert.match(secret, new RegExp(`^chr_${key.id}_`))
  assert.equal(headers.get('location'), `/api/keys/${key.id}`)
  assert.deepEqual(key, {
    ...{ id: key.id, name: 'dashboard', scopes: ['jobs:read'], project: 'default', created_by: 'API_KEY' },
    created_at: '2026-06-18T08:00:00.000Z',
    expires_at: '2026-07-18T08:00:00.000Z',
    ...{ last_used_at: null, revoked_at: null },
  })
  const as = { authorization: `Bearer ${secret}` }
  assert.equal((await service.api('GET', '/api/jobs', undefined, as)).status, 200)
  const refused = await service.api('POST', '/api/jobs', { name: 'x' }, as)
  assert.equal(codeOf(refused), '403 SCOPE_MISSING')
  assert.equal(refused.body.detail, 'This API key has scope jobs:read; this operation requires jobs:write.')
  assert.equal(refused.body.needed, 'jobs:write')
})

test('GET /api/keys lists keys newest first, without anything that opens, and neither is it in the database', async () => {
  service.setClock('2026-06-18T08:01:00Z')
  const made = await makeKey(service, { name: 'newest' })
  const { body } = await service.api('GET', '/api/keys')
  assert.equal(body.keys[0].id, made.id)
  const [row] = await service.database.sql`select * from api_keys where id = ${made.id}`
  const random = made.secret.split('_').slice(2).join('_')
  for (const text of [JSON.stringify(body), JSON.stringify(row)])
    assert.ok(!text.includes(random.slice(0, 20)), text)
  assert.ok(!JSON.stringify(body).includes(String(row?.['hash'])))
})

test('DELETE /api/keys/{id} revokes at once and may be repeated', async () => {
  const { id, as } = await makeKey(service)
  assert.equal((await service.api('GET', '/api/jobs', undefined, as)).status, 200)
  const first = await service.api('DELETE', `/api/keys/${id}`)
  assert.equal(first.status, 200)
  assert.ok(first.body.key.revoked_at)
  const answer = await service.api('GET', '/api/jobs', undefined, as)
  assert.equal(codeOf(answer), '401 API_KEY_REJECTED')
  assert.match(answer.body.detail, /was revoked/)
  const again = await service.api('DELETE', `/api/keys/${id}`)
  // when it was used last may be noted meanwhile
  assert.deepEqual([again.status, again.body.key.revoked_at], [200, first.body.key.revoked_at])
  assert.equal(codeOf(await service.api('DELETE', '/api/keys/000000000000')), '404 KEY_NOT_FOUND')
  assert.equal(codeOf(await service.api('DELETE', '/api/keys/x')), '400 FIELD_INVALID')
})

test('a key with admin makes keys in its own name', async () => {
  const admin = await makeKey(service, { scopes: ['admin'] })
  const { status, body } = await service.api(
    'POST',
    '/api/keys',
    { name: 'b', scopes: ['runs:start'] },
    admin.as,
  )
  assert.deepEqual([status, body.key.created_by], [201, admin.id])
})

test('a key with a name, scopes or an end that cannot be used is refused', async () => {
  const good = { name: 'a', scopes: ['jobs:read'] }
  const bad: Record<string, unknown>[] = [
    { name: '' },
    { scopes: [] },
    { scopes: ['jobs:read', 'jobs:read'] },
    { scopes: ['everything'] },
    { expires_in_days: 0 },
    { expires_at: 'tomorrow' },
    { expires_at: '2026-06-18T07:59:59Z' },
    { expires_at: '2027-01-01T00:00:00Z', expires_in_days: 3 },
  ]
  for (const change of bad) {
    const answer = await service.api('POST', '/api/keys', { ...good, ...change })
    assert.equal(codeOf(answer), '400 FIELD_INVALID', JSON.stringify(change))
  }
})

test('the last use of a key is noted after the answer', async () => {
  const { id, as } = await makeKey(service)
  await service.api('GET', '/api/jobs', undefined, as)
  const lastUse = async () => {
    const { keys } = (await service.api('GET', '/api/keys')).body as {
      keys: { id: string; last_used_at: string | null }[]
    }
    return keys.find((key) => key.id === id)?.last_used_at
  }
  while ((await lastUse()) === null);
  assert.equal(await lastUse(), '2026-06-18T08:01:00.000Z')
})

test('a key without the scope is answered before any of the body has come', async () => {
  const { secret } = await makeKey(service)
  const head = [
    'POST /api/jobs HTTP/1.1',
    'Content-Type: application/json',
    `Authorization: Bearer ${secret}`,
  ]
  assert.match(await answerTo(service, head), /^HTTP\/1\.1 403 /)
})

test('without a database a key that may be good is answered 503, and what cannot be one 401', async (t) => {
  const { nas, target, database } = service
  const nowhere = { ...database, url: 'postgres://nobody@127.0.0.1:1/none' }
  const lost = await startService({ nas, target, database: nowhere, begin: false })
  t.after(() => lost.close())
  const ask = async (key: string) =>
    codeOf(await lost.api('GET', '/api/keys', undefined, { authorization: `Bearer ${key}` }))
  const { secret } = makeUp()
  assert.equal(await ask(secret), '503 DATABASE_UNAVAILABLE')
  assert.equal(await ask(`${secret.slice(0, -1)}!`), '401 API_KEY_REJECTED')
  assert.equal(await ask(`${apiKey}x`), '401 API_KEY_REJECTED')
})
