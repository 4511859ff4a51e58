import { isUtf8 } from 'node:buffer'
import type { StoredLog } from '../db/index.ts'

/** A piece of a log, at the byte `offset` of it. */
export type Piece = { offset: number; bytes: Buffer }

/**
 * A whole log, with a line in the place of what is missing between its ends. A character that the cut has split is
 * missing as well. `isText`: it is UTF-8, but for a last character that may still be on its way.
 */
export function wholeLog({ head, tail, total }: StoredLog): { body: Buffer; isText: boolean } {
  if (head.length + tail.length === total) {
    const body = Buffer.concat([head, tail])
    return { body, isText: isUtf8(withoutHalfEnd(body)) }
  }
  const texts = [withoutHalfEnd(head), withoutHalfStart(tail)] as const
  const isText = isUtf8(texts[0]) && isUtf8(withoutHalfEnd(texts[1]))
  const [first, last] = isText ? texts : [head, tail]
  const omitted = total - first.length - last.length
  return {
    body: Buffer.concat([first, Buffer.from(`\n[\u2026 ${omitted} bytes omitted \u2026]\n`), last]),
    isText,
  }
}

/**
 * What a log has from byte `from` on, as it was read from there: one piece, or two with a gap between them. Half a
 * character at the end waits for the rest of it, unless this is the end.
 */
export function piecesFrom(log: StoredLog, from: number, isEnd: boolean): Piece[] {
  const { head, tail, headBytes, tailBytes, total } = log
  const tailFrom = Math.max(from, total - tailBytes)
  const hasGap = tailFrom > Math.max(from, headBytes)
  const rest = ifText(withoutHalfStart, tail)
  const found = hasGap
    ? [
        { offset: from, bytes: ifText(withoutHalfEnd, head) },
        { offset: total - rest.length, bytes: rest },
      ]
    : [{ offset: from, bytes: Buffer.concat([head, tail]) }]
  return found
    .map(({ offset, bytes }) => ({ offset, bytes: isEnd ? bytes : ifText(withoutHalfEnd, bytes) }))
    .filter(({ bytes }) => bytes.length > 0)
}

/** What `trim` leaves, where that is text; else all of it: in other bytes there are no characters to be split. */
function ifText(trim: (bytes: Buffer) => Buffer, bytes: Buffer): Buffer {
  const trimmed = trim(bytes)
  return isUtf8(withoutHalfEnd(trimmed)) ? trimmed : bytes
}

const longestCharacter = 4

/** Without the beginning of a character whose end is missing. */
function withoutHalfEnd(bytes: Buffer): Buffer {
  for (let back = 1; back < longestCharacter && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (isInner(byte)) continue
    const needed = byte > 0xf4 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1
    return needed > back ? bytes.subarray(0, -back) : bytes
  }
  return bytes
}

/** Without the end of a character whose beginning is missing. */
function withoutHalfStart(bytes: Buffer): Buffer {
  let from = 0
  while (from < longestCharacter - 1 && isInner(bytes[from] ?? 0)) from += 1
  return bytes.subarray(from)
}

/** A byte within a character of UTF-8, not its first. */
function isInner(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}
