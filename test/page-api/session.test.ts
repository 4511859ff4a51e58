import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createSessions } from '../../src/access/sessions.ts'
import { entries, makeKey } from '../keys/setup.ts'
import { codeOf } from '../rest/setup.ts'
import { apiKey, type Service, startService } from '../support/service.ts'
import { browser, cookieIn, ofThePage, signedIn } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ env: { CORS_ORIGINS: 'https://board.example' } })
})
after(() => service.close())

const signIn = (body: unknown, headers?: object) => browser(service)('POST', '/api/session', body, headers)

test('a key is exchanged for a cookie that no script reads, and is not answered', async () => {
  const key = await makeKey(service, { name: 'for looking', scopes: ['jobs:read'] })
  const answer = await signIn({ key: key.secret })
  assert.equal(answer.status, 201)
  const { expires_at: expiresAt, ...body } = answer.body
  assert.deepEqual(body, {
    key: key.id,
    name: 'for looking',
    scopes: ['jobs:read'],
    may: ['jobs:read'],
    project: 'default',
  })
  const hours = (Date.parse(expiresAt) - Date.now()) / 3_600_000
  assert.ok(hours > 11.9 && hours <= 12, `${hours} h`)
  const cookie = answer.headers.get('set-cookie') ?? ''
  assert.match(cookie, /^chronos=v1\.[\w.-]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/)
  assert.ok(!cookie.includes(key.secret) && !JSON.stringify(answer.body).includes(key.secret))
  const read = await browser(service, cookieIn(answer))('GET', '/api/session')
  assert.deepEqual([read.status, read.body], [200, answer.body])
})

test('the cookie opens what its key opens, and nothing else', async () => {
  const reader = await signedIn(service, (await makeKey(service, { scopes: ['jobs:read'] })).secret)
  assert.equal((await reader('GET', '/api/jobs')).status, 200)
  // with the cookie the status is that of a caller with a key
  assert.ok('owed' in (await reader('GET', '/api/status')).body)
  assert.equal(codeOf(await reader('POST', '/api/jobs', { name: 'x' })), '403 SCOPE_MISSING')
  assert.equal(codeOf(await reader('GET', '/api/keys')), '403 SCOPE_MISSING')
  const admin = await signedIn(service, apiKey)
  const { body } = await admin('GET', '/api/session')
  assert.deepEqual([body.key, body.name, body.scopes], ['API_KEY', 'API_KEY', ['admin']])
  assert.deepEqual(body.may, ['jobs:read', 'jobs:write', 'runs:start', 'admin'])
  const made = await admin('PUT', '/api/secrets/FROM_THE_PAGE', { value: 'a long secret' })
  assert.equal(codeOf(made), '409 ENCRYPTION_KEY_MISSING', 'it came as far as the story')
})

test('a change is audited under the key that signed in', async () => {
  const key = await makeKey(service, { scopes: ['jobs:write'] })
  const page = await signedIn(service, key.secret)
  const action = { type: 'http', url: `${service.target.url}/hook` }
  const made = await page('POST', '/api/jobs', { name: 'by the page', schedule: '0 9 * * *', action })
  assert.equal(made.status, 201)
  // what is refused is written after its answer, so it may be the newest
  const [entry] = (await entries(service, '?action=createJob')).filter(({ actor }) => actor === key.id)
  assert.equal(entry?.['status'], 201)
})

test('a key that is revoked ends its sessions; so does one that expires', async () => {
  const key = await makeKey(service)
  const page = await signedIn(service, key.secret)
  assert.equal((await page('GET', '/api/jobs')).status, 200)
  await service.api('DELETE', `/api/keys/${key.id}`, {})
  for (const path of ['/api/jobs', '/api/session'])
    assert.equal(codeOf(await page('GET', path)), '401 SESSION_REJECTED')

  const brief = await makeKey(service, { expires_at: new Date(Date.now() + 3_600_000).toISOString() })
  const answer = await signIn({ key: brief.secret })
  const seconds = Number(/Max-Age=(\d+)/.exec(answer.headers.get('set-cookie') ?? '')?.[1])
  assert.ok(seconds > 3_500 && seconds <= 3_600, `${seconds} s`)
})

test('a cookie that was altered, made with another key, or is over opens nothing', async () => {
  const make = (fields: { apiKey: string; encryptionKey?: Buffer; at?: number }) =>
    createSessions({ encryptionKey: null, now: () => new Date(fields.at ?? Date.now()), ...fields })
  const good = make({ apiKey }).open('API_KEY').text
  const hour = 3_600_000
  const told = async (text: string) => (await browser(service, `chronos=${text}`)('GET', '/api/jobs')).status
  assert.equal(await told(good), 200)
  assert.equal(await told(`${good.slice(0, -4)}AAAA`), 401)
  assert.equal(await told(make({ apiKey: 'another-key-0123456789' }).open('API_KEY').text), 401)
  assert.equal(await told(make({ apiKey, encryptionKey: Buffer.alloc(32, 7) }).open('API_KEY').text), 401)
  assert.equal(await told(make({ apiKey, at: Date.now() - 13 * hour }).open('API_KEY').text), 401)
  assert.equal(await told(make({ apiKey, at: Date.now() - 11 * hour }).open('API_KEY').text), 200)
  assert.equal(await told(make({ apiKey }).open('0123456789ab').text), 401, 'no such key')
  assert.equal(await told(make({ apiKey }).makeToken()), 401, 'the token of a link is no cookie')
  assert.equal(await told(''), 401)
})

