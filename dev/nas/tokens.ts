import { Buffer } from 'node:buffer'
import { createPublicKey } from 'node:crypto'
import type { JWK } from 'jose'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'
import { createFireToken, createKeyring, jwksMaxAgeS, type Store } from '../../relay/core/index.ts'

type Key = { alg: string; kid: string; privateJwk: JWK }
type OtherKey = Key & { isActive: boolean }

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

export type SavedKeys = OtherKey[]
export type Tokens = Awaited<ReturnType<typeof createTokens>>

type TokensNeeds = {
  store: Store
  issuer: string
  /** One active key each; the first signs the fires. ES256 is the relay's own, of which it has one from the start. */
  algs: string[]
  saved: SavedKeys | undefined
  /** When tokens are issued, by the clock of those who verify them; and so much ahead of it. */
  tokenNow: () => number
  skewMs: () => number
}

/**
 * The relay's keyring and fire tokens, with three things that a relay does not have: keys of other algorithms, tokens
 * that are wrong as asked for, and rotations that sign at once.
 */
export async function createTokens({ store, issuer, algs, saved = [], tokenNow, skewMs }: TokensNeeds) {
  let others = [...saved]
  const isActive = (alg: string) => others.some((key) => key.isActive && key.alg === alg)
  for (const alg of algs) if (alg !== 'ES256' && !isActive(alg)) others.push(await makeKey(alg))

  // The keys' clock runs ahead of the announcements of new keys, of which no one had the time to hear.
  const announcedMs = Math.max(...(await store.readKeys()).map(({ signsFromMs }) => signsFromMs), 0)
  let aheadMs = Math.max(0, announcedMs - tokenNow())
  const keyring = createKeyring({ store, now: () => tokenNow() + aheadMs })
  const fireToken = createFireToken({ keyring, issuer, now: () => tokenNow() + skewMs() })

  async function keyFor(alg: string): Promise<{ key: Key; isOwn: boolean }> {
    const keys: Key[] = [
      { alg: 'ES256', ...(await keyring.signing()) },
      ...others.filter((key) => key.isActive),
    ]
    const own = keys.find((key) => key.alg === alg || (/^[RP]S/.test(alg) && key.alg.startsWith('RS')))
    return {
      key: own ?? keys.find((key) => key.alg === algs[0]) ?? (await makeKey(alg)),
      isOwn: own !== undefined,
    }
  }

  return {
    keyring,

    /** The relay's JWK set, in the order of the algorithms; with `withoutActive` only keys that no longer sign. */
    async jwks({ keys }: { keys: JWK[] }, { withoutActive = false } = {}): Promise<{ keys: JWK[] }> {
      const { kid } = await keyring.signing()
      const shown = algs.flatMap((alg) =>
        alg === 'ES256'
          ? keys.filter((key) => !(withoutActive && key.kid === kid))
          : others.filter((key) => key.alg === alg && !(withoutActive && key.isActive)).map(publicJwk),
      )
      return { keys: shown }
    },

    /** New keys sign from now on. The old ones stay published for minutes, unless `keepOld` is false. */
    async rotate({ keepOld = true } = {}): Promise<void> {
      const fresh = others.filter((key) => key.isActive).map((key) => makeKey(key.alg))
      const old = keepOld ? others.map((key) => ({ ...key, isActive: false })) : []
      others = [...old, ...(await Promise.all(fresh))]
      await keyring.rotate(!keepOld)
      if (keepOld) aheadMs += jwksMaxAgeS * 1_000
    },

    /** A fire token of the agent: the relay's, spoilt as asked for. */
    async sign(agentId: string, overrides: TokenOverrides = {}): Promise<string> {
      const good = await fireToken({ id: agentId, issuer })
      const alg = overrides.alg ?? algs[0] ?? 'ES256'
      if (alg === 'ES256' && Object.keys(overrides).length === 0) return good
      const { key, isOwn } = await keyFor(alg)
      const header = defined({ alg, kid: key.kid, typ: 'JWT', ...overrides.header })
      const payload = defined({ ...decodeJwt(good), ...overrides.claims })
      if (alg === 'none') return `${base64Json(header)}.${base64Json(payload)}.`
      const token = new SignJWT(payload).setProtectedHeader({ ...header, alg })
      if (alg.startsWith('HS')) return token.sign(publicKeyText(key))
      const signs = isOwn && !overrides.forged ? key : await makeKey(alg)
      return token.sign(await importJWK(signs.privateJwk, alg))
    },

    save: (): SavedKeys => others,
  }
}

async function makeKey(alg: string): Promise<OtherKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const { alg: _ignored, ...privateJwk } = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(privateJwk)
  return { alg, kid, privateJwk, isActive: true }
}

function publicJwk({ alg, kid, privateJwk }: Key): JWK {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = privateJwk
  return { ...open, alg, kid, use: 'sig' }
}

function publicKeyText(key: Key): Uint8Array {
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
