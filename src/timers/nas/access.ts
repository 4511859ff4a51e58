import { readJsonObject } from '../../ground/json.ts'
import type { Session } from '../index.ts'
import type { NasAnswer } from './answer.ts'

/** Where access tokens come from. */
export type AccessTokens = {
  /** A token to use now. May take a refresh; bounded by its own deadline and by `signal`. */
  get(signal?: AbortSignal): Promise<NasAnswer<string>>
  /** NAS answered 401 to `token`: never hand it out again, if there is another way to one. */
  invalidate(token: string): void
  /** From the memory of this process: makes no call and reads no database. */
  session(): Session
}

/** One token, as in NAS_ACCESS_TOKEN. It is handed out until its end and after it: NAS's clock decides. */
export function createStaticToken(token: string, now = () => new Date()): AccessTokens {
  const expiresAt = expiryOf(token)
  return {
    get: () => Promise.resolve({ ok: true, value: token }),
    invalidate: () => undefined,
    session: () => (expiresAt === null || now() < expiresAt ? 'valid' : 'unknown'),
  }
}

/** A static token for as long as NAS takes it, and the login after that. */
export function createTokenThenLogin(
  token: string,
  login: AccessTokens,
  now = () => new Date(),
): AccessTokens {
  const expiresAt = expiryOf(token)
  let isSpent = false
  const isUsed = () => !isSpent && (expiresAt === null || now() < expiresAt)
  return {
    get: (signal) => (isUsed() ? Promise.resolve({ ok: true, value: token }) : login.get(signal)),
    invalidate(rejected) {
      if (rejected === token) isSpent = true
      else login.invalidate(rejected)
    },
    session: () => (isUsed() ? 'valid' : login.session()),
  }
}

/** When a token that is a JWT with `exp` ends; null: it does not say. */
export function expiryOf(token: string): Date | null {
  const [, payload = '', signature] = token.split('.')
  if (signature === undefined) return null
  const exp = readJsonObject(Buffer.from(payload, 'base64url').toString())?.['exp']
  const at = new Date(typeof exp === 'number' ? exp * 1_000 : Number.NaN)
  return Number.isNaN(at.getTime()) ? null : at
}
