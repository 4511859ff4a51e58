import { isUtf8 } from 'node:buffer'
import type { StoredLog } from '../../db/index.ts'
import { withoutHalfEnd, withoutHalfStart } from '../ground/text.ts'

/** A piece of a log, at the byte `offset` of it. */
export type Piece = { offset: number; bytes: Buffer }

/**
 * A whole log, with a line for the part that is missing between its ends. A character that the cut has split is
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
 * The log from byte `from` on, as it was read from there: one piece, or two with a gap between them. Half a
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

/** The result of `trim` if that is text; otherwise all of it: in other bytes there are no characters to be split. */
function ifText(trim: (bytes: Buffer) => Buffer, bytes: Buffer): Buffer {
  const trimmed = trim(bytes)
  return isUtf8(withoutHalfEnd(trimmed)) ? trimmed : bytes
}
