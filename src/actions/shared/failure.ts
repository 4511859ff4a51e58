import { OutboundRefusal, type RefusalCode } from '../../outbound/index.ts'
import { type Progress, where } from './progress.ts'
import { type ActionOutcome, finalFailure } from './outcome.ts'

/** `midway`: the call may have reached the target, and the message says how far things had come. */
type Reason = { code: string; says: string; midway?: true }

const refused: Reason = { code: 'CONNECTION_REFUSED', says: 'refused the connection' }
const unreachable: Reason = { code: 'HOST_UNREACHABLE', says: 'cannot be reached from here' }
const unconnected: Reason = { code: 'CONNECTION_TIMEOUT', says: 'did not accept the connection in time' }
const unresolved: Reason = { code: 'DNS_FAILED', says: 'has a name that does not resolve' }
const unanswered: Reason = { code: 'DNS_FAILED', says: 'has a name that no name server answered for' }
const broken: Reason = { code: 'CONNECTION_BROKEN', says: 'closed the connection', midway: true }
const unreadable: Reason = {
  code: 'ANSWER_UNREADABLE',
  says: 'sent an answer that is not HTTP',
  midway: true,
}
const packed: Reason = {
  code: 'ANSWER_UNREADABLE',
  says: 'sent a body that cannot be decompressed',
  midway: true,
}
const headersTooLarge: Reason = { code: 'ANSWER_HEADERS_TOO_LARGE', says: 'sent more than 16 KiB of headers' }
const untrusted: Reason = { code: 'TLS_FAILED', says: 'offered no trusted TLS certificate' }

/** By the codes (without one, the class) of Node, OpenSSL and zlib, and our own of src/outbound. */
const reasons: Record<string, Reason> = {
  ECONNREFUSED: refused,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  EADDRNOTAVAIL: unreachable,
  ETIMEDOUT: unconnected,
  ENOTFOUND: unresolved,
  ECONNRESET: broken,
  EPIPE: broken,
  HTTP_HEADERS_TOO_LARGE: headersTooLarge,
  HTTP_MALFORMED: unreadable,
  EPROTO: untrusted,
}

const reasonsByStart: [start: string, reason: Reason][] = [
  ['EAI_', unanswered],
  ['Z_', packed],
  ['ZSTD_', packed],
  ['ERR__ERROR_', packed],
  ['ERR_BROTLI', packed],
  ['ERR_TLS_', untrusted],
  ['ERR_SSL_', untrusted],
  ['CERT_', untrusted],
  ['DEPTH_ZERO_', untrusted],
  ['SELF_SIGNED_', untrusted],
  ['UNABLE_TO_', untrusted],
]

/**
 * The outcome of a failed call; null if the error is not a network error, and so our own.
 * Told apart by codes from the depths of `cause`, never by texts.
 */
export function failureOf(error: unknown, origin: string, progress: Progress): ActionOutcome | null {
  for (const cause of causesOf(error)) {
    if (cause instanceof OutboundRefusal) return refusalOf(cause, origin)
    const code = codeOf(cause)
    const reason = reasons[code] ?? reasonsByStart.find(([start]) => code.startsWith(start))?.[1]
    if (!reason) continue
    const extent = reason.midway ? ` ${where(progress)}` : ''
    const said = `target ${origin} ${reason.says}${extent} (${code})`
    return { ...failed(reason.code, said), ...wishOf(cause) }
  }
  return null
}

/** The refusals of the guard, in words for a target whose address is a secret. */
const refusals: Record<RefusalCode, string> = {
  TARGET_PAUSED: 'was not called because the last calls could not connect',
  TARGET_FORBIDDEN: 'has no public address and no entry in TARGET_ALLOW, so it was not called',
  REDIRECT_REFUSED: 'redirected to an address that may not be called',
  REDIRECT_LIMIT: 'redirected too often',
}

/** A target that must not be called now must not be called later either; a redirect can be corrected by its sender. */
function refusalOf(refusal: OutboundRefusal, origin: string): ActionOutcome {
  const { code, message } = refusal
  const said = URL.canParse(origin) ? message : `target ${origin} ${refusals[code]}`
  if (code === 'TARGET_FORBIDDEN') return finalFailure(code, said)
  return { ...failed(code, said), ...wishOf(refusal) }
}

/** When the way out lets calls of this target through again. */
function wishOf(error: Error): Pick<ActionOutcome, 'retryAfterMs'> {
  return 'retryAfterMs' in error && typeof error.retryAfterMs === 'number'
    ? { retryAfterMs: error.retryAfterMs }
    : {}
}

/** For a call that the HTTP client calls a network failure and says no more about. */
export function callFailed(origin: string, progress: Progress): ActionOutcome {
  return failed('CALL_FAILED', `The call of target ${origin} failed ${where(progress)}`)
}

function failed(code: string, message: string): ActionOutcome {
  return { state: 'failed', error: { code, message } }
}

function* causesOf(error: unknown): Generator<Error> {
  for (let at = error; at instanceof Error; at = at.cause) {
    yield at
    if (at instanceof AggregateError) for (const one of at.errors) yield* causesOf(one)
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
