/**
 * Bytes as they stand in a saved case: short, readable, and exact. A text is UTF-8; `each` is a text once for every
 * number from 0, written instead of `#`.
 */
export type Bytes = (
  | string
  | { hex: string }
  | { repeat: string; times: number }
  | { each: string; times: number }
)[]

/** What `fill` puts instead of the names between `@@`. */
export function toBuffer(bytes: Bytes, fill: (text: string) => string = (text) => text): Buffer {
  return Buffer.concat(bytes.map((piece) => pieceOf(piece, fill)))
}

function pieceOf(piece: Bytes[number], fill: (text: string) => string): Buffer {
  if (typeof piece === 'string') return Buffer.from(fill(piece))
  if ('hex' in piece) return Buffer.from(piece.hex, 'hex')
  if ('repeat' in piece) return Buffer.from(piece.repeat.repeat(piece.times))
  return Buffer.from(
    Array.from({ length: piece.times }, (_, n) => piece.each.replaceAll('#', String(n))).join(''),
  )
}

/** Neighbouring texts as one. */
export function joined(bytes: Bytes): Bytes {
  const all: Bytes = []
  for (const piece of bytes) {
    const last = all.at(-1)
    if (typeof piece === 'string' && typeof last === 'string') all[all.length - 1] = last + piece
    else all.push(piece)
  }
  return all
}
