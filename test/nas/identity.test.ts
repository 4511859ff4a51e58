import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import type { Nas } from '../../dev/nas/index.ts'
import { createClient, setup } from './setup.ts'

const list = '/api/agent-cron/list'

async function jwksOf(nas: Nas): Promise<JSONWebKeySet> {
  return (await createClient(nas).call('GET', '/.well-known/jwks.json')).body as unknown as JSONWebKeySet
}

async function verify(nas: Nas, token: string, jwks?: JSONWebKeySet) {
  const expected = {
    issuer: nas.issuer,
    audience: nas.audience,
    algorithms: ['ES256', 'RS256'],
    requiredClaims: ['exp'],
  }
  return jwtVerify(token, createLocalJWKSet(jwks ?? (await jwksOf(nas))), expected)
}

const refused = (code: string) => (error: { code?: string }) => error.code === code

test('a refresh answers with a token of 15 minutes and a new refresh token', async (t) => {
  const { nas, client } = await setup(t)
  const { status, body, headers } = await client.refresh(nas.refreshToken())
  assert.deepEqual([status, body['token_type'], body['expires_in']], [200, 'Bearer', 900])
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.equal(body['refresh_token'], nas.refreshToken())
  const refreshed = createClient(nas, String(body['access_token']))
  assert.deepEqual(await refreshed.list(), [])
  await nas.advance(899_999)
  assert.equal((await refreshed.call('GET', list)).status, 200)
  await nas.advance(1)
  const late = await refreshed.call('GET', list)
  assert.deepEqual([late.status, late.body['error']], [401, 'invalid_token'])
})

test('a refresh token used twice revokes the whole login, access tokens too', async (t) => {
  const { nas, client } = await setup(t)
  const first = nas.refreshToken()
  const { body } = await client.refresh(first)
  const again = await client.refresh(first)
  assert.deepEqual([again.status, again.body['error']], [400, 'invalid_grant'])
  assert.equal((await client.refresh(String(body['refresh_token']))).body['error'], 'invalid_grant')
  assert.equal((await createClient(nas, String(body['access_token'])).call('GET', list)).status, 401)
  assert.equal((await client.refresh(await nas.logIn())).status, 200)
})

test('a login that was revoked here is an invalid_grant; another one is not touched', async (t) => {
  const { nas, client } = await setup(t)
  const other = await nas.logIn('other')
  await nas.revokeLogin()
  assert.equal((await client.refresh(nas.refreshToken())).body['error'], 'invalid_grant')
  assert.equal((await client.refresh(other)).status, 200)
})

test('the token endpoint answers wrong requests with the errors of OAuth', async (t) => {
  const { nas, client } = await setup(t)
  const token = nas.refreshToken()
  const errors = []
  for (const fields of [
    { client_id: 'x' },
    { grant_type: 'password' },
    { grant_type: '' },
    { refresh_token: 'x' },
  ]) {
    const { status, body } = await client.refresh(token, fields)
    errors.push([status, body['error']])
  }
  const json = await client.call('POST', '/oauth/token', {
    grant_type: 'refresh_token',
    refresh_token: token,
  })
  errors.push([json.status, json.body['error']])
  assert.deepEqual(errors, [
    [401, 'invalid_client'],
    [400, 'unsupported_grant_type'],
    [400, 'invalid_request'],
    [400, 'invalid_grant'],
    [400, 'invalid_request'],
  ])
  assert.equal((await client.refresh(token)).status, 200)
})

test('a call without a known access token is 401', async (t) => {
  const { nas } = await setup(t)
  assert.equal((await createClient(nas, null).call('GET', list)).status, 401)
  assert.equal((await createClient(nas, 'at_unknown').call('GET', list)).status, 401)
})

test('the firewall answers a page to the defaults of libraries, on every path', async (t) => {
  const { nas, client } = await setup(t)
  const authorization = `Bearer ${nas.accessToken}`
  const bare = await fetch(nas.url + list, { headers: { authorization } })
  assert.deepEqual([bare.status, bare.headers.get('content-type')], [403, 'text/html; charset=utf-8'])
  assert.equal((await client.call('GET', list, undefined, { accept: '*/*' })).status, 403)
  assert.equal((await client.call('GET', list, undefined, { 'user-agent': 'undici' })).status, 403)
  assert.equal((await fetch(nas.jwksUrl)).status, 403)
  assert.equal((await fetch(nas.jwksUrl, { headers: { 'user-agent': 'chronos/1' } })).status, 200)
})

test('paths and methods that do not exist are 404 and 405', async (t) => {
  const { client } = await setup(t)
  assert.equal((await client.call('GET', '/api/agent-cron/rows')).status, 404)
  assert.equal((await client.call('POST', list, {})).status, 405)
})

test('tokens of both kinds of key are verified by the JWK set, which holds no private part', async (t) => {
  const { nas } = await setup(t, { algs: ['RS256', 'ES256'] })
  const jwks = await jwksOf(nas)
  assert.deepEqual(
    jwks.keys.map((key) => [key.alg, key.use, 'd' in key]),
    [
      ['RS256', 'sig', false],
      ['ES256', 'sig', false],
    ],
  )
  assert.equal((await verify(nas, await nas.signFireToken())).protectedHeader.alg, 'RS256')
  assert.equal((await verify(nas, await nas.signFireToken({ alg: 'ES256' }))).protectedHeader.alg, 'ES256')
})

test('after a rotation new tokens need the new set, and old ones hold for as long as their key is kept', async (t) => {
  const { nas } = await setup(t)
  const [oldSet, oldToken] = [await jwksOf(nas), await nas.signFireToken()]
  await nas.rotateKeys()
  await assert.rejects(verify(nas, await nas.signFireToken(), oldSet), refused('ERR_JWKS_NO_MATCHING_KEY'))
  await verify(nas, await nas.signFireToken())
  await verify(nas, oldToken)
  await nas.rotateKeys({ keepOld: false })
  await verify(nas, await nas.signFireToken())
  await assert.rejects(verify(nas, oldToken), refused('ERR_JWKS_NO_MATCHING_KEY'))
})

test('signFireToken makes bad tokens of every kind', async (t) => {
  const { nas } = await setup(t, { algs: ['ES256', 'RS256'] })
  const nowS = Math.floor(Date.now() / 1_000)
  const bad = [
    [{ claims: { aud: 'agent:x' } }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    [{ claims: { exp: nowS - 60 } }, 'ERR_JWT_EXPIRED'],
    [{ claims: { exp: undefined } }, 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    [{ forged: true }, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
    [{ header: { kid: 'nobody' } }, 'ERR_JWKS_NO_MATCHING_KEY'],
    [{ alg: 'none' }, 'ERR_JOSE_ALG_NOT_ALLOWED'],
    [{ alg: 'HS256' }, 'ERR_JOSE_ALG_NOT_ALLOWED'],
    [{ alg: 'PS256' }, 'ERR_JOSE_ALG_NOT_ALLOWED'],
  ] as const
  const jwks = await jwksOf(nas)
  for (const [overrides, code] of bad) {
    await assert.rejects(
      verify(nas, await nas.signFireToken(overrides), jwks),
      refused(code),
      JSON.stringify(overrides),
    )
  }
  const header = decodeProtectedHeader(await nas.signFireToken({ header: { kid: undefined } }))
  assert.equal('kid' in header, false)
})
