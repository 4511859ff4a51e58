/**
 * Every code that a caller can be answered with, its HTTP status and its title. This is the one table:
 * `docs/errors.md` is generated from it. A code never changes once released.
 */
export const errorTable = {
  // the caller's request
  REQUEST_MALFORMED: { status: 400, title: 'The request cannot be read' },
  BODY_NOT_JSON: { status: 400, title: 'The body is not JSON' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is larger than the limit' },
  FIELD_INVALID: { status: 400, title: 'A field cannot be used as given' },
  FIELD_UNKNOWN: { status: 400, title: 'A field is not known here' },
  JOB_ID_INVALID: { status: 400, title: 'A job id is 12 lower-case hex digits' },
  RUN_ID_INVALID: { status: 400, title: 'A run id is a UUID' },
  CURSOR_INVALID: { status: 400, title: 'The cursor is not one that we gave out' },
  SCHEDULE_INVALID: { status: 400, title: 'The schedule cannot be read' },
  SCHEDULE_IN_PAST: { status: 400, title: 'The schedule has no instant left' },
  TIMEZONE_UNKNOWN: { status: 400, title: 'The time zone is not an IANA name' },
  // who is asking
  API_KEY_REJECTED: { status: 401, title: 'The API key is missing or wrong' },
  TOKEN_REJECTED: { status: 401, title: 'The token was not accepted' },
  SCOPE_MISSING: { status: 403, title: 'The API key is not allowed to do this' },
  RATE_LIMITED: { status: 429, title: 'Too many calls in too short a time; try again later' },
  // what is asked for
  ROUTE_NOT_FOUND: { status: 404, title: 'There is nothing at this path' },
  JOB_NOT_FOUND: { status: 404, title: 'There is no such job' },
  RUN_NOT_FOUND: { status: 404, title: 'There is no such run' },
  KEY_NOT_FOUND: { status: 404, title: 'There is no such API key' },
  JOB_STATE_CONFLICT: { status: 409, title: 'The state of the job does not allow this' },
  JOB_BUSY: { status: 409, title: 'As many runs of the job are live as it allows' },
  RUN_STATE_CONFLICT: { status: 409, title: 'The state of the run does not allow this' },
  VERSION_CONFLICT: { status: 412, title: 'The job has changed since it was read' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'This Idempotency-Key was used with another body' },
  CHANNEL_NOT_FOUND: { status: 404, title: 'There is no such channel' },
  CHANNEL_IN_USE: { status: 409, title: 'Jobs name this channel' },
  CHANNEL_DISABLED: { status: 409, title: 'The channel is switched off' },
  SECRET_NOT_FOUND: { status: 404, title: 'There is no such secret' },
  SECRET_IN_USE: { status: 409, title: 'Jobs mention this secret' },
  ENCRYPTION_KEY_MISSING: {
    status: 409,
    title: 'Secrets are stored encrypted, and there is no key to do so',
  },
  ENCRYPTION_KEY_WRONG: {
    status: 409,
    title: 'The encryption key is not the one of this database',
  },
  SECRET_UNKNOWN: { status: 400, title: 'There is no secret with this name' },
  CALLBACK_UNAVAILABLE: { status: 409, title: 'Nothing can report back to this service as it is set up' },
  DELIVERY_NOT_FOUND: { status: 404, title: 'There is no such delivery' },
  DELIVERY_STATE_CONFLICT: { status: 409, title: 'The state of the delivery does not allow this' },
  CALLBACK_GONE: { status: 410, title: 'Nothing waits for this outcome any more' },
  AFTER_CYCLE: { status: 400, title: 'The job would start itself' },
  NOT_ARMED: { status: 424, title: 'Saved, but the timer service has not confirmed the wake-up yet' },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, title: 'The body has to be application/json' },
  // ours, for the moment
  DRAINING: { status: 503, title: 'This process is going down; try again' },
  NOT_READY: { status: 503, title: 'This process is not ready yet; try again' },
  DATABASE_UNAVAILABLE: { status: 503, title: 'The database cannot be reached; try again' },
  FOLLOWERS_FULL: { status: 503, title: 'As many clients follow logs here as there is room for; try again' },
  QUEUE_FULL: { status: 503, title: 'As many runs wait here as there is room for; try again' },
  JWKS_UNAVAILABLE: {
    status: 503,
    title: 'The signing keys of the timer service cannot be fetched; try again',
  },
  ARM_UNCONFIRMED: { status: 503, title: 'The next wake-up could not be armed in time; try again' },
  SECRET_UNREADABLE: { status: 500, title: 'A stored secret cannot be opened with the keys given' },
  INTERNAL: { status: 500, title: 'Something broke on our side' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof errorTable

type AppErrorOptions = {
  cause?: unknown
  /** Seconds, for the `Retry-After` header; only on 429 and 503. */
  retryAfterS?: number
  /** Further members of the problem document; never secrets. */
  extra?: Record<string, unknown>
}

/**
 * A failure that a caller is told about: a code of `errorTable` and a sentence that names what was given and
 * what was expected. Whatever else is thrown is our own bug and is answered 500 INTERNAL without detail.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly retryAfterS: number | undefined
  readonly extra: Record<string, unknown>

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryAfterS = options.retryAfterS
    this.extra = options.extra ?? {}
  }

  get statusCode(): number {
    return errorTable[this.code].status
  }
}

/** The process goes down: whoever sent the call or the fire is to send it again. */
export function draining(what: 'call' | 'fire'): AppError {
  const message = `The process is going down; expected the ${what} to be sent again`
  return new AppError('DRAINING', message, { retryAfterS: 5 })
}
