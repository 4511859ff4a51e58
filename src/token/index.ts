import type { JWK } from 'jose'
import { jwtVerify } from 'jose/jwt/verify'
import { failureName } from '../ground/failure-name.ts'
import { checkClaims } from './claims.ts'
import { createKeyFetch } from './fetch-keys.ts'
import { checkGoogleClaims, googleIssuers } from './google.ts'
import { importKey } from './key-set.ts'
import { type KeyringHealth, type KeyStore, type Log, createKeyring } from './keyring.ts'
import { createProvedTokens, digestOf } from './proved.ts'
import { algorithms, readToken, type UnverifiedToken } from './read-token.ts'
import { rejection } from './rejection.ts'

export type { JSONWebKeySet } from 'jose'
export { checkClaims } from './claims.ts'
export { rejection, rejectReason, shown } from './rejection.ts'
export type { KeyringHealth, KeyStore }

/** Which key signed a verified fire token. Its other claims are not used: the job is named in the body. */
export type FireClaims = { kid: string }

export type TokenVerifier = {
  /**
   * The claims of an `Authorization` header, proved. Touches no database, and the portal only where a token that
   * is right in everything but its unproved signature names a key that is not known here.
   *
   * `likely` is called once all but the signature is right.
   *
   * @throws AppError TOKEN_REJECTED (`rejectReason(error)` says why, for the log only)
   * @throws AppError JWKS_UNAVAILABLE: no known key fits, and the portal cannot be asked
   */
  verify(authorization: string | undefined, likely?: () => void): Promise<FireClaims>
  /** Loads the stored keys, at boot; again only if that failed. Never rejects: without them the portal is asked. */
  warm(): Promise<void>
  /** To be called after a verified fire, in the background: stores new keys, renews old ones. Never rejects. */
  refreshIfStale(): Promise<void>
  health(): KeyringHealth
}

type KeyNeeds = {
  /** https, or http to loopback. */
  jwksUrl: string
  userAgent: string
  keyStore: KeyStore
  log: Log
  now?: () => Date
}

type TokenVerifierNeeds = KeyNeeds & {
  /** The portal's URL without a trailing slash, letter by letter. */
  issuer: string
  audience: string
}

/**
 * Verifies the tokens of the timer service: RS256/384/512, ES256/384 or EdDSA by a key of `jwksUrl`, `exp`
 * required, `nbf` and `iat` not in the future, 30 s leeway, valid for an hour at most, `purpose` exactly `cron_fire`.
 */
export function createTokenVerifier(needs: TokenVerifierNeeds): TokenVerifier {
  const { issuer, audience } = needs
  return createVerifier({
    ...needs,
    issuers: [issuer],
    check: (claims, now) => checkClaims(claims, { issuer, audience, now }),
  })
}

/** Verifies OIDC tokens that Google made for the service account `email`, by a key of `jwksUrl`. */
export function createGoogleTokenVerifier(
  needs: KeyNeeds & { audience: string; email: string },
): TokenVerifier {
  const { audience, email } = needs
  return createVerifier({
    ...needs,
    issuers: googleIssuers,
    check: (claims, now) => checkGoogleClaims(claims, { audience, email, now }),
  })
}

type VerifierNeeds = KeyNeeds & {
  issuers: string[]
  audience: string
  /** @throws AppError TOKEN_REJECTED */
  check: (claims: Record<string, unknown>, now: Date) => void
}

function createVerifier(needs: VerifierNeeds): TokenVerifier {
  const { issuers, audience, check, keyStore, log, now = () => new Date() } = needs
  const keyring = createKeyring({ fetchKeys: createKeyFetch(needs), keyStore, now, log })
  const proved = createProvedTokens()

  async function verify(authorization: string | undefined, likely?: () => void): Promise<FireClaims> {
    const token = readToken(authorization)
    // All that needs no key comes first, so that junk never makes us call the portal.
    check(token.payload, now())
    likely?.()
    check(await prove(token), now())
    return { kid: token.kid }
  }

  async function prove(token: UnverifiedToken): Promise<Record<string, unknown>> {
    const key = await keyring.find(token)
    const digest = digestOf(token.text)
    if (proved.has(key, digest)) return token.payload
    const checked = async (by: JWK) => {
      const payload = await checkSignature(token, by)
      proved.add(by, digest)
      return payload
    }
    try {
      return await checked(key)
    } catch (error) {
      const newer = await keyring.findNewer(token, key)
      if (!newer) throw error
      return checked(newer)
    }
  }

  async function checkSignature(token: UnverifiedToken, jwk: JWK): Promise<Record<string, unknown>> {
    const key = await importKey(jwk, token.alg).catch((cause: unknown) => {
      throw rejection('key_unfit', `key ${token.kid} cannot be imported: ${String(cause)}`)
    })
    const options = {
      algorithms: [...algorithms],
      issuer: issuers,
      audience,
      clockTolerance: 30,
      currentDate: now(),
    }
    try {
      const { payload } = await jwtVerify(token.text, key, { ...options, requiredClaims: ['exp'] })
      return payload
    } catch (error) {
      // jose's own errors carry such a code; anything else is a mistake of ours and stays one.
      const code = failureName(error)
      throw code.startsWith('ERR_J') ? rejection('signature', code) : error
    }
  }

  return { verify, warm: keyring.warm, refreshIfStale: keyring.refreshIfStale, health: keyring.health }
}
