import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { createTokenVerifier, type KeyStore, rejectReason } from '../../src/token/index.ts'
import type { RejectReason } from '../../src/token/rejection.ts'

export const audience = 'agent:test-1'
export const start = new Date('2026-06-18T12:00:00Z')

/** Key pairs are slow to make; one per name and test file. */
const made = new Map<string, ReturnType<typeof makeKey>>()

export function key(alg: string, kid = `${alg}-1`): ReturnType<typeof makeKey> {
  const known = made.get(kid) ?? makeKey(alg, kid)
  made.set(kid, known)
  return known
}

async function makeKey(alg: string, kid: string) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid }
  return { alg, kid, jwk, privateKey, publicKey }
}

type Claims = Record<string, unknown>

/**
 * A portal that publishes keys and counts who asks, and a verifier that trusts it, with a store in memory and a
 * clock that stands at `clock.now`.
 */
export async function setup(t: TestContext, { keys = [] as JWK[], keyStore = memoryStore() } = {}) {
  const portal = { requests: [] as IncomingMessage[], keys, answer: null as Answer | null }
  const server = createServer((request, response) => {
    portal.requests.push(request)
    if (portal.answer) portal.answer(response)
    else response.end(JSON.stringify({ keys: portal.keys }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  assert.ok(address && typeof address === 'object')
  const issuer = `http://127.0.0.1:${address.port}`
  const clock = { now: start }
  const warnings: string[] = []
  const log = { info: () => undefined, warn: (_fields: object, message: string) => warnings.push(message) }
  const jwksUrl = `${issuer}/.well-known/jwks.json`
  const parts = { issuer, audience, jwksUrl, userAgent: 'chronos/test', keyStore, log, now: () => clock.now }
  const makeVerifier = () => createTokenVerifier(parts)

  function claims(change: Claims = {}): Claims {
    const now = clock.now.getTime() / 1000
    const all = { iss: issuer, aud: audience, purpose: 'cron_fire', iat: now, exp: now + 300, ...change }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  }

  /** `Bearer …`, signed by `signer`; `change` replaces claims (undefined removes one). */
  async function bearer(signer: Awaited<ReturnType<typeof key>>, change: Claims = {}, header: Claims = {}) {
    const jwt = new SignJWT(claims(change)).setProtectedHeader({
      alg: signer.alg,
      kid: signer.kid,
      ...header,
    })
    return `Bearer ${await jwt.sign(signer.privateKey)}`
  }

  const later = (ms: number) => {
    clock.now = new Date(clock.now.getTime() + ms)
  }
  return {
    portal,
    issuer,
    clock,
    later,
    warnings,
    keyStore,
    verifier: makeVerifier(),
    makeVerifier,
    claims,
    bearer,
  }
}

type Answer = (response: ServerResponse) => void

export type MemoryStore = KeyStore & {
  row: Awaited<ReturnType<KeyStore['load']>>
  loads: number
  saves: number
}

export function memoryStore(): MemoryStore {
  return {
    row: null,
    loads: 0,
    saves: 0,
    load() {
      this.loads += 1
      return Promise.resolve(this.row)
    },
    save(jwks, fetchedAt) {
      this.saves += 1
      this.row = { jwks, fetchedAt }
      return Promise.resolve()
    },
  }
}

/** base64url of a JSON value or of a text as it stands. */
export function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** For `assert.rejects`. */
export function isRejected(reason: RejectReason) {
  return (error: unknown) => {
    assert.equal(rejectReason(error), reason, String(error))
    return true
  }
}
