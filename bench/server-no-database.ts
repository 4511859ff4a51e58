import fastifyAuth from '@fastify/auth'
import Fastify, { LogController } from 'fastify'
import { fireRoute } from '../routes/fire.ts'
import { answerError } from '../routes/index.ts'
import { readConfig } from '../src/ground/config.ts'
import { createHolds } from '../src/ground/holds.ts'
import { logOptions } from '../src/ground/log.ts'
import { createNasFireVerifier } from '../src/timers/nas/index.ts'
import { createTokenVerifier } from '../src/token/index.ts'

/** The same server, the same verified token, the same body checks; what would be claimed is said to be not due. */
async function main() {
  const config = readConfig()
  const http = Fastify({
    logger: logOptions(config.logLevel),
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
  })
  const holds = createHolds()
  const { portalUrl, audience, jwksUrl } = config.nas
  const verifier = createTokenVerifier({
    issuer: portalUrl ?? '',
    audience: audience ?? '',
    jwksUrl: jwksUrl ?? '',
    userAgent: 'chronos-bench/1',
    keyStore: { load: async () => null, save: async () => {} },
    log: http.log,
  })
  http.setErrorHandler(answerError)
  http.register(fastifyAuth)
  http.register(async (scope) =>
    fireRoute(scope, {
      verifier: createNasFireVerifier(verifier),
      hold: () => holds.take('request'),
      refuseIfDraining() {},
      fire: { fire: async () => ({ status: 'not_due' }), expected() {}, refused() {}, answered() {} },
    }),
  )
  await http.listen({ host: config.host, port: config.port })
}

void main()
