/**
 * Every code that a caller can be answered with, its HTTP status and its title. This is the one table:
 * `docs/errors.md` is generated from it. A code never changes once released.
 */
export const errorTable = {
  // the caller's request
  REQUEST_MALFORMED: { status: 400, title: 'The request could not be read' },
  BODY_NOT_JSON: { status: 400, title: 'The body is not JSON' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is larger than the limit' },
  FIELD_INVALID: { status: 400, title: 'A field is invalid' },
  FIELD_UNKNOWN: { status: 400, title: 'A field is unknown' },
  JOB_ID_INVALID: { status: 400, title: 'A job id is 12 lower-case hex digits' },
  RUN_ID_INVALID: { status: 400, title: 'A run id is a UUID' },
  CURSOR_INVALID: { status: 400, title: 'The cursor does not come from an earlier page' },
  SCHEDULE_INVALID: { status: 400, title: 'The schedule cannot be read' },
  SCHEDULE_IN_PAST: { status: 400, title: 'The schedule has no slot left' },
  TIMEZONE_UNKNOWN: { status: 400, title: 'The time zone is not an IANA name' },
  // who is asking
  API_KEY_REJECTED: { status: 401, title: 'The API key is missing or not accepted' },
  SESSION_REJECTED: { status: 401, title: 'No one is signed in, or the session has ended' },
  NOT_FROM_PAGE: { status: 403, title: 'A session changes things from its own page only' },
  TOKEN_REJECTED: { status: 401, title: 'The token was not accepted' },
  SCOPE_MISSING: { status: 403, title: 'The API key lacks the required scope' },
  PROJECT_REFUSED: { status: 403, title: 'The API key belongs to another project' },
  RATE_LIMITED: { status: 429, title: 'Rate limit exceeded; retry later' },
  // the requested object
  PAGE_NOT_BUILT: { status: 404, title: 'This process has no page to show' },
  ROUTE_NOT_FOUND: { status: 404, title: 'No such route' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The route has other methods' },
  JOB_NOT_FOUND: { status: 404, title: 'No such job' },
  RUN_NOT_FOUND: { status: 404, title: 'No such run' },
  KEY_NOT_FOUND: { status: 404, title: 'No such API key' },
  PROJECT_NOT_FOUND: { status: 404, title: 'No such project' },
  PROJECT_IN_USE: { status: 409, title: 'The project has jobs, keys, channels or secrets' },
  PROJECT_PAUSED: { status: 409, title: 'The project is paused' },
  PROJECT_FULL: { status: 409, title: 'The project has as many jobs as its quota allows' },
  PROJECT_BUSY: {
    status: 429,
    title: 'The project has begun as many runs in this minute as it may; retry later',
  },
  KEY_TAKEN: { status: 409, title: 'Another job has this key' },
  OWNER_CONFLICT: { status: 409, title: 'The job is of another owner' },
  PLAN_STALE: { status: 409, title: 'Something has changed since the plan was made' },
  JOB_STATE_CONFLICT: { status: 409, title: 'The state of the job does not allow this' },
  JOB_BUSY: { status: 409, title: 'The job already has as many live runs as it allows' },
  RUN_STATE_CONFLICT: { status: 409, title: 'The state of the run does not allow this' },
  VERSION_CONFLICT: { status: 412, title: 'The job has changed since it was read' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'This Idempotency-Key was used with a different body' },
  CHANNEL_NOT_FOUND: { status: 404, title: 'No such channel' },
  CHANNEL_IN_USE: { status: 409, title: 'Jobs use this channel' },
  CHANNEL_DISABLED: { status: 409, title: 'The channel is disabled' },
  SECRET_NOT_FOUND: { status: 404, title: 'No such secret' },
  SECRET_IN_USE: { status: 409, title: 'Jobs use this secret' },
  ENCRYPTION_KEY_MISSING: {
    status: 409,
    title: 'ENCRYPTION_KEY is required and not set',
  },
  ENCRYPTION_KEY_WRONG: {
    status: 409,
    title: 'ENCRYPTION_KEY is not the key of this database',
  },
  SECRET_UNKNOWN: { status: 400, title: 'A secret that the job uses does not exist' },
  CALLBACK_UNAVAILABLE: {
    status: 409,
    title: 'This service is not configured for targets that report later',
  },
  DELIVERY_NOT_FOUND: { status: 404, title: 'No such delivery' },
  DELIVERY_STATE_CONFLICT: { status: 409, title: 'The state of the delivery does not allow this' },
  CALLBACK_GONE: { status: 410, title: 'The run no longer waits for this report' },
  AFTER_CYCLE: { status: 400, title: 'The job would start itself' },
  NOT_ARMED: { status: 424, title: 'Saved, but the timer service has not confirmed the wake-up yet' },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, title: 'The body must be application/json' },
  // ours, for the moment
  DRAINING: { status: 503, title: 'This process is shutting down; retry' },
  NOT_READY: { status: 503, title: 'This process is not ready yet; retry' },
  DATABASE_UNAVAILABLE: { status: 503, title: 'The database cannot be reached; retry' },
  FOLLOWERS_FULL: { status: 503, title: 'Too many clients follow logs in this process; retry' },
  TRIES_FULL: { status: 503, title: 'Too many tries are under way in this process; retry' },
  LISTS_BUSY: { status: 503, title: 'Too many lists are being read at once; retry' },
  QUEUE_FULL: { status: 503, title: 'Too many runs are queued in this process; retry' },
  JWKS_UNAVAILABLE: {
    status: 503,
    title: 'The signing keys of the timer service cannot be fetched; retry',
  },
  ARM_UNCONFIRMED: { status: 503, title: 'The next wake-up could not be armed in time; retry' },
  SECRET_UNREADABLE: { status: 500, title: 'A stored secret cannot be decrypted with the configured keys' },
  INTERNAL: { status: 500, title: 'Internal error' },
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
 * A failure that is reported to the caller: a code of `errorTable` and a sentence about the problem of the
 * request and what to do. Any other error is our own bug and is answered 500 INTERNAL without detail.
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

/** What a caller has sent under `path` cannot be taken: the sentence says why, without the path. */
export function fieldRefused(path: string, sentence: string, code: ErrorCode = 'FIELD_INVALID'): AppError {
  const message = `${path}: ${sentence}`
  return new AppError(code, message, { extra: { errors: [{ path, message }] } })
}

/** The process is shutting down: the client or NAS is to send the request again. */
export function draining(what: 'call' | 'fire'): AppError {
  const message = `This process is shutting down. Send the ${what} again.`
  return new AppError('DRAINING', message, { retryAfterS: 5 })
}
