import { checkTimes } from './claims.ts'
import { rejection, shown } from './rejection.ts'

/** Google's tokens name it in either way. */
export const googleIssuers = ['https://accounts.google.com', 'accounts.google.com']

type Expected = { audience: string; email: string; now: Date }

/**
 * The claims of an OIDC token that Google made for a service account: its audience, and the account.
 *
 * @throws AppError TOKEN_REJECTED
 */
export function checkGoogleClaims(claims: Record<string, unknown>, { audience, email, now }: Expected): void {
  const { iss, aud, email: given, email_verified: isVerified } = claims
  if (!googleIssuers.some((issuer) => issuer === iss)) throw rejection('iss', `iss is ${shown(iss)}`)
  if (aud !== audience) throw rejection('aud', `aud is ${shown(aud)}, not ${audience}`)
  if (given !== email) throw rejection('email', `email is ${shown(given)}, not ${email}`)
  if (isVerified !== true) throw rejection('email', `email_verified is ${shown(isVerified)}`)
  checkTimes(claims, now)
}
