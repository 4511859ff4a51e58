import type { Readable } from 'node:stream'
import { CallFailed } from './failed.ts'

/**
 * The bytes of a stream, in pieces of any size: all bytes since the last piece are one piece, so the work does not
 * depend on how the sender cut it. Between two pieces every other task of the process gets its turn, timers included.
 * The stream is destroyed when the caller stops.
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
      const piece = stream.read() as Uint8Array | null
      if (piece !== null) {
        yield piece
        await turn()
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

/** Lets the event loop go round once. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
