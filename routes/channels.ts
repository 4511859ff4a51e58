import type { FastifyRequest } from 'fastify'
import type { Channel } from '../src/delivery/channels.ts'
import { AppError } from '../src/ground/errors.ts'
import { nameIn } from '../src/ground/project.ts'
import { projectToUse } from './access.ts'
import type { On } from './api.ts'
import { noteChange } from './changed.ts'
import { cursorFor, readCursor } from './cursor.ts'
import type { RouteNeeds } from './needs.ts'

export function channelRoutes(on: On, needs: Pick<RouteNeeds, 'channels' | 'send'>): void {
  on('GET /api/channels', async ({ query: { limit = 1000, cursor } }, request) => {
    const channels = await needs.channels()
    const { items, next } = await channels.list(projectToUse(request), {
      after: readCursor('channels', cursor),
      limit,
    })
    return { channels: items.map(channelBody), next_cursor: cursorFor('channels', next) }
  })

  on('GET /api/channels/{name}', async ({ params }, request) => {
    const channels = await needs.channels()
    return { channel: channelBody(await channels.get(nameOf(request, params.name))) }
  })

  on('PUT /api/channels/{name}', async ({ params, body }, request, reply) => {
    const { default_on: defaultOn = null, ...config } = body
    const channels = await needs.channels()
    const name = nameOf(request, params.name)
    const before = await channels.get(name).catch(noneYet)
    const { channel, isNew, madeSecret } = await channels.put(name, config, listOf(defaultOn))
    noteChange(request, before && fieldsOf(before), fieldsOf(channel))
    if (isNew) reply.code(201).header('location', `/api/channels/${channel.name}`)
    return { channel: channelBody(channel), ...(madeSecret === null ? {} : { secret: madeSecret }) }
  })

  on('DELETE /api/channels/{name}', async ({ params }, request) => {
    const channels = await needs.channels()
    const name = nameOf(request, params.name)
    const before = await channels.get(name)
    await channels.remove(name)
    noteChange(request, fieldsOf(before), null)
    return { ok: true, name: params.name }
  })

  on('POST /api/channels/{name}/test', async ({ params }, request) => {
    const channels = await needs.channels()
    return channels.test(nameOf(request, params.name), (target, message, signal) =>
      needs.send(target, message, signal, projectToUse(request)),
    )
  })
}

function nameOf(request: FastifyRequest, name: string): string {
  return nameIn(projectToUse(request), name)
}

function listOf(on: string | string[] | null): string[] | null {
  return typeof on === 'string' ? [on] : on
}

/** For the audit log; what a channel holds beside its summary is secret. */
function fieldsOf({ type, defaultOn, summary, disabledAt, disabledReason }: Channel) {
  const disabled = disabledAt && { disabled_at: disabledAt.toISOString(), disabled_reason: disabledReason }
  return { type, default_on: defaultOn, ...summary, ...disabled }
}

function noneYet(error: unknown): null {
  if (error instanceof AppError && error.code === 'CHANNEL_NOT_FOUND') return null
  throw error
}

/** Never its configuration. */
function channelBody(channel: Channel) {
  return {
    name: channel.name,
    type: channel.type,
    default_on: channel.defaultOn,
    summary: channel.summary,
    disabled_at: channel.disabledAt?.toISOString() ?? null,
    disabled_reason: channel.disabledReason,
    last_error: channel.lastError,
    last_error_at: channel.lastErrorAt?.toISOString() ?? null,
    created_at: channel.createdAt.toISOString(),
    updated_at: channel.updatedAt.toISOString(),
  }
}
