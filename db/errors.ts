import postgres from 'postgres'
import { AppError } from '../src/ground/errors.ts'

export { connectionError } from './login/index.ts'

/** Whether a failed statement took effect: certainly not, or unknown (then read again, by run id). */
export type Execution = 'not_executed' | 'unknown'

export type Failure = {
  /** `conflict`: lost to another transaction, worth another try at once. `unavailable`: no use of the database. */
  kind: 'conflict' | 'unavailable'
  /** SQLSTATE, or the code of the driver or of the system call. */
  reason: string
  execution: Execution
  /** The connection is gone or cannot be trusted, and its neighbours in the pool may be as badly off. */
  poolIsSuspect: boolean
}

/** DATABASE_UNAVAILABLE, with the known effect of the statement. The original error is the `cause`. */
export class DatabaseUnavailable extends AppError {
  readonly reason: string
  readonly execution: Execution

  constructor({ reason, execution }: Failure, name: string, cause: unknown) {
    const effect = execution === 'unknown' ? 'may or may not have been carried out' : 'was not carried out'
    super('DATABASE_UNAVAILABLE', `The database was not available (${reason}); ${name} ${effect}`, {
      cause,
      retryAfterS: 1,
    })
    this.reason = reason
    this.execution = execution
  }
}

/** The server's sessions are set up in a way that would garble the results. */
export class SessionUnusable extends Error {
  override readonly name = 'SessionUnusable'
  readonly reason: string

  constructor(setting: string, value: string) {
    super(`the server reports ${setting} ${JSON.stringify(value)}, which is not usable here`)
    this.reason = `${setting} is ${JSON.stringify(value)}`
  }
}

/** Reads an error of postgres.js by SQLSTATE or code; null where the database did its work and said no (23505…). */
export function classify(error: unknown): Failure | null {
  if (error instanceof DatabaseUnavailable) {
    return { kind: 'unavailable', reason: error.reason, execution: error.execution, poolIsSuspect: false }
  }
  if (error instanceof SessionUnusable) return failure('unavailable', error.reason, 'not_executed', true)
  if (error instanceof postgres.PostgresError) return classifyState(error.code)
  return isConnectionError(error) ? classifyConnection(error) : null
}

/** True for failures of the connection itself, after which nothing more may be sent on it. */
export function isConnectionLost(error: unknown): error is Error {
  return classify(error)?.poolIsSuspect === true
}

/**
 * The SQLSTATE if Postgres refused a value that the statement carries: text or JSON that it cannot keep (class 22), a
 * violated constraint (23), a size limit (54). Nothing was carried out, and the same values are refused every time. Else null.
 */
export function refusedValue(error: unknown): string | null {
  return error instanceof postgres.PostgresError && /^(22|23|54)/.test(error.code) ? error.code : null
}

// Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
function classifyState(state: string): Failure | null {
  if (state === '40001' || state === '40P01') return failure('conflict', state, 'not_executed', false)
  // Refused while connecting (too many connections, starting up, password, no such database): nothing was sent.
  const refused = state === '53300' || state === '57P03' || state === '3D000' || state.startsWith('28')
  if (refused) return failure('unavailable', state, 'not_executed', false)
  // Cancelled, not granted a lock in time, or out of disk or memory: rolled back, and the connection lives.
  if (state === '57014' || state === '55P03' || state.startsWith('53'))
    return failure('unavailable', state, 'not_executed', false)
  // Connected to a server that has become a standby: only a new connection finds the primary.
  if (state === '25006') return failure('unavailable', state, 'not_executed', true)
  // The server ended an idle transaction (25P03) or one that took too long (25P04), and the connection with it.
  if (state === '25P03' || state === '25P04') return failure('unavailable', state, 'not_executed', true)
  // Shut down, crashed, dropped, connection exceptions: a commit waiting for its replica has happened all the same.
  if (state.startsWith('57P') || state.startsWith('08')) return failure('unavailable', state, 'unknown', true)
  return null
}

function classifyConnection({ code, syscall }: ConnectionError): Failure {
  const neverSent =
    notSent.has(code) || syscall === 'connect' || syscall === 'getaddrinfo' || isTlsRefusal(code)
  return failure('unavailable', code, neverSent ? 'not_executed' : 'unknown', true)
}

type ConnectionError = Error & { code: string; syscall?: string }

function isConnectionError(error: unknown): error is ConnectionError {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  const { code } = error
  return 'syscall' in error || code.startsWith('CONNECT') || known.has(code) || isTlsRefusal(code)
}

const notSent = new Set([
  'CONNECT_TIMEOUT',
  'CONNECT_TLS_REFUSED',
  'CONNECTION_ENDED',
  'SASL_SIGNATURE_MISMATCH',
])
const known = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_WRITE_AFTER_END',
  'ERR_STREAM_DESTROYED',
  'ERR_SOCKET_CLOSED',
  'DEADLINE_EXCEEDED',
  'SASL_SIGNATURE_MISMATCH',
])

/** Refused by our side of the handshake: OpenSSL's own codes, and Node's names for a certificate's faults. */
function isTlsRefusal(code: string): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || certificateFaults.test(code)
}

const certificateFaults = /^(CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH$)/

function failure(
  kind: Failure['kind'],
  reason: string,
  execution: Execution,
  poolIsSuspect: boolean,
): Failure {
  return { kind, reason, execution, poolIsSuspect }
}
