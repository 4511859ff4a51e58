import { PassThrough } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../src/ground/errors.ts'
import type { LogEvent } from '../src/attempt-logs/logs.ts'
import type { On } from './api.ts'
import type { RouteNeeds } from './needs.ts'

/** Each reads Postgres twice a second. */
const mostFollowers = 50
/** A client that takes nothing for so long is gone, or keeps us up for nothing. */
const stalledAfterMs = 30_000

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
    // a process that goes down ends its followers, and waits for no connection that they would keep
    reply.header('connection', 'close').header('x-accel-buffering', 'no')
    reply.type('text/event-stream; charset=utf-8')
    const stream = new PassThrough()
    pump(events, stream).catch((error: Error) => stream.destroy(error))
    return stream
  }
}

/** `attempt.offset`, as it was given out; null: none was sent, or none of ours. */
function readLastEventId({ headers }: FastifyRequest): { attempt: number; offset: number } | null {
  const [, attempt, offset] = /^([1-9]\d{0,8})\.(\d{1,15})$/.exec(String(headers['last-event-id'])) ?? []
  return attempt === undefined ? null : { attempt: Number(attempt), offset: Number(offset) }
}

async function pump(events: AsyncGenerator<LogEvent>, stream: PassThrough): Promise<void> {
  // the headers leave with the first piece, and the log may still be empty
  stream.write(': the log of a run\n\n')
  for await (const event of events) {
    if (!stream.write(written(event)) && !(await drained(stream))) {
      stream.destroy()
      return
    }
  }
  stream.end()
}

function written(event: LogEvent): string {
  if (event.type === 'beat') return ': still here\n\n'
  if (event.type === 'end') return `event: end\ndata: ${JSON.stringify({ state: event.state })}\n\n`
  const { type, end, ...data } = event
  return `id: ${data.attempt}.${end}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
}

/** False: the client took nothing for too long, or went away. */
function drained(stream: PassThrough): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), stalledAfterMs)
    const done = (isDrained: boolean) => {
      clearTimeout(timer)
      resolve(isDrained)
    }
    stream.once('drain', () => done(true)).once('close', () => done(false))
  })
}
