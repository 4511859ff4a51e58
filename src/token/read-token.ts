import { readJsonObject } from '../ground/json.ts'
import { rejection, shown } from './rejection.ts'

/** The algorithms of the contract. `none`, HMAC and PS* are missing on purpose, whatever a key set offers. */
export const algorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'EdDSA'] as const
export type Algorithm = (typeof algorithms)[number]

/** A token that looks like one of ours. Nothing in it has been proved. */
export type UnverifiedToken = { text: string; alg: Algorithm; kid: string; payload: Record<string, unknown> }

// A portal's token is below 2 KiB. The limit stands before any other work.
const maxTokenChars = 8192
const maxKidChars = 256

/**
 * Takes an `Authorization` header apart without any key: scheme, size, three base64url parts, algorithm, kid.
 * The headers `jwk`, `jku`, `x5u` and `x5c` (a key brought along by the token) are never looked at.
 *
 * @throws AppError TOKEN_REJECTED
 */
export function readToken(authorization: string | undefined): UnverifiedToken {
  if (!authorization) throw rejection('missing', 'there is no Authorization header')
  if (authorization.length > maxTokenChars) {
    throw rejection(
      'too_large',
      `the header has ${authorization.length} characters; the limit is ${maxTokenChars}`,
    )
  }
  const text = /^bearer +(\S+) *$/i.exec(authorization)?.[1]
  if (!text) throw rejection('missing', 'the Authorization header is not "Bearer <token>"')
  const [head, body] = /^([\w-]+)\.([\w-]+)\.[\w-]+$/.exec(text)?.slice(1) ?? []
  const header = decode(head)
  const payload = decode(body)
  if (!header || !payload)
    throw rejection('malformed', 'the token is not three base64url parts, two of them JSON objects')
  const { alg, kid } = header
  if (!isAlgorithm(alg)) throw rejection('alg', `alg is ${shown(alg)}`)
  // An extension marked critical has to be understood; none is.
  if ('crit' in header) throw rejection('crit', `crit is ${shown(header['crit'])}`)
  if (typeof kid !== 'string' || !kid || kid.length > maxKidChars)
    throw rejection('kid', `kid is ${shown(kid)}`)
  return { text, alg, kid, payload }
}

function isAlgorithm(value: unknown): value is Algorithm {
  return algorithms.some((algorithm) => algorithm === value)
}

function decode(part: string | undefined): Record<string, unknown> | null {
  return part ? readJsonObject(Buffer.from(part, 'base64url').toString()) : null
}
