import { AnswerBroken, type Progress } from './answer.ts'

/** An answer that came whole or in part, and says nothing that can be understood. */
export class AnswerUnreadable extends Error {
  override readonly name = 'AnswerUnreadable'
}

const mostBytes = 64 * 1024 * 1024
const longestLine = 1024 * 1024

/**
 * The data of each server-sent event, in order. What comes between events (comments that say "still here", names,
 * ids) is left out. The last event may lack its empty line.
 *
 * @throws AnswerUnreadable: one line is longer than 1 MiB.
 */
export async function* eventsOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > longestLine) throw new AnswerUnreadable('a line of more than 1 MiB was sent')
    for (const line of lines) {
      const text = line.endsWith('\r') ? line.slice(0, -1) : line
      if (text === '') {
        if (data.length > 0) yield data.join('\n')
        data = []
      } else if (text.startsWith('data:')) data.push(text.slice(text[5] === ' ' ? 6 : 5))
    }
  }
  if (rest.startsWith('data:')) data.push(rest.slice(5).trim())
  if (data.length > 0) yield data.join('\n')
}

/**
 * A body, piece by piece; `heard` is called at each. Whoever stops early closes it.
 *
 * @throws the reason of `signal` where it aborts, AnswerBroken where the answer breaks off, AnswerUnreadable beyond 64 MiB.
 */
export async function* piecesOf(
  response: Response,
  progress: Progress,
  signal: AbortSignal,
  heard: () => void,
): AsyncGenerator<Uint8Array> {
  const stream: ReadableStream<Uint8Array> | null = response.body
  const reader = stream?.getReader()
  if (!reader) return
  const stop = () => void reader.cancel().catch(() => undefined)
  signal.addEventListener('abort', stop, { once: true })
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(breakOff)
      signal.throwIfAborted()
      if (done) return
      heard()
      progress.bytes += value.byteLength
      if (progress.bytes > mostBytes) throw new AnswerUnreadable('more than 64 MiB were sent')
      yield value
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

function breakOff(cause: unknown): never {
  throw new AnswerBroken('the answer broke off', { cause })
}
