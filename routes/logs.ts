import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../src/ground/errors.ts'
import type { LogEvent } from '../src/attempt-logs/logs.ts'
import type { On } from './api.ts'
import { answerEvents } from './events.ts'
import type { RouteNeeds } from './needs.ts'

/** Each reads Postgres twice a second. */
const mostFollowers = 50

export function logRoutes(on: On, needs: Pick<RouteNeeds, 'logs'>): void {
  let followers = 0

  on('GET /api/runs/{id}/logs', async ({ params, query }, request, reply) => {
    const logs = await needs.logs()
    const { attempt: asked = null } = query
    if (query.follow) return follow(params.id, asked, request, reply)
    const { attempt, total, body, isText } = await logs.read(params.id, asked)
    reply.header('x-chronos-attempt', attempt).header('x-chronos-total-bytes', total)
    reply.type(isText ? 'text/plain; charset=utf-8' : 'application/octet-stream')
    return body
  })

  async function follow(id: string, asked: number | null, request: FastifyRequest, reply: FastifyReply) {
    if (followers >= mostFollowers) {
      const detail = `${followers} clients already follow logs in this process, which is the limit. Retry later.`
      throw new AppError('FOLLOWERS_FULL', detail, { retryAfterS: 5 })
    }
    const gone = new AbortController()
    followers += 1
    reply.raw.once('close', () => {
      followers -= 1
      gone.abort()
    })
    const last = readLastEventId(request)
    const from = {
      attempt: asked ?? last?.attempt ?? null,
      offset: last?.offset ?? 0,
      isOnly: asked !== null,
    }
    const logs = await needs.logs()
    const events = await logs.follow(id, from, gone.signal)
    return answerEvents(reply, events, { title: 'the log of a run', written })
  }
}

/** `attempt.offset`, as it was given out; null: none was sent, or none of ours. */
function readLastEventId({ headers }: FastifyRequest): { attempt: number; offset: number } | null {
  const [, attempt, offset] = /^([1-9]\d{0,8})\.(\d{1,15})$/.exec(String(headers['last-event-id'])) ?? []
  return attempt === undefined ? null : { attempt: Number(attempt), offset: Number(offset) }
}

function written(event: LogEvent): { id?: string; event: string; data: object } | null {
  if (event.type === 'beat') return null
  if (event.type === 'end') return { event: 'end', data: { state: event.state } }
  const { type, end, ...data } = event
  return { id: `${data.attempt}.${end}`, event: type, data }
}
