import { Buffer } from 'node:buffer'
import { createPublicKey } from 'node:crypto'
import type { JWK } from 'jose'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'

type SigningKey = { alg: string; kid: string; privateJwk: JWK; isActive: boolean }

/**
 * How a fire token differs from a good one. A claim or header field that is `undefined` is left out.
 *
 * `alg`: another algorithm; one of the key's family is signed with it, `HS*` with the public key as the secret (the
 * old confusion attack), `none` not at all. `forged`: signed by a stranger's key under our `kid`.
 */
export type TokenOverrides = {
  alg?: string
  forged?: boolean
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
}

export type SavedKeys = SigningKey[]
export type Keys = Awaited<ReturnType<typeof createKeys>>

/** The signing keys, one active key for each of `algs`; the first of these signs the fires. `saved` keys are kept. */
export async function createKeys(algs: string[], saved: SavedKeys = []) {
  let keys: SigningKey[] = [...saved]
  const active = (alg: string) => keys.find((key) => key.isActive && key.alg === alg)
  for (const alg of algs) if (!active(alg)) keys.push(await makeKey(alg))

  const familyKey = (alg: string) =>
    keys.find((key) => key.isActive && (key.alg === alg || (/^[RP]S/.test(alg) && key.alg.startsWith('RS'))))

  return {
    /** The public keys as a JWK set; with `withoutActive`, those only that no longer sign. */
    jwks: ({ withoutActive = false } = {}) => ({
      keys: keys.filter((key) => !(withoutActive && key.isActive)).map(publicJwk),
    }),

    /** New keys sign from now on. The old ones stay published, unless `keepOld` is false. */
    async rotate({ keepOld = true } = {}): Promise<void> {
      const fresh = await Promise.all(keys.filter((key) => key.isActive).map((key) => makeKey(key.alg)))
      keys = [...(keepOld ? keys.map((key) => ({ ...key, isActive: false })) : []), ...fresh]
    },

    async sign(claims: Record<string, unknown>, overrides: TokenOverrides = {}): Promise<string> {
      const alg = overrides.alg ?? algs[0] ?? 'ES256'
      const key = familyKey(alg) ?? keys.find((other) => other.isActive) ?? (await makeKey(alg))
      const header = defined({ alg, kid: key.kid, typ: 'JWT', ...overrides.header })
      const payload = defined({ ...claims, ...overrides.claims })
      if (alg === 'none') return `${base64Json(header)}.${base64Json(payload)}.`
      const token = new SignJWT(payload).setProtectedHeader({ ...header, alg })
      if (alg.startsWith('HS')) return token.sign(publicKeyText(key))
      const isOwn = !overrides.forged && key === familyKey(alg)
      return token.sign(await importJWK(isOwn ? key.privateJwk : (await makeKey(alg)).privateJwk, alg))
    },

    save: (): SavedKeys => keys,
  }
}

async function makeKey(alg: string): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const { alg: _ignored, ...privateJwk } = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(privateJwk)
  return { alg, kid, privateJwk, isActive: true }
}

function publicJwk({ alg, kid, privateJwk }: SigningKey): JWK {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = privateJwk
  return { ...open, alg, kid, use: 'sig' }
}

function publicKeyText(key: SigningKey): Uint8Array {
  const { kid: _kid, use: _use, ...jwk } = publicJwk(key)
  const text = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  return new TextEncoder().encode(text)
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function base64Json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
