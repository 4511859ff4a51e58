import type { FastifyServerOptions } from 'fastify'

/** As much of a pino logger as the stories use. */
export type Log = {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/**
 * Logger options: JSON lines on stdout. What is logged of a request or an error is an allow-list, so that a header,
 * a query parameter or a bound value of a failed statement never gets into the log.
 */
export function logOptions(level: string): NonNullable<FastifyServerOptions['logger']> {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: {
      err: (error: unknown) => describe(error, 3),
      req: ({ method, url }: { method: string; url: string }) => ({ method, path: url.split('?')[0] }),
      res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
    },
  }
}

type Described = { type: string; code?: string; message: string; stack: string; cause?: Described }

function describe(error: unknown, depth: number): Described {
  if (!(error instanceof Error))
    return { type: typeof error, message: 'something that is not an Error was thrown', stack: '' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return {
    type: error.name,
    ...(code && { code }),
    message: error.message,
    stack: error.stack ?? '',
    ...(error.cause !== undefined && depth > 0 && { cause: describe(error.cause, depth - 1) }),
  }
}
