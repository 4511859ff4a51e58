import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { operations } from '../../routes/schemas/index.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { answerTo, asJson, codeOf, send } from './setup.ts'
import { assertCost, processorMs } from '../support/limits.ts'

let service: Service
before(async () => {
  service = await startService({ begin: false })
})
after(() => service.close())

const uuid = crypto.randomUUID()
const pathOf = (path: string) =>
  path.replace('{id}', path.includes('/runs/') ? uuid : '0123456789ab').replaceAll(/\{\w+\}/g, uuid)

test('what has no route is answered 404 before a byte of its body has come', async () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await answerTo(service, [
      `${method} /no-such-route HTTP/1.1`,
      'Content-Type: application/json',
    ])
    assert.match(answer, /^HTTP\/1\.1 404 /)
    assert.match(answer, /ROUTE_NOT_FOUND/)
  }
})

test('a stranger is answered 401 before a byte of the body has come, on every route that asks for a key', async () => {
  for (const key of Object.keys(operations)) {
    const [method = '', path = ''] = key.split(' ')
    if (method === 'GET') continue
    const head = [
      `${method} ${pathOf(path)} HTTP/1.1`,
      'Content-Type: application/json',
      'Authorization: Bearer wrong',
    ]
    assert.match(await answerTo(service, head), /^HTTP\/1\.1 401 /, key)
  }
})

test('250 KB to no route cost less than a millisecond of processor time each', async () => {
  const body = JSON.stringify({ tags: Array.from({ length: 60_000 }, () => '') })
  const cost = await processorMs(async () => {
    for (let n = 0; n < 100; n++)
      await send(service, { path: '/no-such-route', headers: { 'content-type': 'application/json' }, body })
  })
  // the client that sends them is part of it
  assertCost(cost / 100, 5, 'each')
})

test('the OpenAPI document is made once, and told by its tag', async () => {
  const first = await service.api('GET', '/openapi.json')
  const etag = first.headers.get('etag') ?? ''
  assert.match(etag, /^"[\w-]{43}"$/)
  assert.equal(first.body.openapi, '3.1.0')
  for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await service.api('GET', '/openapi.json', undefined, { 'if-none-match': tag })
    assert.deepEqual([again.status, again.body], [304, ''])
    assert.equal(again.headers.get('etag'), etag)
  }
  const other = await service.api('GET', '/openapi.json', undefined, { 'if-none-match': '"other"' })
  assert.equal(other.status, 200)
  const cost = await processorMs(async () => {
    for (let n = 0; n < 100; n++) await send(service, { method: 'GET', path: '/openapi.json', headers: {} })
  })
  assertCost(cost / 100, 3, 'each')
})

test('however many ask whether the process is ready, the database is asked once at a time', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => service.api('GET', '/readyz')))
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
})

test('every answer has the headers that keep browsers from making a page of it, and an id', async () => {
  const { id } = await service.makeJob()
  const calls: Parameters<typeof send>[1][] = [
    ...['/healthz', '/readyz', '/openapi.json', '/no-such-route', '/%zz', '/api/status'].map((path) => ({
      method: 'GET',
      path,
    })),
    { method: 'GET', path: '/api/jobs' },
    { method: 'GET', path: `/api/jobs/${id}`, headers: asJson },
    { method: 'GET', path: `/api/jobs/${'x'.repeat(400)}`, headers: asJson },
    { path: '/api/jobs', headers: asJson, body: '{' },
    { path: '/api/jobs', headers: asJson, body: 'x'.repeat(300_000) },
    { path: '/api/jobs', headers: { ...asJson, 'content-type': 'text/plain' }, body: 'x' },
    { path: '/api/cron/fire', body: '{}' },
    { path: '/api/callbacks/x.y', headers: asJson, body: '{}' },
  ]
  const ids = new Set<unknown>()
  for (const call of calls) {
    const { headers, status } = await send(service, call)
    const said = `${call.path} ${status}`
    assert.equal(headers['x-content-type-options'], 'nosniff', said)
    assert.equal(headers['referrer-policy'], 'no-referrer', said)
    assert.match(String(headers['content-security-policy']), /default-src 'none'/, said)
    assert.equal(headers['cache-control'], call.path === '/openapi.json' ? 'no-cache' : 'no-store', said)
    assert.equal(headers['strict-transport-security'], undefined, said)
    assert.match(String(headers['x-request-id']), /^[0-9a-f-]{36}$/, said)
    ids.add(headers['x-request-id'])
  }
  assert.equal(ids.size, calls.length)
})

test('a proxy that speaks TLS for us is told to be asked in no other way', async () => {
  const { headers } = await service.api('GET', '/healthz', undefined, { 'x-forwarded-proto': 'https' })
  assert.equal(headers.get('strict-transport-security'), 'max-age=31536000')
})

test('the id of an answer is the one of the audit, and never what the caller says', async () => {
  const { headers } = await service.api('POST', '/api/jobs', { name: 1 }, { 'x-request-id': 'chosen' })
  const id = headers.get('x-request-id')
  assert.notEqual(id, 'chosen')
  const { body } = await service.api('GET', '/api/audit?action=createJob')
  const ids = (body.entries as Json[]).map(({ request_id }) => request_id)
  assert.ok(ids.includes(id))
  assert.ok(!ids.includes('chosen'))
})

test('refused callers are shown by the status: where from, for what, with which key, why and how often', async () => {
  for (let n = 0; n < 3; n++)
    assert.equal(
      codeOf(await service.api('GET', '/api/runs', undefined, { authorization: 'Bearer guessed' })),
      '401 API_KEY_REJECTED',
    )
  await service.api('GET', '/api/audit', undefined, { authorization: '' })
  const { refused_callers: refused } = (await service.api('GET', '/api/status')).body
  const [last, earlier] = refused as Json[]
  assert.deepEqual(
    [last.route, last.key, last.address, last.times],
    ['GET /api/audit', 'none', '127.0.0.1', 1],
  )
  assert.deepEqual([earlier.route, earlier.times], ['GET /api/runs', 3])
  assert.match(earlier.key, /^sha256:[0-9a-f]{8}$/)
  assert.match(earlier.reason, /not known/)
  assert.doesNotMatch(JSON.stringify(refused), /guessed/)
})

test('of refused callers the newest fifty are remembered', async () => {
  for (let n = 0; n < 60; n++)
    await service.api('GET', '/api/jobs', undefined, { authorization: `Bearer guessed-${n}` })
  const { refused_callers: refused } = (await service.api('GET', '/api/status')).body
  assert.equal(refused.length, 50)
})

test('what is no HTTP is answered 400 with a problem document, and no route is reached', async () => {
  for (const strange of ['Content-Length: x', 'Transfer-Encoding: chunked', 'no colon']) {
    const answer = await answerTo(service, ['GET /healthz HTTP/1.1', strange])
    assert.match(answer, /^HTTP\/1\.1 400 /)
    assert.match(answer, /^content-type: application\/problem\+json$/im)
    assert.match(answer, /"code":"REQUEST_MALFORMED"/)
  }
})
