import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../src/ground/errors.ts'
import { isRejected, key, memoryStore, setup, start } from './setup.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const first = await key('ES256', 'first')
const second = await key('ES256', 'second')

test('the key set is asked for once, with a name of our own', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  later(50 * minute)
  await verifier.verify(await bearer(first))
  assert.equal(portal.requests.length, 1)
  assert.equal(portal.requests[0]?.headers['user-agent'], 'chronos/test')
  assert.equal(portal.requests[0]?.headers.accept, 'application/json')
})

test('twenty tokens at once make one request for the key set', async (t) => {
  const { portal, verifier, bearer } = await setup(t, { keys: [first.jwk] })
  const tokens = await Promise.all(Array.from({ length: 20 }, () => bearer(first)))
  await Promise.all(tokens.map((token) => verifier.verify(token)))
  assert.equal(portal.requests.length, 1)
})

test('a process that starts with stored keys makes no request, and touches the store no more than once', async (t) => {
  const { portal, verifier, makeVerifier, bearer, keyStore, later } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  assert.equal(keyStore.saves, 0, 'an unproved request never reaches the store')
  await verifier.refreshIfStale()
  assert.equal(keyStore.saves, 1)
  later(6 * day)
  const woken = makeVerifier()
  await woken.warm()
  await woken.verify(await bearer(first))
  assert.equal(portal.requests.length, 1)
  assert.deepEqual([keyStore.loads, keyStore.saves], [1, 1])
})

test('a token that comes while the stored keys are loaded waits for them', async (t) => {
  const keyStore = memoryStore()
  const { portal, verifier, bearer, clock } = await setup(t, { keyStore, keys: [first.jwk] })
  const loading = Promise.withResolvers<void>()
  keyStore.load = () => loading.promise.then(() => ({ jwks: { keys: [first.jwk] }, fetchedAt: clock.now }))
  const warm = verifier.warm()
  const verified = verifier.verify(await bearer(first))
  loading.resolve()
  await Promise.all([warm, verified])
  assert.equal(portal.requests.length, 0)
})

test('keys that cannot be loaded or stored are asked for at the portal', async (t) => {
  const keyStore = memoryStore()
  keyStore.load = () => Promise.reject(new Error('no database'))
  keyStore.save = () => Promise.reject(new Error('no database'))
  const { verifier, bearer, warnings } = await setup(t, { keyStore, keys: [first.jwk] })
  await verifier.warm()
  await verifier.verify(await bearer(first))
  await verifier.refreshIfStale()
  assert.equal(warnings.length, 2)
})

test('keys that could not be stored are stored after a later fire', async (t) => {
  const { verifier, bearer, keyStore } = await setup(t, { keys: [first.jwk] })
  const save = keyStore.save.bind(keyStore)
  keyStore.save = () => Promise.reject(new Error('no database'))
  await verifier.verify(await bearer(first))
  await verifier.refreshIfStale()
  keyStore.save = save
  await verifier.refreshIfStale()
  assert.equal(keyStore.row?.jwks.keys[0]?.kid, 'first')
})

test('stored keys of an hour are used, and renewed after use', async (t) => {
  const { portal, verifier, bearer, later, keyStore } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  later(hour)
  await verifier.verify(await bearer(first))
  assert.equal(portal.requests.length, 1)
  await verifier.refreshIfStale()
  assert.equal(portal.requests.length, 2)
  assert.equal(keyStore.saves, 1)
  await verifier.refreshIfStale()
  assert.equal(portal.requests.length, 2)
})

test('keys older than 7 days are asked for again before they are used', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  later(7 * day)
  await verifier.verify(await bearer(first))
  assert.equal(portal.requests.length, 2)
})

test('keys older than 7 days are of no use while the portal is down', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  later(7 * day)
  portal.answer = (response) => response.writeHead(503).end()
  await assert.rejects(verifier.verify(await bearer(first)), isUnavailable)
})

test('a key that is new since the last request is found', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  portal.keys = [second.jwk]
  later(minute)
  await verifier.verify(await bearer(second))
  assert.equal(portal.requests.length, 2)
  await assert.rejects(verifier.verify(await bearer(first)), isRejected('key_unknown'))
})

test('a kid that the portal does not publish is refused, and asked for once in a minute', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  const stranger = await bearer(second, { exp: start.getTime() / 1000 + 3_600 })
  for (const seconds of [0, 5, 26, 28]) {
    later(seconds * 1000)
    await assert.rejects(verifier.verify(stranger), isRejected('key_unknown'))
  }
  assert.equal(portal.requests.length, 1)
  later(2_000)
  await assert.rejects(verifier.verify(stranger), isRejected('key_unknown'))
  assert.equal(portal.requests.length, 2)
})

test('a new key that is tried at once is accepted half a minute after the last look, and not a minute later', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  portal.keys = [first.jwk, second.jwk]
  const token = await bearer(second)
  for (const seconds of [1, 10, 18]) {
    later(seconds * 1000)
    await assert.rejects(verifier.verify(token), isRejected('key_unknown'))
  }
  assert.equal(portal.requests.length, 1)
  later(1_000)
  await verifier.verify(token)
  assert.equal(portal.requests.length, 2)
})

