import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Report } from '../src/run/callback.ts'
import type { CallbackClaims } from '../src/run/callback-address.ts'
import { AppError } from '../src/ground/errors.ts'
import { isJsonObject } from '../src/ground/json.ts'
import { holdWhileAnswering } from './hold.ts'
import { acceptJson } from './json.ts'
import type { RouteNeeds } from './needs.ts'
import { beginningOf, storable } from '../src/ground/text.ts'

const claims = Symbol('callback claims')

type CallbackNeeds = Pick<RouteNeeds, 'callbacks' | 'hold' | 'refuseIfDraining'>

/**
 * The one route of targets, in a scope of its own: an outcome that is reported later. The address is the right to
 * report it, so it is checked first, without the body and without the database.
 */
export function callbackRoute(
  scope: FastifyInstance,
  { callbacks, hold, refuseIfDraining }: CallbackNeeds,
): void {
  scope.decorateRequest(claims, null)
  scope.addHook(
    'onRequest',
    scope.auth([
      async (request: FastifyRequest) => {
        const { token = '' } = request.params as { token?: string }
        request.setDecorator(claims, callbacks.verify(token))
      },
    ]),
  )
  // a report is kept as a text, so its numbers keep their digits
  acceptJson(scope, { keepsNumbers: true })
  holdWhileAnswering(scope, hold)
  scope.addHook('onRequest', async () => refuseIfDraining())
  scope.post('/api/callbacks/:token', {
    handler: async (request) => {
      const report = readReport(request.body)
      await callbacks.report(request.getDecorator<CallbackClaims>(claims), report)
      return { ok: true }
    },
  })
}

/** `{"state": "succeeded" | "failed", "output"?: any, "error"?: text | {"message"}}` */
function readReport(body: unknown): Report {
  const given = isJsonObject(body) ? body : {}
  const { state, output = null, error = null } = given
  if (state !== 'succeeded' && state !== 'failed')
    throw new AppError(
      'FIELD_INVALID',
      `state: must be "succeeded" or "failed", not ${beginningOf(JSON.stringify(state) ?? 'nothing', 80)}`,
    )
  const text = typeof output === 'string' || output === null ? output : JSON.stringify(output)
  return {
    state,
    output: text === null ? null : beginningOf(storable(text), maxOutputChars),
    message: messageOf(error),
  }
}

const maxOutputChars = 64 * 1024

function messageOf(error: unknown): string | null {
  const message = isJsonObject(error) ? error['message'] : error
  return typeof message === 'string' ? beginningOf(storable(message), 1_000) : null
}
