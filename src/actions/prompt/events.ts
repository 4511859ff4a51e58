import { readLimited } from '../../ground/read-limited.ts'
import type { Reply } from '../../outbound/index.ts'
import type { Progress } from '../shared/progress.ts'

/** An answer that came whole or in part, and says nothing that can be understood. */
export class AnswerUnreadable extends Error {
  override readonly name = 'AnswerUnreadable'
}

/** All of a stream: a long answer, each token in an event of its own. Nothing of it is kept but the text. */
const mostBytes = 64 * 1024 * 1024

/** Of what is read as one JSON value, and so stands in memory: an event, or an answer that is not streamed. */
const mostAtOnce = 1024 * 1024

/**
 * The data of each server-sent event, in order. What comes between events (comments that say "still here", names,
 * ids) is left out. The last event may lack its empty line. The work is linear, however the stream is cut into pieces.
 *
 * @throws AnswerUnreadable: one line, or the data of one event, is longer than 1 MiB.
 */
export async function* eventsOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  /** The line that has not come to its end. */
  let parts: string[] = []
  let partsLength = 0
  let data: string[] = []
  let dataLength = 0

  function take(line: string): string | null {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text === '') {
      const event = data.length > 0 ? data.join('\n') : null
      data = []
      dataLength = 0
      return event
    }
    if (!text.startsWith('data:')) return null
    dataLength += text.length
    if (dataLength > mostAtOnce) throw new AnswerUnreadable('an event of more than 1 MiB was sent')
    data.push(text.slice(text[5] === ' ' ? 6 : 5))
    return null
  }

  for await (const piece of pieces) {
    const lines = decoder.decode(piece, { stream: true }).split('\n')
    const rest = lines.pop() ?? ''
    for (const line of lines) {
      const event = take(parts.join('') + line)
      parts = []
      partsLength = 0
      if (event !== null) yield event
    }
    parts.push(rest)
    partsLength += rest.length
    if (partsLength > mostAtOnce) throw new AnswerUnreadable('a line of more than 1 MiB was sent')
  }
  const last = take(parts.join('')) ?? take('')
  if (last !== null) yield last
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
