import { cappedText } from './limits.ts'

/** The beginning and the end of a stream of any length, in constant memory. */
export type Ends = {
  write(chunk: Uint8Array): void
  /** As Postgres can keep it: what is not UTF-8 is replaced, NULs are left out, and a line says how much is missing. */
  text(): string
}

/** Keeps the first half and the last half of `mostBytes`; the text is no longer either. */
export function createEnds(mostBytes: number): Ends {
  const half = Math.floor((mostBytes - noteBytes) / 2)
  const head = Buffer.alloc(half)
  /** A ring: `at` is where the next byte goes, and, once it is full, where the oldest is. */
  const tail = Buffer.alloc(half)
  let inHead = 0
  let inTail = 0
  let at = 0

  function writeTail(chunk: Uint8Array) {
    inTail += chunk.length
    const last = chunk.subarray(-half)
    const untilEnd = last.subarray(0, half - at)
    tail.set(untilEnd, at)
    tail.set(last.subarray(untilEnd.length))
    at = (at + last.length) % half
  }

  return {
    write(chunk) {
      const first = chunk.subarray(0, half - inHead)
      head.set(first, inHead)
      inHead += first.length
      if (first.length < chunk.length) writeTail(chunk.subarray(first.length))
    },
    text() {
      const missing = inTail - half
      if (missing <= 0) {
        const whole = Buffer.concat([head.subarray(0, inHead), tail.subarray(0, inTail)])
        return cappedText(whole.toString('utf8'), mostBytes)
      }
      const end = Buffer.concat([tail.subarray(at), tail.subarray(0, at)])
      const first = cappedText(wholeAtEnd(head).toString('utf8'), half)
      const last = cappedEnd(wholeAtStart(end).toString('utf8'), half)
      return `${first}\n[… ${missing} bytes left out …]\n${last}`
    },
  }
}

/** Room for the line between the two. */
const noteBytes = 64

/** What is not UTF-8 takes three bytes where it had one. */
function cappedEnd(text: string, mostBytes: number): string {
  return wholeAtStart(Buffer.from(text.replaceAll('\0', '')).subarray(-mostBytes)).toString('utf8')
}

const isInside = (byte = 0) => (byte & 0xc0) === 0x80

/** Without the beginning of a character that the cut split. */
function wholeAtEnd(bytes: Buffer): Buffer {
  let start = bytes.length - 1
  while (start > bytes.length - 4 && isInside(bytes[start])) start -= 1
  const first = bytes[start] ?? 0
  const needed = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
  return bytes.length - start < needed ? bytes.subarray(0, start) : bytes
}

function wholeAtStart(bytes: Buffer): Buffer {
  let start = 0
  while (start < 3 && isInside(bytes[start])) start += 1
  return bytes.subarray(start)
}
