import type { FastifyInstance, FastifyRequest } from 'fastify'
import { callerOf, checkAccess, isOfPage } from './access.ts'
import { agentRoutes } from './agents.ts'
import { changesSomething, operationOf, routesOf } from './api.ts'
import { auditChanges, auditRoutes } from './audit.ts'
import { callbackRoute } from './callbacks.ts'
import { channelRoutes } from './channels.ts'
import { declaredRoutes } from './declared.ts'
import { deliveryRoutes } from './deliveries.ts'
import { existingRoutes } from './existing.ts'
import { answerFires } from './fires.ts'
import { holdWhileAnswering, type Stay } from './hold.ts'
import { createIdentify, type Identify } from './identify.ts'
import { jobRoutes } from './jobs.ts'
import { acceptJson } from './json.ts'
import { keyRoutes } from './keys.ts'
import { logRoutes } from './logs.ts'
import { noteMethods } from './methods.ts'
import { openRoutes, tellKeyless } from './open.ts'
import type { RouteNeeds } from './needs.ts'
import { overviewRoutes } from './overview.ts'
import { pageRoutes } from './page.ts'
import { keepToProject, projectRoutes } from './projects.ts'
import { answerNotFound } from './problem.ts'
import { runRoutes } from './runs.ts'
import { sessionRoutes } from './session.ts'
import { secretRoutes } from './secrets.ts'
import { scheduleRoutes } from './schedules.ts'
import { tryRoutes } from './tries.ts'
import { takeTurns } from './turns.ts'
import type { Operation } from './schemas/index.ts'
import { serviceRoutes } from './service.ts'
import { whyRoutes } from './why.ts'

/**
 * Everything that is answered over HTTP, in one scope per kind of caller: the timer service, targets that report, API
 * clients, anyone. The check of who calls is a hook on the scope, before the body is read, so that a route added to a
 * scope is closed by default.
 */
export function registerAll(app: FastifyInstance, needs: RouteNeeds): void {
  const identify = createIdentify(needs)
  tellKeyless(app, needs.config)
  noteMethods(app)
  app.setNotFoundHandler(answerNotFound)
  app.removeContentTypeParser('text/plain')
  answerFires(app, needs)
  app.register(async (scope) => callbackRoute(scope, needs))
  app.register(async (scope) => apiScope(scope, needs, identify))
  app.register(async (scope) => sessionRoutes(scope, needs, identify))
  app.register(async (scope) => openRoutes(scope, needs))
  app.register(async (scope) => pageRoutes(scope, needs))
}

function apiScope(scope: FastifyInstance, needs: RouteNeeds, identify: Identify): void {
  checkAccess(scope, needs, identify)
  holdWhileAnswering(scope, needs.hold, stayFor)
  tellOfSleep(scope, needs)
  takeTurns(scope, {
    turnOf: async (request) => turnOf(await operationOf(request)),
    caller: (request) => callerOf(request)?.id ?? '',
  })
  keepToProject(scope, needs)
  auditChanges(scope, needs)
  acceptJson(scope)
  const on = routesOf(scope)
  jobRoutes(on, needs)
  tryRoutes(on, needs)
  declaredRoutes(on, needs)
  existingRoutes(on, needs)
  runRoutes(on, needs)
  deliveryRoutes(on, needs)
  logRoutes(on, needs)
  scheduleRoutes(on, needs)
  whyRoutes(on, needs)
  overviewRoutes(on, needs)
  secretRoutes(on, needs)
  channelRoutes(on, needs)
  serviceRoutes(on, needs)
  keyRoutes(on, needs)
  projectRoutes(on, needs)
  auditRoutes(on, needs)
  agentRoutes(on, scope, needs)
}

function turnOf({ isLarge, isFile }: Operation) {
  if (isFile) return 'file'
  return isLarge ? 'list' : null
}

/**
 * Looking must not keep a machine up for ever: a call of the page that changes nothing adds no stay, and a log that is
 * followed holds nothing at all. What a person presses holds as a call with a key does.
 */
async function stayFor(request: FastifyRequest): Promise<Stay> {
  if (!isOfPage(request)) return 'request'
  const operation = await operationOf(request)
  if (changesSomething(request.method, operation)) return 'request'
  return operation.id === 'readLogs' ? 'none' : 'page'
}

/** So that the page can stop asking in time: a call that comes later starts the machine again. */
function tellOfSleep(scope: FastifyInstance, { goesDownInMs }: RouteNeeds): void {
  scope.addHook('onSend', async (request, reply) => {
    const ms = isOfPage(request) ? goesDownInMs() : null
    if (ms !== null) reply.header('x-chronos-goes-down-in', Math.ceil(ms / 1000))
  })
}
