import { cappedText, storable, withoutHalfEnd, withoutHalfStart } from './text.ts'

/** The first and the last bytes of a text of any length. */
export type HeadTail = {
  write(bytes: Uint8Array): void
  head(): Buffer
  /** In order; at most as long as the head may be. Bytes of the head are not in here. */
  tail(): Buffer
  /** Bytes written in all. */
  total(): number
}

/** Keeps `most` bytes at either end, and takes no more memory than that. */
export function createHeadTail(most: number): HeadTail {
  /** Grows by doubling: a piece may be one byte, and an object for each would be many times that. */
  let head = Buffer.alloc(0)
  let headBytes = 0
  let ring: Buffer | null = null
  let tailBytes = 0
  let total = 0

  function write(bytes: Uint8Array) {
    total += bytes.byteLength
    const fits = bytes.subarray(0, most - headBytes)
    if (headBytes + fits.byteLength > head.length) {
      const larger = Buffer.alloc(Math.min(most, 2 * (headBytes + fits.byteLength)))
      head.copy(larger, 0, 0, headBytes)
      head = larger
    }
    head.set(fits, headBytes)
    headBytes += fits.byteLength
    writeTail(bytes.subarray(fits.byteLength))
  }

  /** Only its last bytes can be there in the end, each at the place that its number gives it. */
  function writeTail(bytes: Uint8Array) {
    if (bytes.byteLength === 0) return
    ring ??= Buffer.alloc(most)
    const last = bytes.subarray(-most)
    const from = (tailBytes + bytes.byteLength - last.byteLength) % most
    const untilEnd = last.subarray(0, most - from)
    ring.set(untilEnd, from)
    ring.set(last.subarray(untilEnd.byteLength), 0)
    tailBytes += bytes.byteLength
  }

  return {
    write,
    head: () => Buffer.from(head.subarray(0, headBytes)),
    tail() {
      if (!ring) return Buffer.alloc(0)
      if (tailBytes <= most) return Buffer.from(ring.subarray(0, tailBytes))
      const at = tailBytes % most
      return Buffer.concat([ring.subarray(at), ring.subarray(0, at)])
    },
    total: () => total,
  }
}

/** The beginning and the end of a text of any length, in constant memory. */
export type Ends = {
  write(chunk: Uint8Array): void
  /** As Postgres can keep it: invalid UTF-8 is replaced, NULs are left out, and a line says how much is missing. */
  text(): string
}

/** Keeps the first half and the last half of `mostBytes`; the text is no longer either. */
export function createEnds(mostBytes: number): Ends {
  const half = Math.floor((mostBytes - noteBytes) / 2)
  const { write, head, tail, total } = createHeadTail(half)
  return {
    write,
    text() {
      const missing = total() - 2 * half
      if (missing <= 0) return cappedText(Buffer.concat([head(), tail()]).toString(), mostBytes)
      const first = cappedText(withoutHalfEnd(head()).toString(), half)
      const last = cappedEnd(withoutHalfStart(tail()).toString(), half)
      return `${first}\n[… ${missing} bytes left out …]\n${last}`
    },
  }
}

/** Room for the line between the two. */
const noteBytes = 64

/** An invalid byte becomes three bytes. */
function cappedEnd(text: string, mostBytes: number): string {
  return withoutHalfStart(Buffer.from(storable(text)).subarray(-mostBytes)).toString()
}
