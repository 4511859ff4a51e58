import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import { answerTo, codeOf, send, withKey } from './setup.ts'
import { migrate } from '../../db/migrate.ts'
import { migrations } from '../../db/migrations.ts'
import { createTestDatabase } from '../support/database.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

const open = [
  '/healthz',
  '/health',
  '/v1/health',
  '/readyz',
  '/openapi.json',
  '/chronos.schema.json',
  '/llms.txt',
  '/api/session',
]
const othersScopes = ['/api/cron/fire', '/api/callbacks/{token}']

test('a missing or wrong API key is answered 401 on every route of the API; without one, the status has its short form', async () => {
  const { body: document } = await service.api('GET', '/openapi.json')
  const routes = Object.entries<Record<string, unknown>>(document.paths)
    .filter(([path]) => !open.includes(path) && !othersScopes.includes(path))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), path] as const))
  assert.ok(routes.length > 15)
  for (const [method, path] of routes)
    for (const headers of [
      {},
      { authorization: 'Bearer wrong-key-0123456789' },
      { authorization: 'Basic eA==' },
    ]) {
      if (path === '/api/status' && Object.keys(headers).length === 0) continue
      const answer = await send(service, { method, path, headers })
      assert.equal(
        codeOf({ ...answer, body: JSON.parse(answer.body) }),
        '401 API_KEY_REJECTED',
        `${method} ${path}`,
      )
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
    }
})

test('a stranger to the API is answered before any of the body has come', async () => {
  const head = ['POST /api/jobs HTTP/1.1', 'Content-Type: application/json']
  assert.match(await answerTo(service, head), /^HTTP\/1\.1 401 /)
})

test('every error is a problem document with a code, and its text for older clients', async () => {
  const answer = await send(service, { method: 'GET', path: '/api/jobs/ffffffffffff', headers: withKey })
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  assert.deepEqual(JSON.parse(answer.body), {
    type: 'urn:chronos:error:JOB_NOT_FOUND',
    title: 'No such job',
    status: 404,
    detail: 'No job with id ffffffffffff',
    code: 'JOB_NOT_FOUND',
    error: 'No job with id ffffffffffff',
  })
})

test('a path that is not there, or cannot be decoded, is answered with a problem document', async () => {
  for (const [path, expected] of Object.entries({
    '/nothing?key=secret': '404 ROUTE_NOT_FOUND',
    '/api/jobs/%zz': '400 REQUEST_MALFORMED',
    [`/api/jobs/${'a'.repeat(400)}`]: '404 ROUTE_NOT_FOUND',
  })) {
    const answer = await send(service, { method: 'GET', path, headers: withKey })
    assert.equal(codeOf({ ...answer, body: JSON.parse(answer.body) }), expected)
    assert.doesNotMatch(answer.body, /secret/)
  }
})

test('a path that has other methods is answered 405 with them, whoever asks, and before any of the body has come', async () => {
  for (const [call, allowed] of Object.entries({
    'PUT /api/jobs': 'GET, HEAD, POST',
    'PUT /api/jobs/ffffffffffff': 'DELETE, GET, HEAD, PATCH',
    'DELETE /api/jobs/ffffffffffff/run': 'POST',
    'GET /api/cron/fire': 'POST',
    'POST /healthz': 'GET, HEAD',
    'OPTIONS /mcp': 'POST',
    'POST /': 'GET, HEAD',
  })) {
    const [method = '', path = ''] = call.split(' ')
    const answer = await send(service, { method, path })
    assert.equal(codeOf({ ...answer, body: JSON.parse(answer.body) }), '405 METHOD_NOT_ALLOWED', call)
    assert.equal(answer.headers['allow'], allowed, call)
  }
  for (const path of ['/api/jobs/', '/api/jobs//run', '/api'])
    assert.equal((await send(service, { method: 'PUT', path })).status, 404, path)
  assert.match(
    await answerTo(service, ['PUT /api/jobs HTTP/1.1', 'Content-Type: application/json']),
    /^HTTP\/1\.1 405 /,
  )
})

test('GET /healthz says alive to anybody', async () => {
  const answer = await send(service, { method: 'GET', path: '/healthz' })
  assert.deepEqual([answer.status, answer.body], [200, '{"status":"ok"}'])
})

