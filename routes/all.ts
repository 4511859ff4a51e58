import type { FastifyInstance } from 'fastify'
import { callerOf, checkAccess } from './access.ts'
import { agentRoutes } from './agents.ts'
import { operationOf, routesOf } from './api.ts'
import { auditChanges, auditRoutes } from './audit.ts'
import { callbackRoute } from './callbacks.ts'
import { channelRoutes } from './channels.ts'
import { declaredRoutes } from './declared.ts'
import { deliveryRoutes } from './deliveries.ts'
import { existingRoutes } from './existing.ts'
import { answerFires } from './fires.ts'
import { holdWhileAnswering } from './hold.ts'
import { jobRoutes } from './jobs.ts'
import { acceptJson } from './json.ts'
import { keyRoutes } from './keys.ts'
import { logRoutes } from './logs.ts'
import { openRoutes, tellKeyless } from './open.ts'
import type { RouteNeeds } from './needs.ts'
import { answerNotFound } from './problem.ts'
import { runRoutes } from './runs.ts'
import { secretRoutes } from './secrets.ts'
import { scheduleRoutes } from './schedules.ts'
import { takeTurns } from './turns.ts'
import { serviceRoutes } from './service.ts'
import { whyRoutes } from './why.ts'

/**
 * Everything that is answered over HTTP, in one scope per kind of caller: the timer service, targets that report, API
 * clients, anyone. The check of who calls is a hook on the scope, before the body is read, so that a route added to a
 * scope is closed by default.
 */
export function registerAll(app: FastifyInstance, needs: RouteNeeds): void {
  tellKeyless(app)
  app.setNotFoundHandler(answerNotFound)
  app.removeContentTypeParser('text/plain')
  answerFires(app, needs)
  app.register(async (scope) => callbackRoute(scope, needs))
  app.register(async (scope) => apiScope(scope, needs))
  app.register(async (scope) => openRoutes(scope, needs))
}

function apiScope(scope: FastifyInstance, needs: RouteNeeds): void {
  checkAccess(scope, needs)
  holdWhileAnswering(scope, needs.hold)
  takeTurns(scope, {
    isLarge: async (request) => (await operationOf(request)).isLarge ?? false,
    caller: (request) => callerOf(request)?.id ?? '',
  })
  auditChanges(scope, needs)
  acceptJson(scope)
  const on = routesOf(scope)
  jobRoutes(on, needs)
  declaredRoutes(on, needs)
  existingRoutes(on, needs)
  runRoutes(on, needs)
  deliveryRoutes(on, needs)
  logRoutes(on, needs)
  scheduleRoutes(on, needs)
  whyRoutes(on, needs)
  secretRoutes(on, needs)
  channelRoutes(on, needs)
  serviceRoutes(on, needs)
  keyRoutes(on, needs)
  auditRoutes(on, needs)
  agentRoutes(on, scope, needs)
}
