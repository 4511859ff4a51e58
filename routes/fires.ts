import fastifyAuth from '@fastify/auth'
import type { FastifyInstance } from 'fastify'
import { allowOrigins } from './cors.ts'
import { fireRoute } from './fire.ts'
import { foldLog } from './folded.ts'
import type { RouteNeeds } from './needs.ts'
import { prepareAnswers } from './prepare.ts'
import { answerError } from './problem.ts'

/** How every answer of `app` is made, and its first route, that of fires. Other scopes are registered beside it. */
export function answerFires(app: FastifyInstance, needs: RouteNeeds): void {
  foldLog(app)
  app.setErrorHandler(answerError)
  allowOrigins(app, needs.config.corsOrigins)
  prepareAnswers(app, needs.config)
  app.register(fastifyAuth)
  app.register(async (scope) => fireRoute(scope, needs))
}
