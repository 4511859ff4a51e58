import assert from 'node:assert/strict'
import { createHmac, createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose'
import { AppError } from '../../src/ground/errors.ts'
import { rejectReason } from '../../src/token/index.ts'
import type { RejectReason } from '../../src/token/rejection.ts'
import { audience, isRejected, key, part, setup, start } from './setup.ts'

type Context = Awaited<ReturnType<typeof setup>>
const signer = await key('RS256')
const now = start.getTime() / 1000

/** Every case is one token made for a portal that publishes `keys`; it is refused without a request where `cheap`. */
type Case = {
  reason: RejectReason
  token: (context: Context) => string | undefined | Promise<string | undefined>
}

const cheap: Record<string, Case> = {
  'no Authorization header': { reason: 'missing', token: () => undefined },
  'an empty Authorization header': { reason: 'missing', token: () => '' },
  'another scheme': {
    reason: 'missing',
    token: async (c) => (await c.bearer(signer)).replace('Bearer', 'Basic'),
  },
  'a scheme without a token': { reason: 'missing', token: () => 'Bearer ' },
  'two tokens in one header': { reason: 'missing', token: async (c) => `${await c.bearer(signer)} x` },
  'a token of more than 8 KiB': {
    reason: 'too_large',
    token: (c) => c.bearer(signer, { pad: 'x'.repeat(8192) }),
  },
  'one part only': { reason: 'malformed', token: () => 'Bearer abc' },
  'four parts': { reason: 'malformed', token: async (c) => `${await c.bearer(signer)}.x` },
  'characters outside of base64url': {
    reason: 'malformed',
    token: async (c) => `${await c.bearer(signer)}=`,
  },
  'a header that is no JSON': {
    reason: 'malformed',
    token: (c) => `Bearer ${part('{')}.${part(c.claims())}.x`,
  },
  'a header that is a list': {
    reason: 'malformed',
    token: (c) => `Bearer ${part([])}.${part(c.claims())}.x`,
  },
  'a payload that is no object': {
    reason: 'malformed',
    token: () => `Bearer ${part({ alg: 'RS256', kid: 'a' })}.${part('7')}.x`,
  },
  'a stripped signature': {
    reason: 'malformed',
    token: async (c) => (await c.bearer(signer)).replace(/[^.]*$/, ''),
  },
  'alg none without a signature': {
    reason: 'malformed',
    token: (c) => `Bearer ${part({ alg: 'none', kid: signer.kid })}.${part(c.claims())}.`,
  },
  'alg none with a signature': {
    reason: 'alg',
    token: (c) => `Bearer ${part({ alg: 'none', kid: signer.kid })}.${part(c.claims())}.AAAA`,
  },
  'alg NONE in other letters': {
    reason: 'alg',
    token: (c) => `Bearer ${part({ alg: 'NoNe', kid: signer.kid })}.${part(c.claims())}.AAAA`,
  },
  'no alg': { reason: 'alg', token: (c) => `Bearer ${part({ kid: signer.kid })}.${part(c.claims())}.AAAA` },
  'an alg that is a list': {
    reason: 'alg',
    token: (c) => `Bearer ${part({ alg: ['RS256'], kid: signer.kid })}.${part(c.claims())}.AAAA`,
  },
  'an alg named like a member of every object': {
    reason: 'alg',
    token: (c) => `Bearer ${part({ alg: 'constructor', kid: signer.kid })}.${part(c.claims())}.AAAA`,
  },
  'HS256 with the public key as the secret': { reason: 'alg', token: hmacWithPublicKey },
  'PS256 by the right key': { reason: 'alg', token: (c) => signAs(c, 'PS256') },
  'ES512, which is not on the list': { reason: 'alg', token: async (c) => c.bearer(await key('ES512')) },
  'alg given twice, the last one being none': {
    reason: 'alg',
    token: (c) =>
      `Bearer ${part(`{"alg":"RS256","kid":"${signer.kid}","alg":"none"}`)}.${part(c.claims())}.AAAA`,
  },
  'no kid': { reason: 'kid', token: (c) => c.bearer(signer, {}, { kid: undefined }) },
  'a kid that is a number': {
    reason: 'kid',
    token: (c) => `Bearer ${part({ alg: 'RS256', kid: 7 })}.${part(c.claims())}.AAAA`,
  },
  'a kid of 300 characters': { reason: 'kid', token: (c) => c.bearer(signer, {}, { kid: 'k'.repeat(300) }) },
  'a critical extension': {
    reason: 'crit',
    token: (c) =>
      `Bearer ${part({ alg: 'RS256', kid: signer.kid, crit: ['b64'], b64: false })}.${part(c.claims())}.AAAA`,
  },
  'another issuer': { reason: 'iss', token: (c) => c.bearer(signer, { iss: 'https://evil.test' }) },
  'the issuer with a trailing slash': {
    reason: 'iss',
    token: (c) => c.bearer(signer, { iss: `${c.issuer}/` }),
  },
  'the issuer in a list': { reason: 'iss', token: (c) => unsigned(c.claims({ iss: [c.issuer] })) },
  'no issuer': { reason: 'iss', token: (c) => c.bearer(signer, { iss: undefined }) },
  'another audience': { reason: 'aud', token: (c) => c.bearer(signer, { aud: 'agent:other' }) },
  'no audience': { reason: 'aud', token: (c) => c.bearer(signer, { aud: undefined }) },
  'an empty list of audiences': { reason: 'aud', token: (c) => c.bearer(signer, { aud: [] }) },
  'a list of other audiences': {
    reason: 'aud',
    token: (c) => c.bearer(signer, { aud: ['agent:a', 'agent:b'] }),
  },
  'the audience in a list in a list': {
    reason: 'aud',
    token: (c) => unsigned(c.claims({ aud: [[audience]] })),
  },
  'the audience as a member name': {
    reason: 'aud',
    token: (c) => unsigned(c.claims({ aud: { [audience]: true, includes: true } })),
  },
  'an audience that begins with ours': {
    reason: 'aud',
    token: (c) => c.bearer(signer, { aud: `${audience}0` }),
  },
  'our audience among others in one string': {
    reason: 'aud',
    token: (c) => c.bearer(signer, { aud: `agent:a ${audience}` }),
  },
  'no purpose': { reason: 'purpose', token: (c) => c.bearer(signer, { purpose: undefined }) },
  'another purpose': { reason: 'purpose', token: (c) => c.bearer(signer, { purpose: 'login' }) },
  'the purpose in a list': { reason: 'purpose', token: (c) => c.bearer(signer, { purpose: ['cron_fire'] }) },
  'the purpose in other letters': {
    reason: 'purpose',
    token: (c) => c.bearer(signer, { purpose: 'CRON_FIRE' }),
  },
  'the purpose given twice, the last one another': {
    reason: 'purpose',
    token: (c) => unsigned(JSON.stringify(c.claims()).replace(/}$/, ',"purpose":"login"}')),
  },
  'no exp': { reason: 'exp', token: (c) => c.bearer(signer, { exp: undefined }) },
  'an exp 30 s ago': { reason: 'exp', token: (c) => c.bearer(signer, { exp: now - 30 }) },
  'an exp that is text': { reason: 'exp', token: (c) => unsigned(c.claims({ exp: String(now + 300) })) },
  'an exp beyond all numbers': {
    reason: 'exp',
    token: (c) => unsigned(JSON.stringify(c.claims()).replace(/"exp":\d+/, '"exp":1e999')),
  },
  'an nbf in 31 s': { reason: 'nbf', token: (c) => c.bearer(signer, { nbf: now + 31 }) },
  'an nbf that is text': { reason: 'nbf', token: (c) => unsigned(c.claims({ nbf: 'now' })) },
  'an iat in 31 s': { reason: 'iat', token: (c) => c.bearer(signer, { iat: now + 31 }) },
  'an iat of null': { reason: 'iat', token: (c) => unsigned(c.claims({ iat: null })) },
  'a life of more than an hour': { reason: 'life', token: (c) => c.bearer(signer, { exp: now + 3601 }) },
  'a life of more than an hour that is nearly over': {
    reason: 'life',
    token: (c) => c.bearer(signer, { iat: now - 86_400, exp: now + 60 }),
  },
  'an iat before all numbers that are dates': {
    reason: 'life',
    token: (c) => c.bearer(signer, { iat: -1e308 }),
  },
  'no iat, and an exp in more than an hour': {
    reason: 'life',
    token: (c) => c.bearer(signer, { iat: undefined, exp: now + 3631 }),
  },
}

