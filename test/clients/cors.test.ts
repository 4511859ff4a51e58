import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readConfig } from '../../src/ground/config.ts'
import type { Service } from '../support/service.ts'
import { send, withKey } from '../rest/setup.ts'
import { startForClients } from './setup.ts'

const ours = 'https://dash.example.com'
let service: Service
before(async () => {
  service = await startForClients({ CORS_ORIGINS: `${ours}, http://localhost:5173/` })
})
after(() => service.close())

const from = (origin: string) => ({ ...withKey, origin })
const allowedIn = (headers: NodeJS.Dict<string | string[]>) => headers['access-control-allow-origin']
const preflight = (origin: string, headers: Record<string, string> = {}) =>
  send(service, {
    method: 'OPTIONS',
    path: '/api/jobs/ab12cd34ef56',
    headers: { origin, 'access-control-request-method': 'PATCH', ...headers },
  })

test('a preflight from an origin that is named is answered, without a key', async () => {
  const asked = 'authorization, content-type, if-match'
  const { status, headers, body } = await preflight(ours, { 'access-control-request-headers': asked })
  assert.deepEqual([status, body, allowedIn(headers)], [204, '', ours])
  assert.match(String(headers['access-control-allow-methods']), /\bPATCH\b.*\bDELETE\b/)
  assert.equal(headers['access-control-allow-headers'], asked)
  assert.match(String(headers['vary']), /^Origin\b/)
  assert.ok(Number(headers['access-control-max-age']) > 0)
  assert.equal(headers['access-control-allow-credentials'], undefined)
})

test('a call from such an origin can be read, whatever it is answered', async () => {
  for (const [path, as, status] of [
    ['/api/jobs', withKey, 200],
    ['/api/jobs', {}, 401],
    ['/api/jobs/ffffffffffff', withKey, 404],
    ['/nothing/here', {}, 404],
    ['/health', {}, 200],
  ] as const) {
    const answer = await send(service, {
      method: 'GET',
      path,
      headers: { ...as, origin: 'http://localhost:5173' },
    })
    assert.deepEqual([answer.status, allowedIn(answer.headers)], [status, 'http://localhost:5173'], path)
    assert.equal(answer.headers['vary'], 'Origin')
    assert.match(String(answer.headers['access-control-expose-headers']), /\bETag\b/)
  }
})

test('any other origin gets no leave, and no origin a header that caches heed', async () => {
  for (const origin of [
    'https://dash.example.com.evil.example',
    'http://dash.example.com',
    'https://dash.example.com:8443',
    'https://DASH.example.com',
    'null',
    '*',
  ]) {
    const answer = await send(service, { method: 'GET', path: '/api/jobs', headers: from(origin) })
    assert.deepEqual([answer.status, allowedIn(answer.headers)], [200, undefined], origin)
    assert.equal(answer.headers['vary'], 'Origin')
    const refused = await preflight(origin)
    assert.deepEqual([refused.status, allowedIn(refused.headers)], [405, undefined], origin)
  }
  const plain = await send(service, { method: 'GET', path: '/api/jobs', headers: withKey })
  assert.deepEqual([plain.headers['vary'], allowedIn(plain.headers)], ['Origin', undefined])
})

test('an OPTIONS that is no preflight, and headers that are no names, are answered as ever', async () => {
  const plain = await send(service, { method: 'OPTIONS', path: '/api/jobs', headers: { origin: ours } })
  assert.equal(plain.status, 405)
  const { headers } = await preflight(ours, { 'access-control-request-headers': 'a: b;' })
  assert.equal(headers['access-control-allow-headers'], undefined)
})

test('capabilities say that pages may call', async () => {
  assert.equal((await service.api('GET', '/v1/capabilities')).body.features.cors, true)
})

test('without CORS_ORIGINS nothing is said of origins', async (t) => {
  const closed = await startForClients()
  t.after(() => closed.close())
  const answer = await send(closed, { method: 'GET', path: '/api/jobs', headers: from(ours) })
  assert.deepEqual(
    [answer.status, allowedIn(answer.headers), answer.headers['vary']],
    [200, undefined, undefined],
  )
})

test('CORS_ORIGINS takes exact origins only', () => {
  const read = (list: string) => readConfig({ CORS_ORIGINS: list }).corsOrigins
  assert.deepEqual(read(''), [])
  assert.deepEqual(read('https://A.example:443/,http://b.example:80 , http://c.example:81'), [
    'https://a.example',
    'http://b.example',
    'http://c.example:81',
  ])
  for (const wrong of [
    '*',
    'https://*.a.example',
    'a.example',
    'https://a.example/x',
    'https://u@a.example',
    'null',
  ])
    assert.throws(() => read(wrong), /CORS_ORIGINS: ".*" is not an origin/, wrong)
})
