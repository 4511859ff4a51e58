import { createHmac, timingSafeEqual } from 'node:crypto'
import { readJsonObject } from '../../ground/json.ts'
import { checkClaims, rejection } from '../../token/index.ts'
import { fireKey } from './key.ts'

/** `iss` of its tokens. */
export const issuer = 'chronos-postgres'

type TokenNeeds = {
  /** Where fires are sent, letter by letter. */
  fireUrl: string
  /** ENCRYPTION_KEY, and those before it. */
  encryptionKeys: readonly Buffer[]
  now?: () => Date
}

const maxChars = 8192

/**
 * Checks the bearer token that Postgres signs: HS256 whatever its head says, `iss`, `aud` our fire URL, `purpose`
 * `cron_fire`, `exp`; an hour at most. It is for the fire route and names no job: who repeats it makes us look, not run.
 *
 * The function that it makes throws AppError TOKEN_REJECTED.
 */
export function createTokenCheck({ fireUrl, encryptionKeys, now = () => new Date() }: TokenNeeds) {
  const keys = encryptionKeys.map(fireKey)

  return (authorization: string | undefined): void => {
    if (!authorization) throw rejection('missing', 'there is no Authorization header')
    if (authorization.length > maxChars)
      throw rejection('too_large', `the header has ${authorization.length} characters`)
    const [signed = '', payload = '', signature = ''] =
      /^bearer +([\w-]+\.([\w-]+))\.([\w-]+)$/i.exec(authorization)?.slice(1) ?? []
    if (!signed) throw rejection('malformed', 'the header is not "Bearer " and three base64url parts')
    const given = Buffer.from(signature, 'base64url')
    const isOurs = keys.some((key) => {
      const expected = createHmac('sha256', key).update(signed).digest()
      return given.length === expected.length && timingSafeEqual(given, expected)
    })
    if (!isOurs) throw rejection('signature', 'no ENCRYPTION_KEY that is given here made the signature')
    const claims = readJsonObject(Buffer.from(payload, 'base64url').toString())
    if (!claims) throw rejection('malformed', 'the claims are no JSON object')
    checkClaims(claims, { issuer, audience: fireUrl, now: now() })
  }
}
