import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Caller, type Holder, nameOfKey } from '../src/access/keys/index.ts'
import { createRateLimit, type Left } from '../src/access/rate-limit.ts'
import { AppError } from '../src/ground/errors.ts'
import { addressOf } from './address.ts'
import { cookieOf } from './cookie.ts'
import { foldedLogOf } from './folded.ts'
import type { RouteNeeds } from './needs.ts'

/** Failed checks of a key in a minute, for each address. */
const failuresPerMinute = 30

type IdentifyNeeds = Pick<RouteNeeds, 'keys' | 'sessions' | 'refusals' | 'config' | 'now'>

/** Who calls. Wrong keys are counted in one place, whichever route they are shown to. */
export type Identify = {
  /** `authorization`: as in the header. @throws AppError API_KEY_REJECTED, RATE_LIMITED */
  byKey(authorization: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<Caller>
  /** By the cookie of the page. @throws AppError SESSION_REJECTED; DATABASE_UNAVAILABLE: unknown */
  bySession(request: FastifyRequest): Promise<Holder & { expiresAt: Date }>
}

export function createIdentify({ keys, sessions, refusals, config, now }: IdentifyNeeds): Identify {
  const { rateLimitPerMinute, isOnFly } = config
  const failures = rateLimitPerMinute > 0 ? createRateLimit({ perMinute: failuresPerMinute }) : null

  /** No valid key is refused because of a stranger at the same address, except one that is new to this process. */
  const byKey: Identify['byKey'] = async (authorization, request, reply) => {
    const address = () => addressOf(request, { isOnFly })
    const mayAsk = () => void (failures && letIn(failures.look(address()), reply, 'failed API key checks'))
    try {
      return await keys.check(authorization, mayAsk)
    } catch (error) {
      if (error instanceof AppError && error.code === 'API_KEY_REJECTED') {
        tell(request, { address: address(), key: nameOfKey(authorization), reason: error.message })
        if (failures) letIn(failures.take(address()), reply, 'failed API key checks')
      }
      throw error
    }
  }

  /** One line for each refused key and minute, and an entry of the status. */
  function tell(request: FastifyRequest, told: { address: string; key: string; reason: string }): void {
    const refusal = { ...told, route: `${request.method} ${request.routeOptions.url ?? ''}` }
    refusals.note(refusal)
    const fields = { code: 'API_KEY_REJECTED', ...refusal }
    const message = 'an API key was refused'
    foldedLogOf(request).write(request.log, `API_KEY_REJECTED ${told.address} ${told.key}`, {
      level: 'warn',
      fields,
      message,
    })
  }

  return {
    byKey,
    async bySession(request) {
      const text = cookieOf(request, config)
      const session = text === undefined ? null : (await sessions()).read(text)
      if (!session) throw over('No one is signed in, or the session has ended.')
      const holder = await keys.holder(session.keyId).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'API_KEY_REJECTED')
          throw over('The API key of this session was revoked, has expired or is gone.')
        throw error
      })
      return { ...holder, expiresAt: noLongerThanKey(session.expiresAt, holder, now()) }
    },
  }
}

export function noLongerThanKey(expiresAt: Date, { livesMs }: Holder, now: Date): Date {
  return livesMs === null ? expiresAt : new Date(Math.min(expiresAt.getTime(), now.getTime() + livesMs))
}

function over(what: string): AppError {
  return new AppError('SESSION_REJECTED', `${what} Sign in with an API key.`)
}

/**
 * Reports the remaining allowance (draft-ietf-httpapi-ratelimit-headers-07).
 *
 * @throws AppError RATE_LIMITED
 */
export function letIn(
  { limit, remaining, resetS, retryAfterS }: Left,
  reply: FastifyReply,
  what: string,
): void {
  reply.headers({ 'ratelimit-limit': limit, 'ratelimit-remaining': remaining, 'ratelimit-reset': resetS })
  if (retryAfterS === null) return
  const detail = `Rate limit of ${limit} ${what} per minute exceeded. Retry in ${retryAfterS} s.`
  throw new AppError('RATE_LIMITED', detail, { retryAfterS })
}
