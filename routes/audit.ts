import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import type { AuditEntry, Intent } from '../src/access/audit.ts'
import { callerOf, projectOf } from './access.ts'
import { changesSomething, type On, operationOf } from './api.ts'
import { changedBy, tellChanged } from './changed.ts'
import { cursorFor, readCursor } from './cursor.ts'
import type { RouteNeeds } from './needs.ts'

const intended = Symbol('audit entry')

/**
 * Records every change that is requested with a key: before it is carried out, with the names of the fields
 * that were sent, and again as it was answered, with what it has changed. If the first cannot be written, nothing is done: 503. A request that is refused
 * earlier (a scope, a body that cannot be read) is written once; one that exceeds the rate limit is not, or a flood
 * would be one of rows.
 */
export function auditChanges(scope: FastifyInstance, needs: Pick<RouteNeeds, 'audit' | 'hold'>): void {
  scope.decorateRequest(intended, null)
  tellChanged(scope)

  scope.addHook('preHandler', async (request) => {
    const intent = await intentOf(request)
    if (!intent) return
    request.setDecorator(intended, await needs.audit.intend(intent))
  })

  // Before the answer is sent, and not waited for: a client that has disconnected gets no answer, but the change was made.
  scope.addHook('onSend', async (request, reply) => {
    const { statusCode: status } = reply
    const id = request.getDecorator<string | null>(intended)
    const isRefusal = status >= 400 && status < 500 && status !== 429
    if (id !== null) {
      const answer = { status, target: madeBy(reply), changed: changedBy(request) }
      complete(needs.audit.answered(id, answer))
    } else if (isRefusal && callerOf(request)) {
      const intent = await intentOf(request)
      if (intent) complete(needs.audit.refused(intent, status))
    }
  })

  /** The process stays up for it. */
  function complete(writing: Promise<void>): void {
    void writing.finally(needs.hold('request'))
  }
}

export function auditRoutes(on: On, needs: Pick<RouteNeeds, 'audit'>): void {
  on('GET /api/audit', async ({ query }, request) => {
    const { actor = null, action = null, limit = 100, cursor } = query
    const page = { after: readCursor('audit', cursor), limit }
    const { items, next } = await needs.audit.list({ actor, action, project: projectOf(request) }, page)
    return { entries: items.map(entryBody), next_cursor: cursorFor('audit', next) }
  })
}

function entryBody({ at, requestId, actorName, targetName, changed, ...entry }: AuditEntry) {
  return {
    ...{ ...entry, at: at.toISOString(), request_id: requestId },
    ...{ actor_name: actorName, target_name: targetName },
    changed: changed && changed.fields.map(({ of = null, ...field }) => ({ of, ...field })),
    changed_left_out: changed?.leftOut ?? 0,
  }
}

/** Null: it changes nothing, or the caller was not authenticated. */
async function intentOf(request: FastifyRequest): Promise<Intent | null> {
  const caller = callerOf(request)
  if (!caller) return null
  const operation = await operationOf(request)
  if (!changesSomething(request.method, operation)) return null
  const ids = Object.values(request.params as Record<string, string>).map(printable)
  return {
    actor: caller.id,
    action: operation.id,
    target: ids.join('/') || null,
    project: projectOf(request),
    requestId: request.id,
    fields: knownFields(request.body, operation.body),
  }
}

/** Whatever stands in a path has to fit into a text of Postgres. */
function printable(text: string): string {
  return text.replaceAll(/[\p{C}]/gu, '\ufffd')
}

/** Only names that the operation knows: a field under another name may be anything, a secret too. */
function knownFields(body: unknown, schema: TSchema | undefined): string[] | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null
  const known = namesIn(schema)
  return Object.keys(body).filter((name) => known.has(name))
}

type Members = { properties?: object; anyOf?: TSchema[]; allOf?: TSchema[]; oneOf?: TSchema[] }

function namesIn(schema: TSchema | undefined): Set<string> {
  if (!schema) return new Set()
  const { properties = {}, anyOf = [], allOf = [], oneOf = [] } = schema as Members
  const parts = [...anyOf, ...allOf, ...oneOf].flatMap((part) => [...namesIn(part)])
  return new Set([...Object.keys(properties), ...parts])
}

/** The id in the answer to a creation: the last part of its `Location`. */
function madeBy(reply: FastifyReply): string | null {
  const location = reply.getHeader('location')
  return typeof location === 'string' ? (location.split('/').at(-1) ?? null) : null
}
