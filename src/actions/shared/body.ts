import type { Reply } from '../../outbound/index.ts'
import { storable } from '../../ground/text.ts'
import { createCharset } from './charset.ts'
import { mostOutputBytes } from './limits.ts'
import type { Progress } from './progress.ts'

/** The part of a body that was read. `isCut`: there was more of it. `unknownCharset`: as it was named; it was read as UTF-8. */
export type Body = { text: string; isCut: boolean; unknownCharset: string | null }

/**
 * The first 64 KiB of the body (after decompression) as text that Postgres can keep: read in the charset that the answer
 * names (a byte order mark has the last word), invalid bytes are replaced, NULs are left out. No more than one
 * piece beyond that is ever taken from the connection. `log` gets the bytes as they come; in another charset than UTF-8,
 * the text.
 *
 * Rejects with the signal's reason when it aborts, and with CallFailed when the answer breaks off.
 */
export async function readBody(
  response: Reply,
  progress: Progress,
  signal: AbortSignal,
  log: (chunk: string | Uint8Array) => void = () => undefined,
): Promise<Body> {
  const charset = createCharset(response.headers.get('content-type'))
  let text = ''
  try {
    for await (const piece of response.body ?? []) {
      signal.throwIfAborted()
      const kept = piece.subarray(0, Math.max(0, mostOutputBytes - progress.bytes))
      // A character that the cut would split stays in the decoder, and is dropped with it.
      const read = charset.decode(kept)
      text += read
      if (kept.byteLength > 0) log(charset.isUtf8 ? kept : read)
      progress.bytes += piece.byteLength
      if (progress.bytes > mostOutputBytes)
        return { text: storable(text), isCut: true, unknownCharset: charset.unknown }
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
  signal.throwIfAborted()
  const rest = charset.end()
  if (!charset.isUtf8) log(rest)
  return { text: storable(text + rest), isCut: false, unknownCharset: charset.unknown }
}
