import { cappedText, storable, withoutHalfEnd, withoutHalfStart } from '../../ground/text.ts'

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
      const first = cappedText(withoutHalfEnd(head).toString('utf8'), half)
      const last = cappedEnd(withoutHalfStart(end).toString('utf8'), half)
      return `${first}\n[… ${missing} bytes left out …]\n${last}`
    },
  }
}

/** Room for the line between the two. */
const noteBytes = 64

/** What is not UTF-8 takes three bytes where it had one. */
function cappedEnd(text: string, mostBytes: number): string {
  return withoutHalfStart(Buffer.from(storable(text)).subarray(-mostBytes)).toString('utf8')
}
