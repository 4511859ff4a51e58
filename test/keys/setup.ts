import type { Json, Service } from '../support/service.ts'

export type Made = { id: string; secret: string; as: { authorization: string } }

/** A key made over the API; `as` are the headers of a call with it. */
export async function makeKey(service: Service, fields: Record<string, unknown> = {}): Promise<Made> {
  const wish = { name: 'a key', scopes: ['jobs:read'], ...fields }
  const { status, body } = await service.api('POST', '/api/keys', wish)
  if (status !== 201) throw new Error(`the key was not made: ${status} ${JSON.stringify(body)}`)
  return { id: body.key.id, secret: body.secret, as: { authorization: `Bearer ${body.secret}` } }
}

/** The audit log, newest first. */
export async function entries(service: Service, query = ''): Promise<Json[]> {
  const { body } = await service.api('GET', `/api/audit${query}`)
  return body.entries
}
