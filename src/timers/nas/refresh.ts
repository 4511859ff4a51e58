import { isJsonObject } from '../../ground/json.ts'
import { requirePortalUrl } from '../../ground/portal-url.ts'
import { errorOf, failure, isPage, type Reply, send } from '../index.ts'
import type { NasCode, NasFailure } from './answer.ts'
import { failureOf } from './failure.ts'

export type Tokens = { access: string; lifetimeMs: number; refresh: string }

/**
 * How a refresh went. `spent` of a failure: whether the refresh token may have been used up. `refused`: the portal
 * will never take this token again.
 */
export type Refreshed =
  | { state: 'renewed'; tokens: Tokens }
  | { state: 'refused'; message: string }
  | { state: 'failed'; isMaybeSpent: boolean; failure: NasFailure }

// RFC 6749 section 5.2, and two that portals add: all of them stay true however often one asks.
const permanent = new Set([
  'invalid_grant',
  'invalid_token',
  'refresh_token_reused',
  'invalid_client',
  'unauthorized_client',
  'invalid_request',
  'unsupported_grant_type',
  'invalid_scope',
])

const passing = new Set(['slow_down', 'temporarily_unavailable', 'server_error'])

// Where the answer names no lifetime: below the 15 minutes of the contract.
const defaultLifetimeS = 600
/** Ten years. A lifetime beyond it is none that a server means, and its end may be no date. */
const longestLifetimeS = 315_360_000

/** The refresh grant of OAuth (RFC 6749 section 6) as one call, never repeated here. */
export function createRefresh(parts: {
  tokenUrl: string
  clientId: string
  userAgent: string
  timeoutMs: number
}) {
  const url = requirePortalUrl(parts.tokenUrl)
  const ownHeaders = { accept: 'application/json', 'user-agent': parts.userAgent }

  return async (refreshToken: string): Promise<Refreshed> => {
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: parts.clientId }
    const body = new URLSearchParams(grant)
    // one kind of portal reads the form, another the header; a token that no header can hold goes in the form only
    const isHeaderText = /^[\x21-\x7e]+$/.test(refreshToken)
    const headers = isHeaderText ? { ...ownHeaders, 'x-nous-refresh-token': refreshToken } : ownHeaders
    const call = {
      service: 'NAS',
      method: 'post',
      url,
      headers,
      body,
      secrets: [refreshToken],
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
  if (status >= 200 && status < 300) {
    const tokens = readTokens(body, refreshToken)
    const unreadable = {
      ...failure('transient', 'NAS_UNREADABLE', `answered ${status} without access_token`),
      status,
    }
    return tokens ? { state: 'renewed', tokens } : failed(unreadable, true)
  }
  if (isRefusal(reply)) {
    const said = errorOf(body) || codeOf(reply)
    return {
      state: 'refused',
      message: said ? `answered ${status}: ${said}` : `answered ${status} without a code`,
    }
  }
  // 429 and 503 say that nothing was done. Behind another 5xx the token may have been used up before something broke.
  return failed(failureOf(reply), status >= 500 && status !== 503)
}

/** True for an answer that stays true however often the same token is sent: this login is dead. */
function isRefusal(reply: Reply): boolean {
  const { status, text } = reply
  if (status < 400 || status >= 500) return false
  const code = codeOf(reply)
  if (permanent.has(code)) return true
  // a page, and any other text that is not JSON, is from a firewall in front of the portal
  return (status === 401 || status === 403) && text === '' && !passing.has(code)
}

/** The code of an error: `error`, `error.code` or `code` of the body, or a body that is nothing else. */
function codeOf(reply: Reply): string {
  const { body, text } = reply
  if (!body) return isPage(reply) ? '' : text.replaceAll('"', '')
  const error = body['error']
  const code = isJsonObject(error) ? error['code'] : (error ?? body['code'])
  return typeof code === 'string' ? code : ''
}

function readTokens(body: Record<string, unknown> | null, refreshToken: string): Tokens | null {
  const access = body?.['access_token']
  const refresh = body?.['refresh_token'] ?? refreshToken
  if (typeof access !== 'string' || !access || typeof refresh !== 'string' || !refresh) return null
  const lifetimeS = Number(body?.['expires_in'] ?? defaultLifetimeS)
  const isLifetime = lifetimeS > 0 && lifetimeS <= longestLifetimeS
  return { access, refresh, lifetimeMs: (isLifetime ? lifetimeS : defaultLifetimeS) * 1000 }
}

const loginCodes: Partial<Record<NasCode, NasCode>> = {
  NAS_UNREACHABLE: 'LOGIN_UNREACHABLE',
  NAS_ANSWER_LOST: 'LOGIN_ANSWER_LOST',
  NAS_TIMEOUT: 'LOGIN_ANSWER_LOST',
}

function failed(answer: NasFailure, isMaybeSpent: boolean): Refreshed {
  const message = `the access token could not be renewed: ${answer.message}`
  const code = loginCodes[answer.code] ?? 'LOGIN_FAILED'
  return { state: 'failed', isMaybeSpent, failure: { ...answer, kind: 'transient', code, message } }
}
