import { secondOf } from '../ground/instant.ts'
import { rejection, shown } from './rejection.ts'

type Expected = { issuer: string; audience: string; now: Date }

const leewayS = 30
/** A token that was stolen opens nothing for longer, whatever the portal has signed. */
const longestLifeS = 3600

/**
 * Checks every claim that the contract names; all others are ignored.
 *
 * Run twice: on the unverified payload, so that junk costs no key look-up, and on the verified one.
 *
 * @throws AppError TOKEN_REJECTED
 */
export function checkClaims(claims: Record<string, unknown>, { issuer, audience, now }: Expected): void {
  const { iss, aud, purpose } = claims
  if (iss !== issuer) throw rejection('iss', `iss is ${shown(iss)}, not ${issuer}`)
  if (aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) {
    throw rejection('aud', `aud is ${shown(aud)}, without ${audience}`)
  }
  if (purpose !== 'cron_fire') throw rejection('purpose', `purpose is ${shown(purpose)}`)
  checkTimes(claims, now)
  checkLife(claims, now)
}

/**
 * Claims are NumericDates: seconds since 1970. Only `exp` has to be there.
 *
 * @throws AppError TOKEN_REJECTED
 */
export function checkTimes(claims: Record<string, unknown>, now: Date): void {
  const nowS = secondOf(now)
  const { exp, nbf, iat } = claims
  if (!isNumericDate(exp) || exp <= nowS - leewayS)
    throw rejection('exp', `exp is ${shown(exp)}, now ${nowS}`)
  if (isNotYet(nbf, nowS)) throw rejection('nbf', `nbf is ${shown(nbf)}, now ${nowS}`)
  if (isNotYet(iat, nowS)) throw rejection('iat', `iat is ${shown(iat)}, now ${nowS}`)
}

function checkLife({ exp, iat }: Record<string, unknown>, now: Date): void {
  const nowS = secondOf(now)
  const lifeS = Number(exp) - (isNumericDate(iat) ? iat : nowS + leewayS)
  if (lifeS > longestLifeS) throw rejection('life', `valid for ${lifeS} s, longer than an hour`)
}

function isNotYet(value: unknown, nowS: number): boolean {
  return value !== undefined && (!isNumericDate(value) || value > nowS + leewayS)
}

// JSON.parse reads 1e999 as Infinity, a token without end.
function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
