import { readJsonObject } from '../../ground/json.ts'
import type { BodyReader } from '../index.ts'

/** Of one item that is read, of one that is passed over, and around the items. */
const mostBytes = 1024 * 1024
const mostSkipped = 32 * mostBytes
const mostFrame = 64 * 1024
/** So much in front of an array shows whether it is the one. */
const openingChars = 1_000

/**
 * Reads an object with one long array in it, the value of `field`, without ever holding all of its text or all of its
 * items: each item goes to `take` as it comes in, and `undefined` in place of one that is longer than 1 MiB. What `end` gives
 * is the object with that array empty; null where any of it was not JSON, and then the items read so far are void.
 * More than `mostItems` are not read, nor more than 64 KiB around them.
 *
 * A list of 100,000 arms is 10 MB long; as one text and one value it takes 60 MB, of a machine's 256. Faster than a
 * streaming parser, because JSON.parse reads the items (docs/decisions/by-hand.md).
 */
export function createRowReader(
  field: string,
  take: (item: unknown) => void,
  mostItems = Number.POSITIVE_INFINITY,
): BodyReader {
  const opening = new RegExp(`"${field}"\\s*:\\s*$`)
  /** The JSON around the items. */
  let frame = ''
  /** Of an item, or of the frame: the part that has arrived so far. */
  let pending: Buffer[] = []
  let pendingBytes = 0
  /** An item that is too long is passed over up to its end. */
  let isSkipping = false
  let count = 0
  let depth = 0
  let isInString = false
  let isEscaped = false
  let isInItems = false
  let problem: string | null = null

  function text(last: Buffer): string {
    const whole = pending.length === 0 ? last : Buffer.concat([...pending, last])
    pending = []
    pendingBytes = 0
    return whole.toString()
  }

  function items(last: Buffer) {
    try {
      for (const item of JSON.parse(`[${text(last)}]`) as unknown[]) one(item)
    } catch {
      problem = 'the answer is no JSON'
    }
  }

  function one(item: unknown) {
    count += 1
    if (count <= mostItems) take(item)
    else problem = `the answer has more than ${mostItems} items`
  }

  function skipped() {
    isSkipping = false
    pendingBytes = 0
    one(undefined)
  }

  function keep(rest: Buffer) {
    pendingBytes += rest.length
    if (pendingBytes > mostSkipped) problem = `the answer has an item of more than ${mostSkipped} bytes`
    if (isSkipping) return
    pending.push(rest)
    // pieces of a byte each take more memory than their bytes
    if (pending.length > 1_000) pending = [Buffer.concat(pending)]
    const isLong = pendingBytes > mostBytes
    if (isLong && !isInItems) problem = `the answer has more than ${mostBytes} bytes outside of "${field}"`
    isSkipping = isLong
    if (isLong) pending = []
  }

  /** An array begins right below the object. Returns the start of the part that is not handed on yet. */
  function opened(chunk: Buffer, from: number, at: number): number {
    frame += text(chunk.subarray(from, at))
    if (frame.length > mostFrame)
      problem = `the answer has more than ${mostFrame} bytes outside of "${field}"`
    isInItems = opening.test(frame.slice(-openingChars))
    if (!isInItems) return at
    frame += '['
    return at + 1
  }

  function closed(chunk: Buffer, from: number, at: number): number {
    if (isSkipping) skipped()
    else items(chunk.subarray(from, at))
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
        if (depth !== 2 || !isInItems) continue
        if (isSkipping) {
          skipped()
          from = at + 1
        } else lastComma = at
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
    keep(chunk.subarray(from))
  }

  return {
    take(chunk) {
      if (problem === null) read(chunk)
      return problem
    },
    end: () => (problem === null ? readJsonObject(frame + text(Buffer.alloc(0))) : null),
  }
}

const [quote, comma, backslash] = [0x22, 0x2c, 0x5c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]
