import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../src/ground/errors.ts'
import { allows, type Caller, nameOfKey } from '../src/access/keys/index.ts'
import { createRateLimit, type Left } from '../src/access/rate-limit.ts'
import { addressOf } from './address.ts'
import { operationOf } from './api.ts'
import { foldedLogOf } from './folded.ts'
import type { RouteNeeds } from './needs.ts'

const caller = Symbol('caller')

/** Failed checks of a key in a minute, for each address. */
const failuresPerMinute = 30

type AccessNeeds = Pick<RouteNeeds, 'keys' | 'refusals' | 'config'>

/**
 * Who calls, how often, and whether they may: the hook of the API's scope, before the body is read. Nothing is looked
 * up for who has no key, and a route whose operation says no scope is closed to everybody.
 *
 * Answers 401, 429 (a good key over its limit, or an address after too many bad ones) or 403.
 */
export function checkAccess(scope: FastifyInstance, { keys, refusals, config }: AccessNeeds): void {
  const { rateLimitPerMinute: perMinute, isOnFly } = config
  const calls = perMinute > 0 ? createRateLimit({ perMinute }) : null
  const failures = perMinute > 0 ? createRateLimit({ perMinute: failuresPerMinute }) : null

  /** No valid key is refused because of a stranger at the same address, except one that is new to this process. */
  async function identify(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const address = () => addressOf(request, { isOnFly })
    const mayAsk = () => void (failures && letIn(failures.look(address()), reply, 'failed API key checks'))
    try {
      return await keys.check(request.headers.authorization, mayAsk)
    } catch (error) {
      if (error instanceof AppError && error.code === 'API_KEY_REJECTED') {
        tell(request, address(), error.message)
        if (failures) letIn(failures.take(address()), reply, 'failed API key checks')
      }
      throw error
    }
  }

  /** One line for each refused key and minute, and an entry of the status. */
  function tell(request: FastifyRequest, address: string, reason: string): void {
    const route = `${request.method} ${request.routeOptions.url ?? ''}`
    const key = nameOfKey(request.headers.authorization)
    const fields = { code: 'API_KEY_REJECTED', address, route, key, reason }
    refusals.note({ address, route, key, reason })
    const message = 'an API key was refused'
    foldedLogOf(request).write(request.log, `API_KEY_REJECTED ${address} ${key}`, {
      level: 'warn',
      fields,
      message,
    })
  }

  scope.decorateRequest(caller, null)
  scope.addHook(
    'onRequest',
    scope.auth([
      async (request: FastifyRequest, reply: FastifyReply) => {
        const who = await identify(request, reply)
        request.setDecorator(caller, who)
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

/**
 * Reports the remaining allowance (draft-ietf-httpapi-ratelimit-headers-07).
 *
 * @throws AppError RATE_LIMITED
 */
function letIn({ limit, remaining, resetS, retryAfterS }: Left, reply: FastifyReply, what: string): void {
  reply.headers({ 'ratelimit-limit': limit, 'ratelimit-remaining': remaining, 'ratelimit-reset': resetS })
  if (retryAfterS === null) return
  const detail = `Rate limit of ${limit} ${what} per minute exceeded. Retry in ${retryAfterS} s.`
  throw new AppError('RATE_LIMITED', detail, { retryAfterS })
}
