import { readInstant } from '../portal.ts'
import { rejection, shown } from './rejection.ts'

type Expected = { issuer: string; audience: string; now: Date }

const leewayS = 30

/**
 * Checks every claim that the contract names and gives back the two that are matched with the body later
 * (undefined: the token does not carry it).
 *
 * Run twice: on the unverified payload, so that junk costs no key look-up, and on the verified one.
 *
 * @throws AppError TOKEN_REJECTED
 */
export function checkClaims(
  claims: Record<string, unknown>,
  { issuer, audience, now }: Expected,
): { jobId?: string; fireAt?: Date } {
  const { iss, aud, purpose } = claims
  if (iss !== issuer) throw rejection('iss', `iss is ${shown(iss)}, not ${issuer}`)
  if (aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) {
    throw rejection('aud', `aud is ${shown(aud)}, without ${audience}`)
  }
  if (purpose !== 'cron_fire') throw rejection('purpose', `purpose is ${shown(purpose)}`)
  checkTimes(claims, now)
  return { ...jobIdOf(claims), ...fireAtOf(claims) }
}

/** Claims are NumericDates: seconds since 1970. Only `exp` has to be there. */
function checkTimes(claims: Record<string, unknown>, now: Date): void {
  const nowS = Math.floor(now.getTime() / 1000)
  const { exp, nbf, iat } = claims
  if (!isNumericDate(exp) || exp <= nowS - leewayS)
    throw rejection('exp', `exp is ${shown(exp)}, now ${nowS}`)
  if (isNotYet(nbf, nowS)) throw rejection('nbf', `nbf is ${shown(nbf)}, now ${nowS}`)
  if (isNotYet(iat, nowS)) throw rejection('iat', `iat is ${shown(iat)}, now ${nowS}`)
}

function isNotYet(value: unknown, nowS: number): boolean {
  return value !== undefined && (!isNumericDate(value) || value > nowS + leewayS)
}

// JSON.parse reads 1e999 as Infinity, a token without end.
function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

// A null says no more than a missing member; some serialisers write it.
function jobIdOf({ job_id: jobId }: Record<string, unknown>): { jobId?: string } {
  if (jobId === undefined || jobId === null) return {}
  if (typeof jobId !== 'string') throw rejection('job_id', `job_id is ${shown(jobId)}`)
  return { jobId }
}

function fireAtOf({ fire_at: text }: Record<string, unknown>): { fireAt?: Date } {
  if (text === undefined || text === null) return {}
  const fireAt = readInstant(text)
  if (!fireAt) throw rejection('fire_at', `fire_at is ${shown(text)}`)
  return { fireAt }
}
