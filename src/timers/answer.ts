/**
 * How a call to a timer service went. Going wrong is news here, not an exception.
 *
 * - `refused`: permanent for this identity (a revoked login, a token that is not accepted)
 * - `transient`: may work later (5xx, 429, transport, time-out, an answer that cannot be read)
 * - `rejected`: this one request is wrong (another 4xx, such as an instant too far ahead)
 */
export type TimerAnswer<T, Code extends string = string> = { ok: true; value: T } | TimerFailure<Code>

export type TimerFailure<Code extends string = string> = {
  ok: false
  kind: 'refused' | 'transient' | 'rejected'
  /** HTTP status; missing without an answer. */
  status?: number
  /** The service in capitals, and the end of a `CallCode`; never renamed once released. */
  code: Code
  /** For people; holds no secret. */
  message: string
  /** As the service asked for in `Retry-After`, at most an hour. */
  retryAfterMs?: number
}

/** `…_UNREACHABLE`: nothing was received there. `…_ANSWER_LOST`, `…_TIMEOUT`: the work may have been done. */
export type CallCode<Service extends string> = `${Service}_${
  | 'UNREACHABLE'
  | 'ANSWER_LOST'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'UNREADABLE'
  | 'BUSY'
  | 'REJECTED'
  | 'TOKEN_REJECTED'
  | 'FAILED'}`

export function failure<Code extends string>(
  kind: TimerFailure['kind'],
  code: Code,
  message: string,
): TimerFailure<Code> {
  return { ok: false, kind, code, message }
}

/** Whether the service may hold the arm all the same. */
export function mayBeHeld({ code }: TimerFailure): boolean {
  return !/_(UNREACHABLE|REJECTED|BUSY|INVALID_CLIENT)$/.test(code)
}
