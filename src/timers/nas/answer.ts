/**
 * How a call to NAS, or to its login, went. Going wrong is news here, not an exception.
 *
 * - `refused`: permanent for this identity (403 invalid_client, a revoked login, a static token that is not taken)
 * - `transient`: may work later (5xx, 429, transport, time-out, an answer that cannot be read)
 * - `rejected`: this one request is wrong (another 4xx, such as an instant too far ahead)
 */
export type NasAnswer<T> = { ok: true; value: T } | NasFailure

export type NasFailure = {
  ok: false
  kind: 'refused' | 'transient' | 'rejected'
  /** HTTP status; missing without an answer. */
  status?: number
  code: NasCode
  /** For people; holds no secret. */
  message: string
  /** As NAS asked for in `Retry-After`, at most an hour. */
  retryAfterMs?: number
}

/** `…_UNREACHABLE`: nothing was received there. `…_ANSWER_LOST`, `…_TIMEOUT`: the work may have been done. */
export type NasCode =
  | 'NAS_INVALID_CLIENT'
  | 'NAS_TOKEN_REJECTED'
  | 'NAS_REJECTED'
  | 'NAS_BUSY'
  | 'NAS_FAILED'
  | 'NAS_UNREACHABLE'
  | 'NAS_ANSWER_LOST'
  | 'NAS_TIMEOUT'
  | 'NAS_ABORTED'
  | 'NAS_UNREADABLE'
  | 'LOGIN_REFUSED'
  | 'LOGIN_UNREADABLE'
  | 'LOGIN_BUSY'
  | 'LOGIN_FAILED'
  | 'LOGIN_UNREACHABLE'
  | 'LOGIN_ANSWER_LOST'
  | 'LOGIN_STORE_UNAVAILABLE'

export function failure(kind: NasFailure['kind'], code: NasCode, message: string): NasFailure {
  return { ok: false, kind, code, message }
}
