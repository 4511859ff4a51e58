import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../src/ground/errors.ts'
import { readInstant } from '../src/ground/instant.ts'
import { isJsonObject } from '../src/ground/json.ts'
import { holdWhileAnswering } from './hold.ts'
import type { VerifiedFire } from '../src/timers/index.ts'
import type { RouteNeeds } from './needs.ts'
import { answerError, asAppError } from './problem.ts'
import { foldedLogOf } from './folded.ts'
import { beginningOf } from '../src/ground/text.ts'

const maxBytes = 4096
const firedJobId = Symbol('fired job')
const verifiedFire = Symbol('verified fire')

type FireNeeds = Pick<RouteNeeds, 'verifier' | 'hold' | 'refuseIfDraining' | 'fire'>

/**
 * The one route of the timer, in a scope of its own. In this order: its token (no body, no database), whether fires are
 * taken now, the body, the fire. Checked by hand: a machine boots for a fire, and a validator
 * costs more to load than to run.
 */
export function fireRoute(
  scope: FastifyInstance,
  { verifier, hold, refuseIfDraining, fire }: FireNeeds,
): void {
  scope.setErrorHandler((thrown, request, reply) => {
    fire.refused(asAppError(thrown).code)
    return answerError(thrown, request, reply)
  })
  scope.decorateRequest(firedJobId, null)
  scope.decorateRequest(verifiedFire, null)
  scope.addHook(
    'onRequest',
    scope.auth([
      async (request: FastifyRequest) => {
        request.setDecorator(verifiedFire, await verifier.verifyFire(request.headers, fire.expected))
      },
    ]),
  )
  holdWhileAnswering(scope, hold)
  scope.addHook('onRequest', async () => refuseIfDraining())
  scope.removeAllContentTypeParsers()
  // Raw, whatever type it is said to have, even one that cannot be read: what counts is whether it is JSON.
  scope.addHook('onRequest', async ({ headers }) => {
    headers['content-type'] = 'text/plain'
  })
  scope.addContentTypeParser(
    'text/plain',
    { parseAs: 'buffer', bodyLimit: maxBytes },
    (_request, body, done) => done(null, body),
  )
  // some timers sign the body as well, byte by byte
  scope.addHook('preHandler', async (request) => {
    const { body } = request
    request
      .getDecorator<VerifiedFire | null>(verifiedFire)
      ?.checkBody?.(Buffer.isBuffer(body) ? body : Buffer.alloc(0))
  })
  scope.post('/api/cron/fire', {
    bodyLimit: maxBytes,
    onResponse: async (request, reply) => {
      if (reply.statusCode >= 300) return
      request.getDecorator<VerifiedFire | null>(verifiedFire)?.acknowledged?.()
      const jobId = request.getDecorator<string | null>(firedJobId)
      if (jobId !== null) fire.answered(jobId)
    },
    handler: async (request, reply) => {
      const { jobId, fireAt } = readFire(request)
      // No job of ours: nothing to look up, nothing to cancel. A 4xx would be tried again for hours.
      if (!isJobId(jobId)) return { status: 'gone' }
      const answer = await fire.fire({ jobId, fireAt })
      request.setDecorator(firedJobId, jobId)
      if (answer.status !== 'accepted') return { status: answer.status }
      return reply.code(202).send({ status: answer.status, job_id: answer.jobId, run_id: answer.runId })
    },
  })
}

/** Only `job_id` counts: an instant that cannot be read is as if it were absent, and further fields are ignored. */
function readFire(request: FastifyRequest): { jobId: string; fireAt: Date | null } {
  const { body } = request
  const { job_id: jobId, fire_at: text } = parse(Buffer.isBuffer(body) ? body.toString() : '')
  if (typeof jobId !== 'string')
    throw new AppError('FIELD_INVALID', `job_id is ${kindOf(jobId)}. Send the id of the job as text.`)
  const fireAt = readInstant(text)
  if (fireAt === null && text !== undefined && text !== null) {
    const fields = { job: beginningOf(jobId, 60), fire_at: beginningOf(JSON.stringify(text), 80) }
    const message = 'fire_at of a fire could not be read and was ignored'
    foldedLogOf(request).write(request.log, 'fire_at', { level: 'warn', fields, message })
  }
  return { jobId, fireAt }
}

function isJobId(text: string): boolean {
  return /^[0-9a-f]{12}$/.test(text)
}

function parse(text: string): Record<string, unknown> {
  const expected = 'Send a JSON object with job_id.'
  if (text === '') throw new AppError('BODY_NOT_JSON', `The body is empty. ${expected}`)
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw new AppError('BODY_NOT_JSON', `The body is not JSON. ${expected}`, { cause })
  }
  if (isJsonObject(body)) return body
  throw new AppError('FIELD_INVALID', `The body is ${kindOf(body)}. ${expected}`)
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`
}
