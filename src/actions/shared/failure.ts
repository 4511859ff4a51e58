import { OutboundRefusal, type RefusalCode } from '../../outbound/index.ts'
import { type Progress, where } from './progress.ts'
import { type ActionOutcome, finalFailure } from './outcome.ts'

/** `midway`: the call may have reached the target, and the message says how far things had come. */
type Reason = { code: string; says: string; midway?: true }

const refused: Reason = { code: 'CONNECTION_REFUSED', says: 'refused the connection' }
const unreachable: Reason = { code: 'HOST_UNREACHABLE', says: 'cannot be reached from here' }
const unconnected: Reason = { code: 'CONNECTION_TIMEOUT', says: 'did not take the connection in time' }
const unresolved: Reason = { code: 'DNS_FAILED', says: 'has a name that does not resolve' }
const unanswered: Reason = { code: 'DNS_FAILED', says: 'has a name that no name server answered for' }
const broken: Reason = { code: 'CONNECTION_BROKEN', says: 'closed the connection', midway: true }
const unreadable: Reason = { code: 'ANSWER_UNREADABLE', says: 'sent what is not HTTP', midway: true }
const packed: Reason = {
  code: 'ANSWER_UNREADABLE',
  says: 'sent a body that cannot be decompressed',
  midway: true,
}
const headersTooLarge: Reason = { code: 'ANSWER_HEADERS_TOO_LARGE', says: 'sent more headers than 16 KiB' }
const untrusted: Reason = { code: 'TLS_FAILED', says: 'offered no TLS that can be trusted' }

/** By the codes (where there is none, the class) of Node, OpenSSL and zlib, and our own of src/outbound. */
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
 * What a failed call says about its target; null where the error is none of a network, and so our own.
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

/** What the way out refuses, in words for a target whose address is a secret. */
const refusals: Record<RefusalCode, string> = {
  TARGET_PAUSED: 'was not called, as the last calls of it could not connect',
  TARGET_FORBIDDEN: 'must not be called; expected a public address, or an entry of TARGET_ALLOW',
  REDIRECT_REFUSED: 'redirected to what must not be called; expected an http or https URL as safe as its own',
  REDIRECT_LIMIT: 'redirected more often than is followed; expected an answer',
}

/** Who must not be called now, must not be called later either; where a redirect leads, its sender may mend. */
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
  return failed(
    'CALL_FAILED',
    `the call of target ${origin} failed ${where(progress)}; expected a whole answer`,
  )
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
