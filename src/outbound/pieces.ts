import type { Readable } from 'node:stream'
import { CallFailed } from './failed.ts'

/**
 * The bytes of a stream, in pieces of about 64 KiB at most: what came since the last piece is one piece, so the work does
 * not depend on how the sender cut it. Of all streams of the process, one such piece is handed out in each turn of the event
 * loop, or as many smaller ones as cost no more: every other task gets its turn, timers included, however many targets
 * answer at once. The stream is destroyed when the caller stops.
 *
 * Rejects with CallFailed if the stream fails or breaks off.
 */
export async function* piecesOf(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  let wake = () => undefined as void
  let failure: { cause: unknown } | null = null
  const stir = () => wake()
  const fail = (cause: unknown) => {
    failure ??= { cause }
    wake()
  }
  stream.on('readable', stir).on('end', stir).on('close', stir).on('error', fail)
  try {
    for (;;) {
      if (stream.readableLength > 0) await turn(stream)
      const piece = readAll(stream)
      if (piece !== null) {
        yield piece
        continue
      }
      if (failure !== null) throw new CallFailed((failure as { cause: unknown }).cause)
      if (stream.readableEnded) return
      if (stream.destroyed) throw new CallFailed(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))
      await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    stream.off('readable', stir).off('end', stir).off('close', stir)
    stream.destroy()
  }
}

/**
 * What has arrived, about 64 KiB of it at most. Node 26 gives what came in one read of the socket; and if it is asked
 * for more bytes than its buffer is meant to hold, it makes the buffer larger, again and again.
 */
function readAll(stream: Readable): Uint8Array | null {
  const chunks: Uint8Array[] = []
  let size = 0
  do {
    const chunk = stream.read() as Uint8Array | null
    if (chunk === null) break
    chunks.push(chunk)
    size += chunk.byteLength
  } while (stream.readableLength > 0 && size < mostAtOnce)
  return chunks.length > 1 ? Buffer.concat(chunks) : (chunks[0] ?? null)
}
const mostAtOnce = 64 * 1024

/** What a piece costs beside its bytes, in bytes. */
const ofOnePiece = 4 * 1024

/** Streams that have a piece to hand out, in the order in which they asked. */
const waiting: { stream: Readable; begin: () => void }[] = []

/** Resolves in a turn of the event loop that has room for the piece of `stream`. */
function turn(stream: Readable): Promise<void> {
  return new Promise((begin) => {
    waiting.push({ stream, begin })
    if (waiting.length === 1) setImmediate(handOut)
  })
}

/** The first one has room in any case. */
function handOut() {
  let room = Infinity
  while (waiting[0] !== undefined && costOf(waiting[0]) <= room) {
    room = Math.min(room, mostAtOnce) - costOf(waiting[0])
    waiting.shift()?.begin()
  }
  if (waiting.length > 0) setImmediate(handOut)
}

function costOf({ stream }: { stream: Readable }): number {
  return Math.min(stream.readableLength, mostAtOnce) + ofOnePiece
}
