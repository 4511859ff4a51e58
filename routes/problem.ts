import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type ErrorCode, errorTable } from '../src/ground/errors.ts'
import type { LogLine } from '../src/ground/folded-log.ts'
import { rejectReason } from '../src/token/index.ts'
import { setHeaders } from './answer-headers.ts'
import { foldedLogOf } from './folded.ts'
import { methodsOf } from './methods.ts'
import { beginningOf } from '../src/ground/text.ts'

/** A problem document (RFC 9457). `error` repeats `detail` for clients from before it. */
export type Problem = {
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
  error: string
  [member: string]: unknown
}

function problemOf(error: AppError): Problem {
  const { status, title } = errorTable[error.code]
  const type = `urn:chronos:error:${error.code}`
  return {
    type,
    title,
    status,
    detail: error.message,
    code: error.code,
    error: error.message,
    ...error.extra,
  }
}

/**
 * Answers whatever was thrown: an AppError as it is, a refusal of Fastify's own as the code of the table
 * that fits, and everything else as INTERNAL without detail, logged here and nowhere else. The status is always
 * set: a bug inside an auth function is our fault (500) and never the caller's (401).
 *
 * Also Fastify's `frameworkErrors`, which sees what fails before a route is found.
 */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = asAppError(thrown)
  note(error, thrown, request)
  const status = error.statusCode
  // what fails before a route is found passes no hook
  if (!reply.hasHeader('x-request-id')) setHeaders(request, reply)
  // RFC 9110, 15.6.4 and RFC 6585, 4: without it the moment of the next try is left to chance.
  if (status === 503 || status === 429) void reply.header('retry-after', String(error.retryAfterS ?? 1))
  if (status === 401) void reply.header('www-authenticate', 'Bearer')
  // As bytes: Fastify would add a charset to the type, and JSON has none.
  const body = Buffer.from(JSON.stringify(problemOf(error)))
  return reply.code(status).header('content-type', 'application/problem+json').send(body)
}

/** As it is answered, whatever was thrown. */
export function asAppError(thrown: unknown): AppError {
  return thrown instanceof AppError ? thrown : fromFastify(thrown)
}

/** A path that no route has; or one whose routes have other methods, which `Allow` names (RFC 9110, 15.5.6). */
export function answerNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? ''
  const shown = JSON.stringify(beginningOf(path, 100))
  const methods = methodsOf(request, path)
  // what a route with this method does not find is not there
  if (methods.length === 0 || methods.includes(request.method)) {
    const message = `No route ${request.method} ${shown}. /openapi.json lists all routes.`
    return answerError(new AppError('ROUTE_NOT_FOUND', message), request, reply)
  }
  const allowed = methods.join(', ')
  const message = `${beginningOf(request.method, 20)} ${shown}: this path has ${allowed}. /openapi.json lists all routes.`
  return answerError(new AppError('METHOD_NOT_ALLOWED', message), request, reply.header('allow', allowed))
}

/** What broke on our side has a line each. Refusals that a flood of calls would repeat are folded. */
function note(error: AppError, thrown: unknown, request: FastifyRequest): void {
  const { code, cause } = error
  if (code === 'INTERNAL')
    return request.log.error({ err: cause ?? thrown }, 'the request failed with an internal error')
  const route = request.routeOptions.url ?? ''
  const fold = (kind: string, line: LogLine) =>
    foldedLogOf(request).write(request.log, `${kind} ${route}`, line)
  if (error.statusCode >= 500)
    fold(code, { level: 'warn', fields: { code, err: cause }, message: error.message })
  else if (code === 'TOKEN_REJECTED') {
    const reason = cause instanceof Error ? cause.message : undefined
    const message = route === '/api/cron/fire' ? 'a fire was refused' : 'a report was refused'
    fold(rejectReason(error) ?? code, { level: 'info', fields: { code, reason }, message })
  }
}

const codes: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['BODY_TOO_LARGE', 'The body is larger than this route accepts'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['BODY_NOT_JSON', 'The body is empty. Send JSON.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['BODY_NOT_JSON', 'The body is not JSON'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'REQUEST_MALFORMED',
    'The length of the body differs from Content-Length',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'MEDIA_TYPE_UNSUPPORTED',
    'This route reads JSON only. Send the header Content-Type: application/json.',
  ],
  FST_ERR_BAD_URL: ['REQUEST_MALFORMED', 'The path cannot be decoded. Percent-encode it as UTF-8.'],
  FST_ERR_INVALID_URL: ['REQUEST_MALFORMED', 'The path cannot be decoded. Percent-encode it as UTF-8.'],
  FST_ERR_MAX_PARAM_LENGTH: ['ROUTE_NOT_FOUND', 'A part of the path is too long'],
}

function fromFastify(thrown: unknown): AppError {
  const { code = '', statusCode = 500 } = (thrown ?? {}) as Partial<FastifyError>
  const known = codes[code]
  if (known) return new AppError(known[0], known[1])
  // A request that broke off (Fastify puts 400 on the socket's error), or another refusal of Fastify's.
  const isRefusal = code.startsWith('FST_ERR_') || code === 'ECONNRESET'
  if (isRefusal && statusCode >= 400 && statusCode < 500)
    return new AppError('REQUEST_MALFORMED', 'The request could not be read. Send HTTP with a JSON body.', {
      cause: thrown,
    })
  // undefined_table and undefined_column
  if (code === '42P01' || code === '42703')
    return new AppError('NOT_READY', 'The database schema is older than this version. Run the migration.', {
      cause: thrown,
      retryAfterS: 5,
    })
  // 22021 and 22P05: a NUL, or half of a surrogate pair, in the path or the query
  if (code === '22021' || code === '22P05')
    return new AppError(
      'FIELD_INVALID',
      'The path or the query contains a character that cannot be stored (NUL, or half of a surrogate pair). Remove it.',
      { cause: thrown },
    )
  return new AppError('INTERNAL', 'Internal error. The log of the service has the details.', {
    cause: thrown,
  })
}
