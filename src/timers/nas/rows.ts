import { readJsonObject } from '../../ground/json.ts'
import type { BodyReader } from '../index.ts'

/**
 * Reads an object with one long array in it, the value of `field`, without ever holding all of its text or all of its
 * items: each item goes to `take` as it comes in. What `end` gives is the object with that array empty; null where
 * any of it was not JSON, and then the items read so far are void.
 *
 * A list of 100,000 arms is 10 MB long; as one text and one value it takes 60 MB, of a machine's 256. Faster than a
 * streaming parser, because JSON.parse reads the items (docs/decisions/by-hand.md).
 */
export function createRowReader(field: string, take: (item: unknown) => void): BodyReader {
  const opening = new RegExp(`"${field}"\\s*:\\s*$`)
  /** The JSON around the items. */
  let frame = ''
  /** Of an item, or of the frame: the part that has arrived so far. */
  let pending: Buffer[] = []
  let depth = 0
  let isInString = false
  let isEscaped = false
  let isInItems = false
  let isBroken = false

  function text(last: Buffer): string {
    const whole = pending.length === 0 ? last : Buffer.concat([...pending, last])
    pending = []
    return whole.toString()
  }

  function items(last: Buffer) {
    try {
      for (const item of JSON.parse(`[${text(last)}]`) as unknown[]) take(item)
    } catch {
      isBroken = true
    }
  }

  /** An array begins right below the object. Returns the start of the part that is not handed on yet. */
  function opened(chunk: Buffer, from: number, at: number): number {
    frame += text(chunk.subarray(from, at))
    isInItems = opening.test(frame)
    if (!isInItems) return at
    frame += '['
    return at + 1
  }

  function closed(chunk: Buffer, from: number, at: number): number {
    items(chunk.subarray(from, at))
    isInItems = false
    return at
  }

  /** Cuts between two items only; every mark that is looked for is ASCII, which no part of a longer letter is. */
  function read(chunk: Buffer) {
    let from = 0
    let lastComma = -1
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (isInString) {
        if (isEscaped) isEscaped = false
        else if (byte === backslash) isEscaped = true
        else if (byte === quote) isInString = false
      } else if (byte === quote) isInString = true
      else if (byte === comma) {
        if (depth === 2 && isInItems) lastComma = at
      } else if (byte === openBrace || byte === openBracket) {
        depth += 1
        if (byte === openBracket && depth === 2) from = opened(chunk, from, at)
      } else if (byte === closeBrace || byte === closeBracket) {
        depth -= 1
        if (depth === 1 && isInItems) from = closed(chunk, from, at)
      }
    }
    if (lastComma >= from) {
      items(chunk.subarray(from, lastComma))
      from = lastComma + 1
    }
    pending.push(chunk.subarray(from))
  }

  return {
    take(chunk) {
      if (!isBroken) read(chunk)
    },
    end: () => (isBroken ? null : readJsonObject(frame + text(Buffer.alloc(0)))),
  }
}

const [quote, comma, backslash] = [0x22, 0x2c, 0x5c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]
