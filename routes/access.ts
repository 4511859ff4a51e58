import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, fieldRefused } from '../src/ground/errors.ts'
import { defaultProject, projectPattern } from '../src/ground/project.ts'
import { allows, type Caller } from '../src/access/keys/index.ts'
import { createRateLimit } from '../src/access/rate-limit.ts'
import { changesSomething, operationOf } from './api.ts'
import { cookieOf } from './cookie.ts'
import { requireOwnPage } from './from-page.ts'
import { type Identify, letIn } from './identify.ts'
import type { RouteNeeds } from './needs.ts'

const caller = Symbol('caller')
const project = Symbol('the project that the caller sees')
const session = Symbol('by the cookie of the page')

type AccessNeeds = Pick<RouteNeeds, 'keys' | 'config'>

/**
 * Who calls, how often, and whether they may: the hook of the API's scope, before the body is read. Nothing is looked
 * up for who has no key, and a route whose operation says no scope is closed to everybody. Without a key the cookie of the
 * page counts, with the scopes that its key has now.
 *
 * Answers 401, 429 (a good key over its limit, or an address after too many bad ones) or 403.
 */
export function checkAccess(scope: FastifyInstance, { keys, config }: AccessNeeds, identify: Identify): void {
  const { rateLimitPerMinute: perMinute } = config
  const calls = perMinute > 0 ? createRateLimit({ perMinute }) : null

  async function callerOfRequest(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const { authorization } = request.headers
    if (authorization !== undefined || cookieOf(request, config) === undefined)
      return identify.byKey(authorization, request, reply)
    const { id, scopes, project: ofKey } = await identify.bySession(request)
    request.setDecorator(session, true)
    if (changesSomething(request.method, await operationOf(request))) requireOwnPage(request)
    return { id, scopes, project: ofKey }
  }

  scope.decorateRequest(caller, null)
  scope.decorateRequest(project, null)
  scope.decorateRequest(session, false)
  scope.addHook(
    'onRequest',
    scope.auth([
      async (request: FastifyRequest, reply: FastifyReply) => {
        const who = await callerOfRequest(request, reply)
        request.setDecorator(caller, who)
        request.setDecorator(project, seenProject(request, who))
        if (calls) letIn(calls.take(who.id), reply, 'requests')
        const { scope: needed } = await operationOf(request)
        if (allows(who.scopes, needed)) return
        const held = who.scopes.join(', ') || 'none'
        throw new AppError(
          'SCOPE_MISSING',
          `This API key has scope ${held}; this operation requires ${needed}.`,
          {
            extra: { needed },
          },
        )
      },
    ]),
  )
  scope.addHook('onResponse', async (request) => {
    const who = callerOf(request)
    if (who) keys.used(who.id)
  })
}

/** The caller; null: not authenticated. */
export function callerOf(request: FastifyRequest): Caller | null {
  return request.getDecorator<Caller | null>(caller)
}

/** Whether the page calls, with its cookie. */
export function isOfPage(request: FastifyRequest): boolean {
  return request.getDecorator<boolean>(session)
}

/** The header by which a key of all projects chooses one. */
const projectHeader = 'chronos-project'

/** The only project that the caller sees in this request; null: all. */
export function projectOf(request: FastifyRequest): string | null {
  return request.getDecorator<string | null>(project)
}

/** From now on the caller sees all projects: its own is the only one. */
export function seeAll(request: FastifyRequest): void {
  request.setDecorator(project, null)
}

/** The project of things that are made, or known by a name, in this request. */
export function projectToUse(request: FastifyRequest): string {
  return projectOf(request) ?? defaultProject
}

/** @throws AppError PROJECT_REFUSED, FIELD_INVALID */
function seenProject({ headers }: FastifyRequest, { project: ofKey }: Caller): string | null {
  const asked = headers[projectHeader]
  if (asked === undefined) return ofKey
  if (ofKey !== null && asked !== ofKey) throw projectRefused(ofKey)
  if (typeof asked === 'string' && new RegExp(projectPattern).test(asked)) return asked
  throw fieldRefused('Chronos-Project', 'must be the name of a project')
}

export function projectRefused(ofKey: string): AppError {
  const detail = `This API key sees project ${ofKey} alone. Use a key of the other project, or one of all projects.`
  return new AppError('PROJECT_REFUSED', detail)
}