test('a key beside a cookie is what counts', async () => {
  const cookie = cookieIn(await signIn({ key: apiKey }))
  const answer = await browser(service, cookie)('GET', '/api/jobs', undefined, {
    authorization: 'Bearer wrong',
  })
  assert.equal(codeOf(answer), '401 API_KEY_REJECTED')
})

test('what changes something has to come from the page itself', async () => {
  const key = await makeKey(service, { scopes: ['jobs:write', 'runs:start'] })
  const page = await signedIn(service, key.secret)
  const { id } = await service.makeJob()
  const tried: [string, object][] = [
    ['no header at all', {}],
    ['a form of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a script of another site', { ...ofThePage, 'sec-fetch-site': 'cross-site' }],
    ['a script of a sister site', { ...ofThePage, 'sec-fetch-site': 'same-site' }],
    ['the same site without our header', { 'sec-fetch-site': 'same-origin' }],
    ['an old browser, from another site', { 'x-chronos-page': '1', origin: 'https://evil.example' }],
    ['a page whose origin is hidden', { 'x-chronos-page': '1', origin: 'null' }],
    ['a page that may use the API with keys', { 'x-chronos-page': '1', origin: 'https://board.example' }],
  ]
  for (const [name, headers] of tried)
    assert.equal(codeOf(await page('POST', `/api/jobs/${id}/pause`, {}, headers)), '403 NOT_FROM_PAGE', name)
  assert.equal((await service.api('GET', `/api/jobs/${id}`)).body.job.state, 'scheduled')
  assert.equal((await page('POST', `/api/jobs/${id}/pause`, {})).status, 200)
  const older = { 'x-chronos-page': '1', origin: service.url }
  assert.equal((await page('POST', `/api/jobs/${id}/resume`, {}, older)).status, 200)
  for (const [name, headers] of tried)
    assert.equal(codeOf(await signIn({ key: key.secret }, headers)), '403 NOT_FROM_PAGE', name)
  // a browser never adds the cookie for another origin, and is told to show it nothing
  const elsewhere = await page('GET', '/api/jobs', undefined, { origin: 'https://board.example' })
  assert.equal(elsewhere.headers.get('access-control-allow-credentials'), null)
})

test('signing out takes the cookie back, again and again', async () => {
  const page = await signedIn(service, apiKey)
  for (let n = 0; n < 2; n++) {
    const answer = await page('DELETE', '/api/session')
    assert.equal(answer.status, 204)
    assert.match(answer.headers.get('set-cookie') ?? '', /^chronos=; Max-Age=0; Path=\/; HttpOnly/)
  }
  assert.equal(codeOf(await browser(service)('GET', '/api/session')), '401 SESSION_REJECTED')
})

test('what is no credential is refused by its form, and a wrong key as everywhere', async () => {
  for (const body of [
    {},
    [],
    { key: '' },
    { key: 7 },
    { key: 'two words' },
    { key: 'a', token: 'b' },
    { key: 'a'.repeat(513) },
  ])
    assert.equal(codeOf(await signIn(body)), '400 FIELD_INVALID', JSON.stringify(body))
  assert.equal(codeOf(await signIn({ key: 'wrong' })), '401 API_KEY_REJECTED')
  const { body } = await service.api('GET', '/api/status')
  const refused = (body.refused_callers as { route: string; times: number }[]).filter(
    ({ route }) => route === 'POST /api/session',
  )
  assert.deepEqual(
    refused.map(({ times }) => times),
    [1],
  )
})

test('a link signs in once, for ten minutes', async () => {
  const at = (ms: number) => createSessions({ apiKey, encryptionKey: null, now: () => new Date(ms) })
  const token = at(Date.now()).makeToken()
  const answer = await signIn({ token })
  assert.deepEqual([answer.status, answer.body.key], [201, 'API_KEY'])
  assert.equal(codeOf(await signIn({ token })), '401 SESSION_REJECTED')
  assert.equal(codeOf(await signIn({ token: at(Date.now() - 601_000).makeToken() })), '401 SESSION_REJECTED')
  assert.equal(codeOf(await signIn({ token: at(Date.now()).open('API_KEY').text })), '401 SESSION_REJECTED')
})

test('wrong keys are counted with those of the API, for each address', async () => {
  const limited = await startService({ ...service, env: { RATE_LIMIT_PER_MINUTE: '600' }, begin: false })
  try {
    const tries = await Promise.all(
      Array.from({ length: 16 }, async () => [
        (await browser(limited)('POST', '/api/session', { key: 'wrong' })).status,
        (await limited.api('GET', '/api/jobs', undefined, { authorization: 'Bearer wrong' })).status,
      ]),
    )
    const statuses = tries.flat()
    assert.equal(statuses.filter((status) => status === 401).length, 30)
    assert.equal(statuses.filter((status) => status === 429).length, 2)
    assert.equal((await browser(limited)('POST', '/api/session', { key: apiKey })).status, 201)
  } finally {
    await limited.close()
  }
})

test('in production the cookie goes over TLS only, and no link signs in', async () => {
  const strict = await startService({
    ...service,
    env: { NODE_ENV: 'production', CALLBACK_URL: 'https://chronos.example' },
    begin: false,
  })
  try {
    const answer = await browser(strict)('POST', '/api/session', { key: apiKey })
    assert.match(
      answer.headers.get('set-cookie') ?? '',
      /^__Host-chronos=v1\S+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    )
    assert.equal((await browser(strict, cookieIn(answer))('GET', '/api/jobs')).status, 200)
    const token = createSessions({ apiKey, encryptionKey: null, now: () => new Date() }).makeToken()
    assert.equal(codeOf(await browser(strict)('POST', '/api/session', { token })), '401 SESSION_REJECTED')
  } finally {
    await strict.close()
  }
})
