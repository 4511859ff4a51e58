import type { FastifyReply, FastifyRequest } from 'fastify'

/** Nothing here is a page: a browser that is sent here all the same may run, frame, guess and keep nothing of it. */
const ofEveryAnswer = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}
/** `X-Request-Id` is ours, and the one in the log and in the audit. An id that a caller sends could be another's. */
export function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id).headers(ofEveryAnswer)
}
