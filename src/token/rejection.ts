import { AppError } from '../ground/errors.ts'
import { withEllipsis } from '../ground/text.ts'

/** Why a token was not accepted; for the log and the tests, never for the caller. */
export type RejectReason = (typeof reasons)[number]

const reasons = [
  'missing',
  'too_large',
  'malformed',
  'alg',
  'kid',
  'crit',
  'iss',
  'sub',
  'aud',
  'purpose',
  'exp',
  'nbf',
  'iat',
  'life',
  'key_unknown',
  'key_unfit',
  'signature',
  'body',
  'replay',
  'email',
] as const

/**
 * TOKEN_REJECTED with one and the same public message, so that a forger learns nothing from it.
 * The reason and its details are the error's cause.
 */
export function rejection(reason: RejectReason, detail: string): AppError {
  const cause = Object.assign(new Error(detail), { reason })
  return new AppError('TOKEN_REJECTED', 'The bearer token was not accepted', { cause })
}

/** The reason inside an error made by `rejection`; undefined for every other error. */
export function rejectReason(error: unknown): RejectReason | undefined {
  if (!(error instanceof AppError) || error.code !== 'TOKEN_REJECTED') return undefined
  const { cause } = error
  return reasons.find((reason) => cause instanceof Error && 'reason' in cause && cause.reason === reason)
}

/** A value of an unverified token for the log: as JSON, so that it cannot forge log lines, and cut short. */
export function shown(value: unknown): string {
  return withEllipsis(JSON.stringify(value) ?? 'nothing', 80)
}
