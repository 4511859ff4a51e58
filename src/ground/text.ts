/**
 * Where foreign text is cut or made fit for the database. A target, a model, a receiver or a client may send any text;
 * every cut of it goes through here, because `slice` alone splits a character (an emoji is two UTF-16 code units), and
 * Postgres refuses half of one in JSON (22P02), and a NUL anywhere (22021, 22P05).
 */

/** The text without NULs, and with U+FFFD instead of every half of a surrogate pair. */
export function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}

/** The first `most` UTF-16 code units of a text, one fewer if the cut would split a character; storable. */
export function beginningOf(text: string, most: number): string {
  const splits = isHighHalf(text.charCodeAt(most - 1)) && isLowHalf(text.charCodeAt(most))
  return storable(text.slice(0, splits ? most - 1 : most))
}

/** The last `most` UTF-16 code units of a text, one fewer if the cut would split a character; storable. */
export function endOf(text: string, most: number): string {
  const from = Math.max(text.length - most, 0)
  const splits = isHighHalf(text.charCodeAt(from - 1)) && isLowHalf(text.charCodeAt(from))
  return storable(text.slice(splits ? from + 1 : from))
}

/** The beginning of a text, with an ellipsis if anything was cut off. */
export function withEllipsis(text: string, most: number): string {
  return text.length > most ? `${beginningOf(text, most)}\u2026` : storable(text)
}

/** The beginning of a text, at most `mostBytes` of UTF-8; no character is split; storable. */
export function cappedText(text: string, mostBytes: number): string {
  // no character takes less than one byte, so a text of any size costs no more than this
  const start = beginningOf(text, mostBytes)
  const bytes = Buffer.from(start)
  if (bytes.length <= mostBytes) return start
  return withoutHalfEnd(bytes.subarray(0, mostBytes)).toString()
}

/** Control characters, line separators, and what turns the direction of the text that follows. */
const steering = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/**
 * The text with the escape `\\uXXXX` instead of each character that steers a terminal or hides other text
 * (ANSI escapes, line breaks, bidirectional controls).
 */
export function visible(text: string): string {
  return text.replaceAll(steering, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Whether a text has none of what `visible` replaces. */
export function isOneVisibleLine(text: string): boolean {
  return text.search(steering) < 0
}

const longestCharacter = 4

/** UTF-8 without the beginning of a last character whose end is missing. */
export function withoutHalfEnd(bytes: Buffer): Buffer {
  for (let back = 1; back < longestCharacter && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (isInner(byte)) continue
    const needed = byte > 0xf4 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1
    return needed > back ? bytes.subarray(0, -back) : bytes
  }
  return bytes
}

/** UTF-8 without the end of a first character whose beginning is missing. */
export function withoutHalfStart(bytes: Buffer): Buffer {
  let from = 0
  while (from < longestCharacter - 1 && isInner(bytes[from] ?? 0)) from += 1
  return bytes.subarray(from)
}

/** A byte within a character of UTF-8, not its first. */
function isInner(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

function isHighHalf(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function isLowHalf(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