test('GET /healthz needs no database; GET /readyz without one is 503', async (t) => {
  const { nas, target, database } = service
  const nowhere = { ...database, url: 'postgres://nobody@127.0.0.1:1/none' }
  const lost = await startService({ nas, target, database: nowhere, begin: false })
  t.after(() => lost.close())
  assert.equal((await send(lost, { method: 'GET', path: '/healthz' })).status, 200)
  const ready = await send(lost, { method: 'GET', path: '/readyz' })
  assert.equal(codeOf({ ...ready, body: JSON.parse(ready.body) }), '503 NOT_READY')
  assert.match(String(ready.headers['retry-after']), /^[1-9]\d*$/)
  assert.equal(codeOf(await lost.api('GET', '/api/jobs')), '503 DATABASE_UNAVAILABLE')
})

test('without tables, or with older ones, nothing is ready: /readyz and the routes say that it is not migrated', async (t) => {
  const { nas, target } = service
  const database = await createTestDatabase({ migrations: migrations.slice(0, 1) })
  const early = await startService({ nas, target, database, begin: false })
  t.after(async () => {
    await early.close()
    await database.drop()
  })
  const ready = () => send(early, { method: 'GET', path: '/readyz' })
  const older = await ready()
  assert.equal(codeOf({ ...older, body: JSON.parse(older.body) }), '503 NOT_READY')
  const said = JSON.parse(older.body)
  assert.deepEqual([said.database, said.migrated], [true, false])
  assert.match(said.detail, /not migrated: it lacks 0002_nas_identity, .*migrate\.js/)
  await database.sql`drop schema public cascade`
  await database.sql`create schema public`
  assert.match(JSON.parse((await ready()).body).detail, /not migrated: it has no tables/)
  assert.equal(codeOf(await early.api('GET', '/api/jobs')), '503 NOT_READY')
  await migrate(database.db)
  assert.equal((await ready()).status, 200)
  // of a version that is newer than this one
  await database.sql`insert into chronos_migrations (name, hash) values ('9999_newer', 'x')`
  assert.equal((await ready()).status, 200)
  const name = new URL(database.url).pathname.slice(1)
  await database.sql.unsafe(`alter database ${name} set default_transaction_read_only = on`)
  const other = await startService({ nas, target, database, begin: false })
  t.after(() => other.close())
  const readOnly = await send(other, { method: 'GET', path: '/readyz' })
  assert.equal(readOnly.status, 503)
  assert.match(JSON.parse(readOnly.body).detail, /read-only/)
})

test('GET /readyz says ready', async () => {
  const answer = await send(service, { method: 'GET', path: '/readyz' })
  assert.deepEqual([answer.status, JSON.parse(answer.body).ready], [200, true])
})

test('GET /api/status tells what is owed and held', async () => {
  const { status, body } = await service.api('GET', '/api/status')
  assert.equal(status, 200)
  assert.equal(body.scheduler.name, 'chronos')
  assert.deepEqual([body.owed.arms, typeof body.process.draining], [0, 'boolean'])
})

test('GET /metrics speaks Prometheus to who has an API key', async () => {
  const { status, headers, body } = await service.api('GET', '/metrics')
  assert.equal(status, 200)
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(body, /^# TYPE chronos_jobs gauge$/m)
})

test('with METRICS_PORT the main port has no metrics, and the document does not promise any', async (t) => {
  const { nas, target, database } = service
  const apart = await startService({ nas, target, database, begin: false, env: { METRICS_PORT: '0' } })
  t.after(() => apart.close())
  assert.equal(codeOf(await apart.api('GET', '/metrics')), '404 ROUTE_NOT_FOUND')
  assert.equal((await apart.api('GET', '/openapi.json')).body.paths['/metrics'], undefined)
})

test('POST /api/cron/reconcile converges the registry and answers with counts', async () => {
  const job = await service.makeJob()
  await fetch(`${service.nas.url}/api/agent-cron/cancel`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${service.nas.accessToken}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'test/1',
    },
    body: JSON.stringify({ job_id: job.id }),
  })
  assert.ok(service.nas.armed().every(({ job_id }) => job_id !== job.id))
  const { status, body } = await service.api('POST', '/api/cron/reconcile')
  assert.equal(status, 200)
  assert.deepEqual(body, { attended: 0, armed: 1, cancelled: 0, owed: 0, foreign: 0, complete: true })
  assert.ok(service.nas.armed().some(({ job_id }) => job_id === job.id))
})