const forged: Record<string, Case> = {
  'a signature by a stranger under our kid': { reason: 'signature', token: (c) => strangersToken(c) },
  'a changed payload': { reason: 'signature', token: (c) => swapPayload(c) },
  'the signature of another token': { reason: 'signature', token: (c) => swapSignature(c) },
  'RS512 in the header over an RS256 signature': { reason: 'signature', token: (c) => swapAlg(c, 'RS512') },
  'ES256 in the header under the kid of an RSA key': {
    reason: 'key_unfit',
    token: (c) => swapAlg(c, 'ES256'),
  },
  'a key of its own in the header (jwk)': { reason: 'signature', token: (c) => strangersToken(c, 'jwk') },
  'a key set of its own in the header (jku)': { reason: 'signature', token: (c) => strangersToken(c, 'jku') },
}

for (const [what, { reason, token }] of Object.entries(cheap)) {
  test(`a token is refused before any key is looked up: ${what}`, async (t) => {
    const context = await setup(t, { keys: [signer.jwk] })
    await assert.rejects(context.verifier.verify(await token(context)), isRejected(reason))
    assert.equal(context.portal.requests.length, 0)
  })
}

for (const [what, { reason, token }] of Object.entries(forged)) {
  test(`a forged token is refused: ${what}`, async (t) => {
    const context = await setup(t, { keys: [signer.jwk] })
    await context.verifier.verify(await context.bearer(signer))
    await assert.rejects(context.verifier.verify(await token(context)), isRejected(reason))
    assert.equal(context.portal.requests.length, 1, 'the keys are known: nothing more is asked')
  })
}

