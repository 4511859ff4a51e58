import { PassThrough } from 'node:stream'
import type { FastifyReply } from 'fastify'

/** A client that takes nothing for so long is gone, or keeps us up for nothing. */
const stalledAfterMs = 30_000

type Written = { id?: string; event: string; data: object }
/** `title`: in the first line, with which the headers leave. `written`: an event as it is sent; null: a sign of life. */
type How<Event> = { title: string; written: (event: Event) => Written | null }

/** Answers with server-sent events, as they come. */
export function answerEvents<Event>(
  reply: FastifyReply,
  events: AsyncGenerator<Event>,
  how: How<Event>,
): PassThrough {
  // a process that goes down ends its followers, and waits for no connection that they would keep
  reply.header('connection', 'close').header('x-accel-buffering', 'no')
  reply.type('text/event-stream; charset=utf-8')
  const stream = new PassThrough()
  pump(events, stream, how).catch((error: Error) => stream.destroy(error))
  return stream
}

async function pump<Event>(
  events: AsyncGenerator<Event>,
  stream: PassThrough,
  { title, written }: How<Event>,
): Promise<void> {
  // the headers leave with the first piece, and there may be no event yet
  stream.write(`: ${title}\n\n`)
  for await (const event of events) {
    if (!stream.write(blockOf(written(event))) && !(await drained(stream))) {
      stream.destroy()
      return
    }
  }
  stream.end()
}

function blockOf(written: Written | null): string {
  if (!written) return ': still here\n\n'
  const id = written.id === undefined ? '' : `id: ${written.id}\n`
  return `${id}event: ${written.event}\ndata: ${JSON.stringify(written.data)}\n\n`
}

/** False: the client took nothing for too long, or went away. */
function drained(stream: PassThrough): Promise<boolean> {
  // one that was closed says so no second time
  if (stream.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), stalledAfterMs)
    const done = (isDrained: boolean) => {
      clearTimeout(timer)
      resolve(isDrained)
    }
    stream.once('drain', () => done(true)).once('close', () => done(false))
  })
}
