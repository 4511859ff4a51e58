import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Changed, ChangedField, Look } from '../db/index.ts'
import { boundedChange } from '../src/access/changed.ts'
import { differences } from '../src/jobs/differences.ts'
import { inputOf } from '../src/jobs/plan.ts'
import { withoutCredentialsIn } from './credentials.ts'
import { documentOf } from './document.ts'

const noted = Symbol('what a change has changed')

export function tellChanged(scope: FastifyInstance): void {
  scope.decorateRequest(noted, null)
}

/** What the handler of this request has noted; null: nothing. */
export function changedBy(request: FastifyRequest): Changed | null {
  return request.getDecorator<Changed | null>(noted)
}

type Fields = Record<string, unknown>

/**
 * For the audit log: the fields of one thing before and after; a field that is null is as if it were not there. Null: the thing
 * was not there, or is no more.
 */
export function noteChange(request: FastifyRequest, before: Fields | null, after: Fields | null): void {
  const fields = differences(before ?? {}, after ?? {})
  noteFields(
    request,
    fields.filter((one) => one.before !== one.after),
  )
}

/** The same for fields that are known to differ. Credentials that stand in them are masked for every reader. */
export function noteFields(request: FastifyRequest, fields: readonly ChangedField[]): void {
  const masked = fields.map((one) => ({
    ...one,
    before: withoutCredentialsIn(one.field, one.before),
    after: withoutCredentialsIn(one.field, one.after),
  }))
  request.setDecorator(noted, boundedChange(masked))
}

/** A job as it was and as it is. `usualZone`: of jobs that name none. */
export function noteJob(
  request: FastifyRequest,
  { before, after }: { before: Look | null | undefined; after: Look | null },
  usualZone: string,
): void {
  const fields = (look: Look | null | undefined) => (look ? fieldsOf(look, usualZone) : null)
  if (before !== undefined) noteChange(request, fields(before), fields(after))
}

function fieldsOf({ authored, view: { runtime } }: Look, usualZone: string): Fields {
  const isPaused = runtime.state === 'paused'
  return {
    key: authored.key,
    ...documentOf(inputOf({ authored, aheadKey: null }, usualZone), isPaused),
    ...(isPaused && { paused_reason: runtime.pausedReason, resume_at: runtime.resumeAt?.toISOString() }),
  }
}
