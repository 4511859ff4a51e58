import type { JSONWebKeySet, JWK } from 'jose'
import { importJWK } from 'jose/key/import'
import { isJsonObject } from '../ground/json.ts'
import type { Algorithm } from './read-token.ts'

/** The keys of one answer of the portal, at the instant it was given. */
export type KeySet = { jwks: JSONWebKeySet; fetchedAt: Date }

const maxKeys = 100

// A published set should hold public members only; whatever else stands in it is neither used nor stored.
const publicMembers = ['kid', 'kty', 'use', 'key_ops', 'alg', 'crv', 'x', 'y', 'n', 'e'] as const

const keyTypes: Record<Algorithm, { kty: string; crv?: string }> = {
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
}

/** A key set without members that have no business in it; null where `value` is no key set. */
export function readKeySet(value: unknown): JSONWebKeySet | null {
  if (!isJsonObject(value) || !Array.isArray(value['keys'])) return null
  const keys = value['keys'].filter(isJsonObject).slice(0, maxKeys)
  return { keys: keys.map(publicPart) }
}

/** The key that may check a token of this kid and algorithm; undefined: none fits. */
export function pickKey({ jwks }: KeySet, kid: string, alg: Algorithm): JWK | undefined {
  return jwks.keys.find((jwk) => jwk.kid === kid && fits(jwk, alg))
}

export function hasKid({ jwks }: KeySet, kid: string): boolean {
  return jwks.keys.some((jwk) => jwk.kid === kid)
}

const imported = new WeakMap<JWK, Map<Algorithm, Promise<CryptoKey>>>()

/** The imported key, made once per key and algorithm. Rejects where the key's numbers make no key. */
export function importKey(jwk: JWK, alg: Algorithm): Promise<CryptoKey> {
  const known = imported.get(jwk) ?? new Map<Algorithm, Promise<CryptoKey>>()
  imported.set(jwk, known)
  const key = known.get(alg) ?? importPublic(jwk, alg)
  known.set(alg, key)
  return key
}

async function importPublic({ kty, crv, x, y, n, e }: JWK, alg: Algorithm): Promise<CryptoKey> {
  // `use` and `key_ops` were looked at by `fits`; WebCrypto would refuse a public key that lists "sign" too.
  const numbers = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined)
  const key = await importJWK(Object.fromEntries(numbers), alg)
  if (key instanceof Uint8Array) throw new TypeError('The key is symmetric; only public keys verify tokens')
  return key
}

function fits(jwk: JWK, alg: Algorithm): boolean {
  const { kty, crv } = keyTypes[alg]
  if (jwk.kty !== kty || (crv && jwk.crv !== crv)) return false
  if (jwk.use !== undefined && jwk.use !== 'sig') return false
  if (jwk.alg !== undefined && jwk.alg !== alg) return false
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify')))
    return false
  return kty !== 'RSA' || modulusBits(jwk) >= 2048
}

function modulusBits(jwk: JWK): number {
  if (typeof jwk.n !== 'string') return 0
  const hex = Buffer.from(jwk.n, 'base64url').toString('hex').replace(/^0+/, '')
  return hex ? (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex.slice(0, 1), 16))) : 0
}

function publicPart(jwk: Record<string, unknown>): JWK {
  return Object.fromEntries(
    publicMembers.filter((name) => name in jwk).map((name) => [name, jwk[name]]),
  ) as JWK
}
