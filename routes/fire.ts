import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../src/errors.ts'
import { isJsonObject, readInstant } from '../src/portal.ts'
import type { FireClaims } from '../src/token/index.ts'
import { holdWhileAnswering } from './hold.ts'
import type { Parts } from './parts.ts'

const maxBytes = 4096
const claims = Symbol('fire claims')
const firedJobId = Symbol('fired job')

type FireParts = Pick<Parts, 'verifier' | 'hold' | 'admit' | 'fire'>

/**
 * The one route of the timer service, in a scope of its own. In this order: the token (no body, no database), whether
 * fires are taken now, the body, the fire. Checked by hand: a fire is what a machine boots for, and a validator
 * costs more to load than to run.
 */
export function fireRoute(scope: FastifyInstance, { verifier, hold, admit, fire }: FireParts): void {
  scope.decorateRequest(claims, null)
  scope.decorateRequest(firedJobId, null)
  scope.addHook(
    'onRequest',
    scope.auth([
      async (request: FastifyRequest) => {
        request.setDecorator(claims, await verifier.verify(request.headers.authorization))
      },
    ]),
  )
  holdWhileAnswering(scope, hold)
  scope.addHook('onRequest', async () => admit())
  scope.removeAllContentTypeParsers()
  // As text, whatever its type is said to be: what counts is whether it is JSON.
  scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: maxBytes }, (_request, body, done) =>
    done(null, body),
  )
  scope.post('/api/cron/fire', {
    bodyLimit: maxBytes,
    onResponse: async (request, reply) => {
      const jobId = request.getDecorator<string | null>(firedJobId)
      if (jobId !== null && reply.statusCode < 300) fire.answered(jobId)
    },
    handler: async (request, reply) => {
      const { jobId, fireAt } = readFire(request.body)
      checkClaims(request.getDecorator<FireClaims>(claims), { jobId, fireAt })
      const answer = await fire.fire({ jobId, fireAt })
      request.setDecorator(firedJobId, jobId)
      if (answer.status !== 'accepted') return { status: answer.status }
      return reply.code(202).send({ status: answer.status, job_id: answer.jobId, run_id: answer.runId })
    },
  })
}

function readFire(text: unknown): { jobId: string; fireAt: Date | null } {
  const body = parse(text)
  const { job_id: jobId, fire_at: fireAt } = body
  if (typeof jobId !== 'string')
    throw new AppError(
      'FIELD_INVALID',
      `job_id: ${kindOf(jobId)} was given; expected 12 lower-case hex digits`,
    )
  if (!/^[0-9a-f]{12}$/.test(jobId)) {
    const shown = JSON.stringify(jobId.slice(0, 60))
    throw new AppError('JOB_ID_INVALID', `job_id: ${shown} was given; expected 12 lower-case hex digits`)
  }
  if (fireAt === undefined || fireAt === null) return { jobId, fireAt: null }
  const instant = readInstant(fireAt)
  if (instant) return { jobId, fireAt: instant }
  const given = typeof fireAt === 'string' ? JSON.stringify(fireAt.slice(0, 60)) : kindOf(fireAt)
  throw new AppError(
    'FIELD_INVALID',
    `fire_at: ${given} was given; expected an ISO 8601 instant with an offset`,
  )
}

function parse(text: unknown): Record<string, unknown> {
  const expected = 'expected a JSON object with job_id'
  if (typeof text !== 'string') throw new AppError('BODY_NOT_JSON', `The body was empty; ${expected}`)
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw new AppError('BODY_NOT_JSON', `The body is not JSON; ${expected}`, { cause })
  }
  if (isJsonObject(body)) return body
  throw new AppError('FIELD_INVALID', `The body is ${kindOf(body)}; ${expected}`)
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`
}

/** A token made for one job or one instant opens nothing else. Instants are compared, never their texts. */
function checkClaims(token: FireClaims, body: { jobId: string; fireAt: Date | null }): void {
  const isOther =
    (token.jobId !== undefined && token.jobId !== body.jobId) ||
    (token.fireAt !== undefined && token.fireAt.getTime() !== body.fireAt?.getTime())
  if (!isOther) return
  const cause = new Error('the token names another job or another instant than the body')
  throw new AppError('TOKEN_REJECTED', 'The bearer token was not accepted', { cause })
}
