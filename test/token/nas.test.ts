import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startNas } from '../../dev/nas/index.ts'
import { AppError } from '../../src/ground/errors.ts'
import { createTokenVerifier, rejectReason } from '../../src/token/index.ts'
import { memoryStore } from './setup.ts'

async function setup(t: TestContext) {
  const nas = await startNas({ algs: ['ES256', 'EdDSA'] })
  t.after(() => nas.close())
  const log = { info: () => undefined, warn: () => undefined }
  const clock = { now: new Date() }
  const { issuer, audience, jwksUrl } = nas
  const parts = { issuer, audience, jwksUrl, userAgent: 'chronos/test', log, now: () => clock.now }
  const verifier = createTokenVerifier({ ...parts, keyStore: memoryStore() })
  const verify = async (overrides?: Parameters<typeof nas.signFireToken>[0]) =>
    verifier.verify(`Bearer ${await nas.signFireToken(overrides)}`)
  return { nas, clock, verify }
}

test('the fires of the local NAS are accepted, before and after it changes its keys', async (t) => {
  const { nas, clock, verify } = await setup(t)
  await verify()
  await verify({ alg: 'EdDSA' })
  await nas.rotateKeys()
  clock.now = new Date(clock.now.getTime() + 31_000)
  await verify()
  assert.equal(nas.requests('jwks').length, 2)
})

for (const alg of ['none', 'HS256', 'PS256', 'RS256']) {
  test(`a token of the local NAS signed with ${alg} is refused`, async (t) => {
    const { verify } = await setup(t)
    await verify()
    await assert.rejects(verify({ alg }), (error) => rejectReason(error) !== undefined)
  })
}

test('a token that the local NAS signs with a stranger’s key is refused', async (t) => {
  const { verify } = await setup(t)
  await assert.rejects(verify({ forged: true }), (error) => rejectReason(error) === 'signature')
})

for (const word of ['down', 'empty', 'garbage', 'huge']) {
  test(`while the key set of the local NAS is ${word}, a new process answers 503, and then recovers`, async (t) => {
    const { nas, clock, verify } = await setup(t)
    await nas.misbehave('jwks', word)
    await assert.rejects(verify(), (error) => error instanceof AppError && error.code === 'JWKS_UNAVAILABLE')
    await nas.behave()
    clock.now = new Date(clock.now.getTime() + 5_000)
    await verify()
  })
}
