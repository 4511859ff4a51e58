import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import Fastify, { type FastifyHttpOptions, type FastifyInstance, LogController } from 'fastify'
import { answerError } from '../routes/index.ts'
import { logOptions } from './ground/log.ts'
import { answerUnreadable } from './process/unreadable.ts'

const settings = {
  logController: new LogController({ disableRequestLogging: true }),
  bodyLimit: 256 * 1024,
  // the usual count begins at 1 in each process: one id would stand for many calls in the log and the audit
  genReqId: () => randomUUID(),
  // the token in the address of a callback is longer than the 100 characters that are usual
  routerOptions: { maxParamLength: 300 },
  requestTimeout: 30_000,
  http: { connectionsCheckingInterval: 5_000 },
  forceCloseConnections: 'idle',
  return503OnClosing: false,
  clientErrorHandler: answerUnreadable,
  frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
  // the routes bring their own checks and write plain JSON: Fastify's compilers would cost 50 ms at every boot
  schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
} satisfies FastifyHttpOptions<Server>

/** How HTTP is spoken: by `http`, and by each instance that `another` makes, with the same log. */
export function createHttp(
  logLevel: string,
  redact: (line: string) => string,
): { http: FastifyInstance; another: () => FastifyInstance } {
  const http: FastifyInstance = Fastify({ ...settings, logger: logOptions(logLevel, redact) })
  return { http, another: () => Fastify({ ...settings, loggerInstance: http.log }) }
}

function noCompiler(): never {
  throw new Error('a route left its checks to Fastify')
}
