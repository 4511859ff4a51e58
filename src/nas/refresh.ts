import { requirePortalUrl } from '../portal.ts'
import { failure, type NasCode, type NasFailure } from './answer.ts'
import { errorOf, failureOf, type Reply, send } from './call.ts'

export type Tokens = { access: string; lifetimeMs: number; refresh: string }

/**
 * How a refresh went. `spent` of a failure: whether the refresh token may have been used up. `refused`: the portal
 * will never take this token again.
 */
export type Refreshed =
  | { state: 'renewed'; tokens: Tokens }
  | { state: 'refused'; message: string }
  | { state: 'failed'; isMaybeSpent: boolean; failure: NasFailure }

// RFC 6749 section 5.2: all of them stay true however often one asks.
const permanent = new Set([
  'invalid_grant',
  'invalid_client',
  'unauthorized_client',
  'invalid_request',
  'unsupported_grant_type',
  'invalid_scope',
])

// Where the answer names no lifetime: below the 15 minutes of the contract.
const defaultLifetimeS = 600

/** The refresh grant of OAuth (RFC 6749 section 6) as one call, never repeated here. */
export function createRefresh(parts: {
  tokenUrl: string
  clientId: string
  userAgent: string
  timeoutMs: number
}) {
  const url = requirePortalUrl(parts.tokenUrl)
  const headers = { accept: 'application/json', 'user-agent': parts.userAgent }

  return async (refreshToken: string): Promise<Refreshed> => {
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: parts.clientId }
    const body = new URLSearchParams(grant)
    const call = {
      method: 'post',
      url,
      headers,
      body,
      timeoutMs: parts.timeoutMs,
      maxBytes: 64 * 1024,
    } as const
    const answer = await send(call)
    if (!answer.ok) return failed(answer, answer.code !== 'NAS_UNREACHABLE')
    return read(answer.value, refreshToken)
  }
}

function read(reply: Reply, refreshToken: string): Refreshed {
  const { status, body } = reply
  if (status === 200) {
    const tokens = readTokens(body, refreshToken)
    const unreadable = {
      ...failure('transient', 'NAS_UNREADABLE', 'answered 200 without access_token'),
      status,
    }
    return tokens ? { state: 'renewed', tokens } : failed(unreadable, true)
  }
  const error = body?.['error']
  if (status >= 400 && status < 500 && typeof error === 'string' && permanent.has(error)) {
    return { state: 'refused', message: `answered ${status}: ${errorOf(body)}` }
  }
  // 429 and 503 say that nothing was done. Behind another 5xx the token may have been used up before something broke.
  return failed(failureOf(reply), status >= 500 && status !== 503)
}

function readTokens(body: Record<string, unknown> | null, refreshToken: string): Tokens | null {
  const access = body?.['access_token']
  const refresh = body?.['refresh_token'] ?? refreshToken
  if (typeof access !== 'string' || !access || typeof refresh !== 'string' || !refresh) return null
  const lifetimeS = Number(body?.['expires_in'] ?? defaultLifetimeS)
  return { access, refresh, lifetimeMs: (lifetimeS > 0 ? lifetimeS : defaultLifetimeS) * 1000 }
}

const loginCodes: Partial<Record<NasCode, NasCode>> = {
  NAS_UNREACHABLE: 'LOGIN_UNREACHABLE',
  NAS_ANSWER_LOST: 'LOGIN_ANSWER_LOST',
  NAS_TIMEOUT: 'LOGIN_ANSWER_LOST',
}

function failed(answer: NasFailure, isMaybeSpent: boolean): Refreshed {
  const message = `the access token cannot be renewed: ${answer.message}`
  const code = loginCodes[answer.code] ?? 'LOGIN_FAILED'
  return { state: 'failed', isMaybeSpent, failure: { ...answer, kind: 'transient', code, message } }
}
