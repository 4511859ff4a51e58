import type { StoredSecret } from '../db/index.ts'
import { nameIn, shortName } from '../src/ground/project.ts'
import { projectToUse } from './access.ts'
import type { On } from './api.ts'
import { noteChange } from './changed.ts'
import { cursorFor, readCursor } from './cursor.ts'
import type { RouteNeeds } from './needs.ts'

export function secretRoutes(on: On, needs: Pick<RouteNeeds, 'secrets'>): void {
  on('GET /api/secrets', async ({ query: { limit = 1000, cursor } }, request) => {
    const secrets = await needs.secrets()
    const { items, next } = await secrets.list(projectToUse(request), {
      after: readCursor('secrets', cursor),
      limit,
    })
    return { secrets: items.map(secretBody), next_cursor: cursorFor('secrets', next) }
  })

  on('PUT /api/secrets/{name}', async ({ params, body }, request, reply) => {
    const secrets = await needs.secrets()
    const secret = await secrets.put(nameIn(projectToUse(request), params.name), body.value)
    const { version } = secret
    noteChange(request, version > 1 ? { version: version - 1 } : null, { version })
    if (version === 1) reply.code(201).header('location', `/api/secrets/${params.name}`)
    return { secret: secretBody(secret) }
  })

  on('DELETE /api/secrets/{name}', async ({ params }, request) => {
    const secrets = await needs.secrets()
    await secrets.remove(nameIn(projectToUse(request), params.name))
    return { ok: true, name: params.name }
  })

  on('POST /api/secrets/rotate', async () => {
    const secrets = await needs.secrets()
    const { keyId, ...counts } = await secrets.rotate()
    return { key_id: keyId, ...counts }
  })
}

/** Never its value. */
function secretBody({ name, version, keyId, createdAt, updatedAt }: StoredSecret) {
  return {
    ...{ name: shortName(name), version, key_id: keyId },
    ...{ created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() },
  }
}
