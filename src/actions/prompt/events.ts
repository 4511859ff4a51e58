import { createParser } from 'eventsource-parser'
import { readLimited } from '../../ground/read-limited.ts'
import type { Reply } from '../../outbound/index.ts'
import type { Progress } from '../shared/progress.ts'

/** An answer that came whole or in part, and says nothing that can be understood. */
export class AnswerUnreadable extends Error {
  override readonly name = 'AnswerUnreadable'
}

/** All of a stream: a long answer, each token in an event of its own. Nothing of it is kept but the text. */
const mostBytes = 64 * 1024 * 1024

/** The limit of one JSON value in memory: an event, or an answer that is not streamed. */
const mostAtOnce = 1024 * 1024

/**
 * The data of each server-sent event, in order, read as the HTML standard has it. The last event may lack its empty line.
 *
 * @throws AnswerUnreadable: one line, or the data of one event, is longer than 1 MiB.
 */
export async function* eventsOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const events: string[] = []
  let isTooLong = false
  const { feed } = createParser({
    maxBufferSize: mostAtOnce,
    onEvent: ({ data }) => void events.push(data),
    // a field that the standard does not know is passed over
    onError: ({ type }) => {
      isTooLong ||= type === 'max-buffer-size-exceeded'
    },
  })
  for await (const piece of pieces) {
    feed(decoder.decode(piece, { stream: true }))
    yield* events.splice(0)
    if (isTooLong) throw new AnswerUnreadable('an event of more than 1 MiB was sent')
  }
  feed('\n\n')
  yield* events
}

/**
 * A body that is one JSON value.
 *
 * @throws AnswerUnreadable: it is longer than 1 MiB
 */
export async function wholeOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const whole = await readLimited({ body: pieces }, mostAtOnce)
  if (whole !== null) return whole
  throw new AnswerUnreadable('an answer of more than 1 MiB was sent')
}

/**
 * A body, piece by piece; `heard` is called at each.
 *
 * @throws the reason of `signal` when it aborts, CallFailed when the answer breaks off, AnswerUnreadable beyond 64 MiB.
 */
export async function* piecesOf(
  response: Reply,
  progress: Progress,
  signal: AbortSignal,
  heard: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of response.body ?? []) {
      signal.throwIfAborted()
      heard()
      progress.bytes += piece.byteLength
      if (progress.bytes > mostBytes) throw new AnswerUnreadable('more than 64 MiB were sent')
      yield piece
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
  signal.throwIfAborted()
}