const unfit: Record<string, JWK> = {
  'for encryption': { ...signer.jwk, use: 'enc' },
  'that may only sign': { ...signer.jwk, key_ops: ['sign'] },
  // @ts-expect-error: what a portal publishes is not checked by a compiler
  'whose operations are no list': { ...signer.jwk, key_ops: 'verify' },
  'for PS256': { ...signer.jwk, alg: 'PS256' },
  'for another algorithm of its family': { ...signer.jwk, alg: 'RS384' },
  'that is symmetric': { kty: 'oct', k: 'c2VjcmV0', kid: signer.kid },
  'without numbers': { kty: 'RSA', kid: signer.kid },
}

for (const [what, jwk] of Object.entries(unfit)) {
  test(`a published key is not used: one ${what}`, async (t) => {
    const { verifier, bearer } = await setup(t, { keys: [jwk] })
    await assert.rejects(verifier.verify(await bearer(signer)), isRejected('key_unfit'))
  })
}

test('an RSA key of 1024 bits is not used', async (t) => {
  const weak = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
  const { n = '', ...jwk } = createPublicKey(await exportSPKI(weak.publicKey)).export({ format: 'jwk' })
  const short = Buffer.from(n, 'base64url').subarray(0, 128).toString('base64url')
  const { verifier, bearer } = await setup(t, { keys: [{ ...jwk, n: short, kid: signer.kid }] })
  await assert.rejects(verifier.verify(await bearer(signer)), isRejected('key_unfit'))
})

test('an elliptic key whose point is not on the curve is not used', async (t) => {
  const ec = await key('ES256')
  const { verifier, bearer } = await setup(t, { keys: [{ ...ec.jwk, y: ec.jwk.x ?? '' }] })
  await assert.rejects(verifier.verify(await bearer(ec)), isRejected('key_unfit'))
})

test('a private key that was published by mistake still checks signatures, and its secret is not kept', async (t) => {
  const { verifier, bearer, keyStore } = await setup(t, { keys: [{ ...signer.jwk, d: 'c2VjcmV0' }] })
  await verifier.verify(await bearer(signer))
  await verifier.refreshIfStale()
  assert.ok(!JSON.stringify(keyStore.row).includes('c2VjcmV0'))
})

