import { isNetworkError } from 'ky'
import { AppError } from '../../../ground/errors.ts'
import { type Call, OutboundRefusal } from '../../../outbound/index.ts'
import { retry } from './call.ts'
import type { Sent } from './message.ts'

/** Of nodemailer, if the message itself is at fault: no other try would succeed. */
const invalid = new Set(['EENVELOPE', 'EMESSAGE', 'EAUTH', 'ENOAUTH', 'ECONFIG', 'EFILEACCESS', 'EURLACCESS'])

/** Of Node, OpenSSL, zlib and nodemailer: the line, or what speaks at its other end. */
const network =
  /^(E[A-Z_]+|HTTP_\w+|Z_\w+|CERT_\w+|ERR_(TLS|SSL)_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+)$/

/**
 * The outcome of a failed try; null if the error is not from outside, and so our own. Judged by codes alone.
 * `to`: the receiver's origin.
 */
export function troubleOf(
  error: unknown,
  { to, type }: { to: string; type: string },
  signal: AbortSignal,
): Sent | null {
  if (signal.aborted) {
    const [code = 'ABORTED'] = codesOf(signal.reason)
    const message = `The connection to ${to} broke off (${code}); the message may have arrived`
    return retry({ code, message }, null)
  }
  if (error instanceof AppError) return unusable(error.message)
  const codes = [...codesOf(error)]
  if (codes.includes('TARGET_FORBIDDEN')) {
    const message = forbiddenIn(error) ?? `${to} may not be called from here`
    return { state: 'failed', error: { code: 'TARGET_FORBIDDEN', message } }
  }
  const pause = pauseIn(error)
  if (pause) return retry({ code: 'TARGET_PAUSED', message: pause.message }, pause.retryAfterMs)
  if (codes.includes('ERR_INVALID_URL')) return unusable(`the address of the ${type} target is not a URL`)
  const code = codes.find((one) => invalid.has(one) || network.test(one))
  if (code !== undefined && invalid.has(code)) return unusable(`the mail to ${to} cannot be sent (${code})`)
  if (code === undefined && !isNetworkError(error)) return null
  const message = `${to} cannot be reached, or did not answer completely (${code ?? 'no code'})`
  return retry({ code: 'CONNECTION_FAILED', message }, null)
}

function unusable(message: string): Sent {
  return { state: 'failed', error: { code: 'TARGET_INVALID', message } }
}

/** How messages name a receiver. Never more of it than its origin: the paths of such URLs are secrets. */
export function originOf(call: Call, type: string): string {
  if ('host' in call) return `${call.scheme}://${String(call.host)}`
  return (typeof call.url === 'string' ? URL.parse(call.url)?.origin : null) ?? `the ${type} target`
}

/** The guard's own sentence: it names the host and the remedy. */
function forbiddenIn(error: unknown): string | null {
  for (let at = error; at instanceof Error; at = at.cause)
    if ('code' in at && at.code === 'TARGET_FORBIDDEN') return at.message
  return null
}

/** Of a receiver that could not be connected to lately. */
function pauseIn(error: unknown): { message: string; retryAfterMs: number } | null {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof OutboundRefusal && at.code === 'TARGET_PAUSED')
      return { message: at.message, retryAfterMs: at.retryAfterMs ?? 0 }
  return null
}

function* codesOf(error: unknown): Generator<string> {
  for (let at = error; at instanceof Error; at = at.cause) {
    // nodemailer keeps the system's own code beside
    if ('originalCode' in at && typeof at.originalCode === 'string') yield at.originalCode
    yield 'code' in at && typeof at.code === 'string' ? at.code : at.name
    if (at instanceof AggregateError) for (const one of at.errors) yield* codesOf(one)
  }
}
