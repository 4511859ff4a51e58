import type { FastifyInstance, FastifyReply } from 'fastify'

/** Headers that a script of another origin may read. */
const exposed = [
  ...['ETag', 'Location', 'Retry-After', 'Idempotency-Replayed', 'X-Request-Id'],
  ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
].join(', ')
const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const rememberedS = 600

/**
 * Lets pages of these origins, and of no others, call the API with a key of theirs. Cookies are never involved, so
 * credentials are never allowed. Without origins nothing is registered: browsers then refuse every other origin.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  const allowed = new Set(origins)

  app.addHook('onRequest', async (request, reply): Promise<FastifyReply | undefined> => {
    // also without an Origin: a shared cache must not hand that answer to a page
    reply.header('vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined || !allowed.has(origin)) return undefined
    reply.header('access-control-allow-origin', origin)
    const isPreflight = request.method === 'OPTIONS' && 'access-control-request-method' in request.headers
    if (!isPreflight) {
      reply.header('access-control-expose-headers', exposed)
      return undefined
    }
    const asked = request.headers['access-control-request-headers']
    if (asked !== undefined && areNames(asked)) reply.header('access-control-allow-headers', asked)
    return reply
      .code(204)
      .headers({
        vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
        'access-control-allow-methods': methods,
        'access-control-max-age': rememberedS,
      })
      .send()
  })
}

/** Names of headers, separated by commas. Values are checked by the routes that read them. */
function areNames(text: string): boolean {
  return text.length <= 1_000 && /^[\w!#$%&'*+.^`|~, -]*$/.test(text)
}
