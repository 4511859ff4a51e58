import type { CallCode, TimerAnswer, TimerFailure } from '../index.ts'

/** How a call to NAS, or to its login, went. `refused`: 403 invalid_client, a revoked login, a static token not taken. */
export type NasAnswer<T> = TimerAnswer<T, NasCode>
export type NasFailure = TimerFailure<NasCode>

export type NasCode =
  | CallCode<'NAS'>
  | 'NAS_INVALID_CLIENT'
  | 'LOGIN_REFUSED'
  | 'LOGIN_UNREADABLE'
  | 'LOGIN_BUSY'
  | 'LOGIN_FAILED'
  | 'LOGIN_UNREACHABLE'
  | 'LOGIN_ANSWER_LOST'
  | 'LOGIN_STORE_UNAVAILABLE'
