import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../src/ground/errors.ts'
import { createPlaces } from '../src/run/places.ts'

type Wish = {
  /** What a call takes a turn of, if its answer or its body is large. */
  turnOf(request: FastifyRequest): Promise<'list' | 'file' | null>
  caller(request: FastifyRequest): string
  times?: Partial<typeof usual>
}

/** Lists that are read or sent at once: each may take 15 MB while it is made, of the 112 MB that V8 has in the image. */
const mostLists = 4
/** Files of jobs at once; with what it says and what is there one takes three times as much as a list. */
const mostFiles = 2
const usual = {
  /** A client waits so long for its turn. */
  waitMs: 20_000,
  /** A client has its answer by then, or is cut off: 70 KB a second for the largest. */
  sendMs: 30_000,
}

/**
 * Lets large answers be made in turn, so that however many are asked for at once, memory and the connections to
 * Postgres are left for fires. A caller has half of the turns at most. A turn ends when the answer is sent: what a slow
 * client has not taken yet is in memory too, so a client that takes too long is cut off.
 *
 * Answers 503 LISTS_BUSY.
 */
export function takeTurns(scope: FastifyInstance, { turnOf, caller, times }: Wish): void {
  const { waitMs, sendMs } = { ...usual, ...times }
  const turns = { list: createPlaces(mostLists), file: createPlaces(mostFiles) }

  // before the body is read: while one waits, the others are not in memory yet
  scope.addHook('preParsing', async (request, { raw }) => {
    const kind = await turnOf(request)
    if (kind === null) return
    const places = turns[kind]
    const groups = [caller(request)]
    const gone = new AbortController()
    const giveUp = () => gone.abort()
    const timer = setTimeout(giveUp, waitMs)
    raw.once('close', giveUp)
    const hasTurn = await places.take(groups, gone.signal)
    clearTimeout(timer)
    raw.off('close', giveUp)
    if (!hasTurn) throw busy()
    const cut = setTimeout(() => raw.destroy(), sendMs)
    const end = () => {
      clearTimeout(cut)
      places.leave(groups)
    }
    if (raw.closed) end()
    else raw.once('close', end)
  })
}

function busy(): AppError {
  const message = 'Too many lists are being read at once. Retry later, or ask for fewer at the same time.'
  return new AppError('LISTS_BUSY', message, { retryAfterS: 5 })
}
