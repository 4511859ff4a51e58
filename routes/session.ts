import { allows, scopes as allScopes } from '../src/access/keys/index.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Holder } from '../src/access/keys/index.ts'
import { AppError, fieldRefused } from '../src/ground/errors.ts'
import { isJsonObject } from '../src/ground/json.ts'
import { setCookie } from './cookie.ts'
import { requireOwnPage } from './from-page.ts'
import { type Identify, noLongerThanKey } from './identify.ts'
import { acceptJson } from './json.ts'
import type { RouteNeeds } from './needs.ts'

type SessionNeeds = Pick<RouteNeeds, 'keys' | 'sessions' | 'config' | 'now'>

/**
 * For the page: an API key is exchanged for a cookie that no script can read. The key itself is not kept, and is never
 * answered.
 */
export function sessionRoutes(scope: FastifyInstance, needs: SessionNeeds, identify: Identify): void {
  const { keys, sessions, config, now } = needs
  acceptJson(scope)

  scope.post('/api/session', async (request, reply) => {
    requireOwnPage(request)
    const given = readCredential(request)
    const { id } =
      'key' in given ? await identify.byKey(`Bearer ${given.key}`, request, reply) : await spend(given.token)
    const holder = await keys.holder(id)
    const made = (await sessions()).open(id)
    const expiresAt = noLongerThanKey(made.expiresAt, holder, now())
    setCookie(reply, made.text, config, (expiresAt.getTime() - now().getTime()) / 1000)
    keys.used(id)
    return reply.code(201).send(sessionBody({ ...holder, expiresAt }))
  })

  scope.get('/api/session', {
    handler: async (request) => sessionBody(await identify.bySession(request)),
  })

  scope.delete('/api/session', async (request, reply) => {
    requireOwnPage(request)
    setCookie(reply, null, config)
    return reply.code(204).send()
  })

  async function spend(token: string): Promise<{ id: string }> {
    if (!config.production && (await sessions()).spend(token)) return { id: 'API_KEY' }
    const detail = 'This link has been used, or is older than ten minutes. Sign in with an API key.'
    throw new AppError('SESSION_REJECTED', detail)
  }
}

/** `{"key": "…"}` or `{"token": "…"}`. @throws AppError FIELD_INVALID */
function readCredential({ body }: FastifyRequest): { key: string } | { token: string } {
  const { key, token } = isJsonObject(body) ? body : {}
  if (isCredential(key) && token === undefined) return { key }
  if (isCredential(token) && key === undefined) return { token }
  throw fieldRefused('key', 'send the API key as a text of printable characters, {"key": "chr_…"}')
}

function isCredential(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,512}$/.test(value)
}

function sessionBody({ id, name, scopes, project, expiresAt }: Holder & { expiresAt: Date }) {
  const may = allScopes.filter((one) => allows(scopes, one))
  return { key: id, name, scopes, may, project, expires_at: expiresAt.toISOString() }
}
