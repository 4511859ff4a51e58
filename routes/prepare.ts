import type { FastifyInstance, FastifyReply } from 'fastify'
import { setHeaders } from './answer-headers.ts'
import { answerNotFound } from './problem.ts'

const aYearOfHttps = 'max-age=31536000'

/**
 * Gives every answer of `app` its headers, before authentication and before the body is read; a path without a route is
 * answered right there (404 or 405). To be called before any route is registered.
 */
export function prepareAnswers(app: FastifyInstance, { isOnFly }: { isOnFly: boolean }): void {
  app.addHook('onRequest', async (request, reply): Promise<FastifyReply | undefined> => {
    setHeaders(request, reply)
    // behind a proxy that speaks TLS for us; a browser ignores it over plain HTTP
    if (isOnFly || request.headers['x-forwarded-proto'] === 'https')
      reply.header('strict-transport-security', aYearOfHttps)
    return request.is404 ? answerNotFound(request, reply) : undefined
  })
}
