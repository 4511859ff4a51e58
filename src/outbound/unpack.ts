import { pipeline, Readable, type Transform } from 'node:stream'
import { CallFailed } from './failed.ts'
import { piecesOf } from './pieces.ts'

/** The encodings that this service can decompress, for `Accept-Encoding`. */
export const acceptEncoding = 'gzip, br'

const mostTimes = 5

type Pieces = AsyncGenerator<Uint8Array, void, undefined>

/**
 * The body of an answer as it was before it was packed. It is unpacked as it is read: a reader that stops early pays for
 * the bytes that were read, however large the rest is. A coding that is not known is left as it is.
 *
 * Rejects with CallFailed if it was packed more than five times, or cannot be unpacked.
 */
export async function unpacked(body: Pieces, contentEncoding: string | null): Promise<Pieces> {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity')
  if (codings.length === 0) return body
  if (codings.length > mostTimes)
    throw new CallFailed(Object.assign(new Error('packed too often'), { code: 'Z_PACKED_TOO_OFTEN' }))
  const unpackers = await Promise.all(codings.toReversed().map(unpackerOf))
  let pieces = body
  for (const unpacker of unpackers) {
    if (!unpacker) return body
    pipeline(Readable.from(pieces), unpacker, () => undefined)
    pieces = piecesOf(unpacker)
  }
  return pieces
}

async function unpackerOf(coding: string): Promise<Transform | null> {
  const zlib = await import('node:zlib')
  // a body that lacks its end is as good as it is for browsers
  const lenient = { flush: zlib.constants.Z_SYNC_FLUSH, finishFlush: zlib.constants.Z_SYNC_FLUSH }
  if (coding === 'gzip' || coding === 'x-gzip') return zlib.createGunzip(lenient)
  if (coding === 'deflate') return zlib.createInflate(lenient)
  if (coding === 'br') {
    const { BROTLI_OPERATION_FLUSH: flush } = zlib.constants
    return zlib.createBrotliDecompress({ flush, finishFlush: flush })
  }
  return null
}
