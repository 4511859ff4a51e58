import { createHmac, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { base64url, exportJWK, type JWK, SignJWT } from 'jose'

export const signingAlgs = ['ES256', 'ES384', 'RS256', 'RS384', 'RS512', 'EdDSA'] as const
export type SigningAlg = (typeof signingAlgs)[number]

export type SigningKey = { kid: string; alg: SigningAlg; privateKey: KeyObject; jwk: JWK }

const generate = promisify(generateKeyPair)

export async function createKey(alg: SigningAlg, kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await keyPair(alg)
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

/**
 * One key of each algorithm, made once for a whole run: RSA keys take their time. Their ids are new for each run, or a
 * service that still holds the keys of an earlier run would not ask for these.
 */
export function everyKey(): Promise<SigningKey[]> {
  const run = randomBytes(4).toString('hex')
  made ??= Promise.all(signingAlgs.map((alg) => createKey(alg, `${alg.toLowerCase()}-${run}`)))
  return made
}

let made: Promise<SigningKey[]> | undefined

function keyPair(alg: SigningAlg): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  if (alg === 'EdDSA') return generate('ed25519')
  if (alg.startsWith('RS')) return generate('rsa', { modulusLength: 2048 })
  return generate('ec', { namedCurve: alg === 'ES256' ? 'P-256' : 'P-384' })
}

export type Claims = Record<string, unknown>

/** Signed as `alg` says, with any claims: what is wrong with it is the caller's choice. */
export function sign(key: SigningKey, claims: Claims, header: { alg?: string; kid?: string } = {}) {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: header.alg ?? key.alg, kid: header.kid ?? key.kid, typ: 'JWT' })
    .sign(key.privateKey)
}

/** The two forgeries that jose itself will not make: no signature at all, and an HMAC over the public key. */
export function unsigned(claims: Claims, kid: string): string {
  return `${encode({ alg: 'none', kid })}.${encode(claims)}.`
}

export function hmac(claims: Claims, kid: string, secret: string): string {
  const signed = `${encode({ alg: 'HS256', kid, typ: 'JWT' })}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

function encode(value: unknown): string {
  return base64url.encode(JSON.stringify(value))
}