test('of a claim given twice the last one counts, before and after the signature is checked', async (t) => {
  const { verifier, issuer } = await setup(t, { keys: [signer.jwk] })
  const text = `{"aud":"agent:other","iss":"${issuer}","purpose":"cron_fire","exp":${now + 60},"aud":"${audience}"}`
  const input = `${part({ alg: 'RS256', kid: signer.kid })}.${part(text)}`
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', signer.privateKey, Buffer.from(input))
  await verifier.verify(`Bearer ${input}.${Buffer.from(signature).toString('base64url')}`)
})

test('every refusal reads the same to the caller, and names the reason in its cause', async (t) => {
  const { verifier, bearer } = await setup(t, { keys: [signer.jwk] })
  const tokens = [undefined, await bearer(signer, { aud: 'agent:other' }), await bearer(signer, { exp: 1 })]
  const errors = await Promise.all(
    tokens.map((token) => verifier.verify(token).catch((error: unknown) => error)),
  )
  assert.deepEqual(errors.map(rejectReason), ['missing', 'aud', 'exp'])
  assert.equal(new Set(errors.map((error) => error instanceof AppError && error.message)).size, 1)
  assert.deepEqual(
    errors.map((error) => error instanceof AppError && [error.statusCode, error.extra]),
    [
      [401, {}],
      [401, {}],
      [401, {}],
    ],
  )
})

test('the reason never quotes more than 80 characters of an unverified token, and no line break', async (t) => {
  const { verifier, bearer } = await setup(t)
  const error = await verifier
    .verify(await bearer(signer, { aud: `a\nb${'x'.repeat(3000)}` }))
    .catch((caught: unknown) => caught)
  const cause = error instanceof AppError ? error.cause : undefined
  assert.ok(cause instanceof Error)
  assert.ok(cause.message.length < 160, cause.message)
  assert.ok(!cause.message.includes('\n'))
})

function unsigned(claims: unknown): string {
  return `Bearer ${part({ alg: 'RS256', kid: signer.kid })}.${part(claims)}.AAAA`
}

async function hmacWithPublicKey(context: Context): Promise<string> {
  const input = `${part({ alg: 'HS256', kid: signer.kid })}.${part(context.claims())}`
  const secret = await exportSPKI(signer.publicKey)
  return `Bearer ${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

async function signAs(context: Context, alg: string): Promise<string> {
  const jwk = await crypto.subtle.exportKey('jwk', signer.privateKey)
  const { alg: _alg, key_ops: _ops, ...numbers } = jwk
  const name = { name: 'RSA-PSS', hash: 'SHA-256' }
  const pss = await crypto.subtle.importKey('jwk', numbers, name, false, ['sign'])
  const jwt = new SignJWT(context.claims()).setProtectedHeader({ alg, kid: signer.kid })
  return `Bearer ${await jwt.sign(pss)}`
}

async function strangersToken(context: Context, bring?: 'jwk' | 'jku'): Promise<string> {
  const stranger = await key('RS256', 'stranger')
  const header =
    bring === 'jwk' ? { jwk: stranger.jwk } : bring === 'jku' ? { jku: `${context.issuer}/mine.json` } : {}
  return context.bearer(stranger, {}, { kid: signer.kid, ...header })
}

async function swapPayload(context: Context): Promise<string> {
  const [header, , signature] = (await context.bearer(signer)).split('.')
  return `${header}.${part(context.claims({ job_id: 'ab12cd34ef56' }))}.${signature}`
}

async function swapSignature(context: Context): Promise<string> {
  const [, , signature] = (await context.bearer(signer, { jti: 'other' })).split('.')
  return (await context.bearer(signer)).replace(/[^.]*$/, signature ?? '')
}

async function swapAlg(context: Context, alg: string): Promise<string> {
  const [, payload, signature] = (await context.bearer(signer)).split('.')
  return `Bearer ${part({ alg, kid: signer.kid })}.${payload}.${signature}`
}
