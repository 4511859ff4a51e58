import { createHash } from 'node:crypto'
import {
  JOSEAlgNotAllowed,
  JWSSignatureVerificationFailed,
  JWTClaimValidationFailed,
  JWTExpired,
} from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { failureName } from '../../ground/failure-name.ts'
import { createRecent } from '../../ground/recent.ts'
import { rejection, shown } from '../../token/index.ts'
import type { VerifiedFire } from '../index.ts'

type SignatureNeeds = {
  /** Where fires are sent, letter by letter. */
  fireUrl: string
  /** The current and the next signing key. */
  keys: string[]
  now?: () => Date
}

const maxChars = 8192
const leewayS = 30
/** Fires of the last minutes, of one process; a token lives for five. */
const remembered = 10_000

/**
 * Checks `Upstash-Signature`: a JWT by HS256 with the current or the next key, `iss`, `sub` our fire URL, `exp`, `nbf`,
 * and the hash of the body. One whose fire was acknowledged is refused from then on, by the process that did it. To
 * another process it is a fire that comes again, which changes nothing (docs/timers.md, "A fire that comes again").
 */
export function createSignatureCheck({ fireUrl, keys, now = () => new Date() }: SignatureNeeds) {
  const secrets = keys.map((key) => new TextEncoder().encode(key))
  const acknowledged = createRecent<true>(remembered)

  async function payloadOf(token: string) {
    const options = {
      algorithms: ['HS256'],
      issuer: 'Upstash',
      subject: fireUrl,
      requiredClaims: ['exp', 'nbf'],
      clockTolerance: leewayS,
      currentDate: now(),
    }
    for (const secret of secrets) {
      try {
        return (await jwtVerify(token, secret, options)).payload
      } catch (error) {
        if (!(error instanceof JWSSignatureVerificationFailed)) throw reasonOf(error)
      }
    }
    throw rejection('signature', 'neither the current nor the next signing key made the signature')
  }

  return async (header: string | string[] | undefined): Promise<VerifiedFire> => {
    if (typeof header !== 'string' || header === '')
      throw rejection('missing', 'there is no Upstash-Signature header')
    if (header.length > maxChars)
      throw rejection('too_large', `the signature has ${header.length} characters`)
    const payload = await payloadOf(header)
    if (typeof payload.iat === 'number' && payload.iat > now().getTime() / 1_000 + leewayS)
      throw rejection('iat', `iat is ${payload.iat}`)
    const id = payload.jti ?? header
    if (acknowledged.get(id)) throw rejection('replay', `the fire of ${shown(id)} was acknowledged before`)
    return {
      checkBody(body) {
        const hash = createHash('sha256').update(body).digest('base64url')
        const signed = payload['body']
        if (typeof signed !== 'string' || signed.replace(/(?<!=)=+$/, '') !== hash)
          throw rejection('body', 'the body is not the one that was signed')
      },
      acknowledged: () => acknowledged.note(id, true),
    }
  }
}

const reasons = { iss: 'iss', sub: 'sub', exp: 'exp', nbf: 'nbf', iat: 'iat' } as const

function reasonOf(error: unknown): unknown {
  if (error instanceof JOSEAlgNotAllowed) return rejection('alg', 'the algorithm is not HS256')
  if (error instanceof JWTExpired) return rejection('exp', error.message)
  if (error instanceof JWTClaimValidationFailed) {
    const claim = error.claim
    return rejection(claim in reasons ? reasons[claim as keyof typeof reasons] : 'malformed', error.message)
  }
  // jose's own errors carry such a code; anything else is a mistake of ours and stays one
  return failureName(error).startsWith('ERR_J') ? rejection('malformed', failureName(error)) : error
}
