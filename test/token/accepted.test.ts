import assert from 'node:assert/strict'
import { test } from 'node:test'
import { audience, key, setup, start } from './setup.ts'

for (const alg of ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'EdDSA']) {
  test(`a token signed with ${alg} is accepted`, async (t) => {
    const signer = await key(alg)
    const { verifier, bearer } = await setup(t, { keys: [signer.jwk] })
    assert.deepEqual(await verifier.verify(await bearer(signer)), { kid: `${alg}-1` })
  })
}

test('claims that the contract does not name are ignored, whatever they hold', async (t) => {
  const signer = await key('ES256')
  const { verifier, bearer } = await setup(t, { keys: [signer.jwk] })
  for (const claims of [
    { job_id: 'ab12cd34ef56', fire_at: '2026-06-18T14:34:56.5+02:00' },
    { job_id: 7, fire_at: 'tomorrow' },
    { job_id: null, fire_at: null, scope: [] },
  ])
    assert.deepEqual(await verifier.verify(await bearer(signer, claims)), { kid: 'ES256-1' })
})

test('a life of an hour is accepted, and without an iat one that ends in an hour', async (t) => {
  const signer = await key('ES256')
  const { verifier, bearer } = await setup(t, { keys: [signer.jwk] })
  const now = start.getTime() / 1000
  await verifier.verify(await bearer(signer, { iat: now - 3000, exp: now + 600 }))
  await verifier.verify(await bearer(signer, { iat: now + 30, exp: now + 3630 }))
  await verifier.verify(await bearer(signer, { iat: undefined, exp: now + 3630 }))
})

test('an audience among several is enough', async (t) => {
  const signer = await key('ES256')
  const { verifier, bearer } = await setup(t, { keys: [signer.jwk] })
  await verifier.verify(await bearer(signer, { aud: ['agent:other', audience] }))
})

test('30 s of clock difference are forgiven in exp, nbf and iat', async (t) => {
  const signer = await key('ES256')
  const { verifier, bearer } = await setup(t, { keys: [signer.jwk] })
  const now = start.getTime() / 1000
  await verifier.verify(await bearer(signer, { exp: now - 29, nbf: now + 30, iat: now + 30 }))
})

test('the scheme is read in any case', async (t) => {
  const signer = await key('ES256')
  const { verifier, bearer } = await setup(t, { keys: [signer.jwk] })
  await verifier.verify((await bearer(signer)).replace('Bearer', 'bearer'))
})

test('a key restricted to checking signatures of this algorithm is used', async (t) => {
  const signer = await key('RS256')
  const jwk = { ...signer.jwk, use: 'sig', alg: 'RS256', key_ops: ['verify'] }
  const { verifier, bearer } = await setup(t, { keys: [jwk] })
  await verifier.verify(await bearer(signer))
})

test('of two keys with one kid the one that fits the algorithm is used', async (t) => {
  const rsa = await key('RS256', 'shared')
  const ec = await key('ES256', 'shared-ec')
  const { verifier, bearer } = await setup(t, { keys: [{ ...ec.jwk, kid: 'shared' }, rsa.jwk] })
  await verifier.verify(await bearer(rsa))
  await verifier.verify(await bearer(ec, {}, { kid: 'shared' }))
})