test('a hundred invented kids make one request for the key set in 30 s', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  later(30_000)
  for (let count = 0; count < 100; count += 1) {
    const token = await bearer(second, {}, { kid: `invented-${count}` })
    await assert.rejects(verifier.verify(token), isRejected('key_unknown'))
    later(200)
  }
  assert.equal(portal.requests.length, 2)
})

test('an unknown kid is 503 and not 401 while the portal is down, and known keys go on working', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  later(hour)
  portal.answer = (response) => response.writeHead(500).end()
  await assert.rejects(verifier.verify(await bearer(second)), isUnavailable)
  await verifier.verify(await bearer(first))
  await verifier.refreshIfStale()
  await verifier.verify(await bearer(first))
})

test('after a failed request the portal is left alone for 5 s', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  portal.answer = (response) => response.writeHead(500).end()
  await assert.rejects(verifier.verify(await bearer(first)), isUnavailable)
  later(3_000)
  await assert.rejects(
    verifier.verify(await bearer(first)),
    (error) => isUnavailable(error) && error.retryAfterS === 2,
  )
  assert.equal(portal.requests.length, 1)
  portal.answer = null
  later(2_000)
  await verifier.verify(await bearer(first))
})

test('a clock that was set back does not keep the portal from being asked', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  portal.answer = (response) => response.writeHead(500).end()
  await assert.rejects(verifier.verify(await bearer(first)), isUnavailable)
  portal.answer = null
  later(-day)
  await verifier.verify(await bearer(first))
})

const spoilt: Record<string, (response: import('node:http').ServerResponse) => void> = {
  'a redirect': (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
  'a page': (response) => response.end('<html>'),
  'no key set': (response) => response.end('{"keys":{}}'),
  'an empty key set': (response) => response.end('{"keys":[]}'),
  'an endless body': (response) =>
    response.end(JSON.stringify({ keys: [first.jwk], pad: 'x'.repeat(200_000) })),
  'a cut connection': (response) => response.destroy(),
  'half a body': (response) => {
    response.writeHead(200, { 'content-length': 5000 })
    response.write('{"keys":[', () => response.destroy())
  },
}

for (const [what, answer] of Object.entries(spoilt)) {
  test(`${what} in the place of a key set is trouble of the portal, and leaves the known keys as they are`, async (t) => {
    const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
    await verifier.verify(await bearer(first))
    later(hour)
    portal.answer = answer
    await assert.rejects(verifier.verify(await bearer(second)), isUnavailable)
    assert.equal(portal.requests.length, 2, 'one request, no redirect followed')
    await verifier.verify(await bearer(first))
    assert.equal(verifier.health().keys?.count, 1)
    assert.ok(verifier.health().lastError)
  })
}

test('a portal that re-uses a kid for a new key is believed once the known set is 5 minutes old', async (t) => {
  const { portal, verifier, bearer, later } = await setup(t, { keys: [first.jwk] })
  await verifier.verify(await bearer(first))
  portal.keys = [{ ...second.jwk, kid: 'first' }]
  const token = await bearer(second, { exp: start.getTime() / 1000 + 3_600 }, { kid: 'first' })
  await assert.rejects(verifier.verify(token), isRejected('signature'))
  assert.equal(portal.requests.length, 1)
  later(5 * minute)
  await verifier.verify(token)
  assert.equal(portal.requests.length, 2)
})

test('health tells how old the keys are and what went wrong last', async (t) => {
  const { portal, verifier, bearer, clock, later } = await setup(t, { keys: [first.jwk] })
  assert.deepEqual(verifier.health(), { keys: null, lastError: null })
  await verifier.verify(await bearer(first))
  const fetchedAt = clock.now
  later(hour)
  portal.answer = (response) => response.writeHead(502).end()
  await verifier.refreshIfStale()
  assert.deepEqual(verifier.health(), {
    keys: { count: 1, fetchedAt },
    lastError: { at: clock.now, message: 'the key set was answered with status 502' },
  })
  portal.answer = null
  later(minute)
  await verifier.refreshIfStale()
  assert.equal(verifier.health().lastError, null)
})

test('a boot before the database is up loads the stored keys at the next call of warm', async (t) => {
  const keyStore = memoryStore()
  const { portal, verifier, bearer, clock } = await setup(t, { keyStore, keys: [first.jwk] })
  const load = keyStore.load.bind(keyStore)
  keyStore.load = () => Promise.reject(new Error('not up yet'))
  await verifier.warm()
  keyStore.load = load
  keyStore.row = { jwks: { keys: [first.jwk] }, fetchedAt: clock.now }
  await verifier.warm()
  await verifier.verify(await bearer(first))
  assert.equal(portal.requests.length, 0)
})

test('stored keys that make no key set are passed over', async (t) => {
  const keyStore = memoryStore()
  const { verifier, bearer, clock } = await setup(t, { keyStore, keys: [first.jwk] })
  // @ts-expect-error: what a database holds is not checked by a compiler
  keyStore.load = () => Promise.resolve({ jwks: {}, fetchedAt: clock.now })
  await verifier.warm()
  await verifier.verify(await bearer(first))
})

function isUnavailable(error: unknown): error is AppError {
  assert.ok(error instanceof AppError)
  assert.equal(error.code, 'JWKS_UNAVAILABLE')
  assert.ok((error.retryAfterS ?? 0) >= 1)
  return true
}
