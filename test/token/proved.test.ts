import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { isRejected, key, setup, start } from './setup.ts'

/** How many signatures were computed since. */
function computed(t: TestContext): () => number {
  const { mock } = t.mock.method(crypto.subtle, 'verify')
  return () => mock.callCount()
}

test('the signature of a token that comes twice is computed once', async (t) => {
  const signer = await key('ES256')
  const { verifier, bearer } = await setup(t, { keys: [signer.jwk] })
  const count = computed(t)
  const token = await bearer(signer)
  for (let time = 0; time < 3; time++) assert.deepEqual(await verifier.verify(token), { kid: 'ES256-1' })
  assert.equal(count(), 1)
  await verifier.verify(await bearer(signer, { jti: 'another' }))
  assert.equal(count(), 2)
})

test('a known token is refused once it has expired, and with another signature from the start', async (t) => {
  const signer = await key('ES256')
  const { verifier, bearer, later } = await setup(t, { keys: [signer.jwk] })
  const token = await bearer(signer)
  await verifier.verify(token)
  const [head, body] = token.split('.')
  const [, , signature] = (await bearer(signer, { jti: 'another' })).split('.')
  await assert.rejects(verifier.verify(`${head}.${body}.${signature}`), isRejected('signature'))
  later(331_000)
  await assert.rejects(verifier.verify(token), isRejected('exp'))
})

test('a known token is refused once the portal publishes another key under its kid', async (t) => {
  const [signer, other] = [await key('ES256'), await key('ES256', 'other')]
  const { verifier, bearer, portal, later } = await setup(t, { keys: [signer.jwk] })
  const inAnHour = { exp: start.getTime() / 1_000 + 3_600 }
  const token = await bearer(signer, inAnHour)
  await verifier.verify(token)
  portal.keys = [{ ...other.jwk, kid: signer.kid }]
  later(5 * 60_000)
  await verifier.verify(token)
  await verifier.verify(await bearer(other, inAnHour, { kid: signer.kid }))
  await assert.rejects(verifier.verify(token), isRejected('signature'))
})

test('of a key a thousand tokens are known; the oldest is computed again', async (t) => {
  const signer = await key('ES256')
  const { verifier, bearer } = await setup(t, { keys: [signer.jwk] })
  const tokens = await Promise.all(Array.from({ length: 1_001 }, (_, n) => bearer(signer, { jti: `${n}` })))
  for (const token of tokens) await verifier.verify(token)
  const count = computed(t)
  await verifier.verify(tokens[1])
  assert.equal(count(), 0)
  await verifier.verify(tokens[0])
  assert.equal(count(), 1)
})
