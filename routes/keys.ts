import type { StoredKey } from '../db/index.ts'
import { fieldRefused } from '../src/ground/errors.ts'
import type { FastifyRequest } from 'fastify'
import { allProjects } from '../src/ground/project.ts'
import { callerOf, projectOf, projectToUse, projectRefused } from './access.ts'
import type { Input, On } from './api.ts'
import { noteChange } from './changed.ts'
import { cursorFor, readCursor } from './cursor.ts'
import { instantIn } from './instant.ts'
import type { RouteNeeds } from './needs.ts'

const dayMs = 86_400_000

export function keyRoutes(
  on: On,
  { keys, projects, now }: Pick<RouteNeeds, 'keys' | 'projects' | 'now'>,
): void {
  on('POST /api/keys', async ({ body }, request, reply) => {
    const expiresAt = expiryOf(body, now())
    const { name, scopes } = body
    const stored = await keys.stored()
    const createdBy = callerOf(request)?.id ?? ''
    const project = projectOfKey(request, body.project)
    if (project !== null) await projects.expect(project)
    const made = await stored.create({ name, scopes, expiresAt, createdBy, project })
    noteChange(request, null, fieldsOf(made.key))
    reply.code(201).header('location', `/api/keys/${made.key.id}`)
    return { key: keyBody(made.key), secret: made.secret }
  })

  on('GET /api/keys', async ({ query: { limit = 1000, cursor } }, request) => {
    const stored = await keys.stored()
    const { items, next } = await stored.list(projectOf(request), {
      after: readCursor('keys', cursor),
      limit,
    })
    return { keys: items.map(keyBody), next_cursor: cursorFor('keys', next) }
  })

  on('DELETE /api/keys/{id}', async ({ params }, request) => {
    const stored = await keys.stored()
    const key = await stored.revoke(params.id)
    noteChange(request, { ...fieldsOf(key), revoked_at: null }, fieldsOf(key))
    return { key: keyBody(key) }
  })
}

/** Null: it sees all of them. @throws AppError PROJECT_REFUSED */
function projectOfKey(request: FastifyRequest, given: string | undefined): string | null {
  const seen = callerOf(request)?.project ?? projectOf(request)
  const wanted = given ?? projectToUse(request)
  if (seen !== null && wanted !== seen) throw projectRefused(seen)
  return wanted === allProjects ? null : wanted
}

/** Null: it does not expire. @throws AppError FIELD_INVALID */
function expiryOf(body: Input<'POST /api/keys'>['body'], now: Date): Date | null {
  const { expires_at: at, expires_in_days: days } = body
  if (at !== undefined && days !== undefined)
    throw fieldRefused('expires_in_days', 'use either expires_in_days or expires_at, not both')
  if (days !== undefined) return new Date(now.getTime() + days * dayMs)
  const expiresAt = instantIn(at)
  if (expiresAt && expiresAt <= now)
    throw fieldRefused('expires_at', `must be in the future, not ${expiresAt.toISOString()}`)
  return expiresAt
}

function fieldsOf(key: StoredKey) {
  const { name, scopes, expires_at, revoked_at } = keyBody(key)
  return { name, scopes, expires_at, revoked_at }
}

/** Never its secret or its hash. */
function keyBody(key: StoredKey) {
  return {
    id: key.id,
    name: key.name,
    scopes: key.scopes,
    project: key.project ?? allProjects,
    created_by: key.createdBy,
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt?.toISOString() ?? null,
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
  }
}
