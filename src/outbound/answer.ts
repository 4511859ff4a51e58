import { CallFailed } from './failed.ts'

/**
 * An answer of HTTP/1.1 (RFC 9112), read from the bytes of one connection that serves no other. By ourselves: Node's
 * parser copies and hands over each chunk of a body alone, some 20 µs for each byte that a sender puts into one of its
 * own, and undici's takes a 100 that was not asked for as a broken connection.
 */
export type ReplyHead = {
  status: number
  statusText: string
  /** As they came, names in any case. */
  fields: [name: string, value: string][]
  /** All values of a header, joined by commas; null: there is none. */
  get(name: string): string | null
}

type Pieces = AsyncGenerator<Uint8Array, void, undefined>

/** Of a head, and of everything around the data of a chunked body. */
const mostHeaderBytes = 16 * 1024

/** Interim answers (100, 103) say nothing that is used here; a target that sends only those never answers. */
const mostInterim = 100

/** The head of the final answer, and the bytes after it in the same piece. Rejects with CallFailed. */
export async function readHead(pieces: Pieces): Promise<{ head: ReplyHead; rest: Uint8Array }> {
  let bytes: Buffer = Buffer.alloc(0)
  for (let interim = 0; interim <= mostInterim; interim++) {
    let end = endOfHead(bytes, 0)
    while (end < 0) {
      if (bytes.length > mostHeaderBytes) throw failed('HTTP_HEADERS_TOO_LARGE')
      const { done, value } = await pieces.next()
      if (done) throw failed('ECONNRESET')
      const from = Math.max(0, bytes.length - 3)
      bytes = Buffer.concat([bytes, value])
      end = endOfHead(bytes, from)
      // what speaks another protocol may never send an empty line
      if (end < 0 && !'HTTP/1.'.startsWith(bytes.toString('latin1', 0, 7))) throw failed('HTTP_MALFORMED')
    }
    if (end > mostHeaderBytes) throw failed('HTTP_HEADERS_TOO_LARGE')
    const head = parseHead(bytes.toString('latin1', 0, end))
    bytes = bytes.subarray(end)
    if (head.status >= 200) return { head, rest: bytes }
    if (head.status === 101) break
  }
  throw failed('HTTP_MALFORMED')
}

/** Where the empty line ends that ends a head; -1: it is not there yet. A bare line feed is taken for a line's end, too. */
function endOfHead(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(lineFeed, from); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
    if (bytes[at + 1] === lineFeed) return at + 2
    if (bytes[at + 1] === carriageReturn && bytes[at + 2] === lineFeed) return at + 3
  }
  return -1
}

const lineFeed = 10
const carriageReturn = 13

function parseHead(text: string): ReplyHead {
  const [first = '', ...lines] = text.trimEnd().split(/\r?\n/)
  const [, status, reason = ''] = /^HTTP\/1\.\d (\d{3})(?: (.*))?$/.exec(first) ?? []
  if (status === undefined || Number(status) < 100) throw failed('HTTP_MALFORMED')
  const fields = lines.map((line): [string, string] => {
    const [name = '', ...value] = line.split(':')
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || /[\0\r]/.test(line)) throw failed('HTTP_MALFORMED')
    return [name, value.join(':').trim()]
  })
  const byName = new Map<string, string[]>()
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    const values = byName.get(lower)
    if (values) values.push(value)
    else byName.set(lower, [value])
  }
  const get = (name: string) => byName.get(name.toLowerCase())?.join(', ') ?? null
  // words for people, which a client should ignore (RFC 9112, 4); `Response` refuses those that steer a terminal
  const statusText = reason.replaceAll(/\p{Cc}/gu, ' ')
  return { status: Number(status), statusText, fields, get }
}

/** The body behind a head: chunked, of the length that was said, or all until the connection ends. */
export async function* bodyOf(head: ReplyHead, rest: Uint8Array, pieces: Pieces): Pieces {
  try {
    const all = withFirst(rest, pieces)
    const codings = head.get('transfer-encoding')
    if (codings !== null) {
      if (!/(^|,)\s*chunked\s*$/i.test(codings)) throw failed('HTTP_MALFORMED')
      yield* dechunked(all)
      return
    }
    const length = lengthOf(head)
    if (length === null) yield* all
    else yield* measured(all, length)
  } finally {
    // closes the connection
    await pieces.return()
  }
}

async function* withFirst(first: Uint8Array, pieces: Pieces): Pieces {
  if (first.length > 0) yield first
  yield* pieces
}

function lengthOf(head: ReplyHead): number | null {
  const text = head.get('content-length')
  if (text === null) return null
  const [length = '', ...more] = new Set(text.split(',').map((one) => one.trim()))
  if (!/^\d{1,15}$/.test(length) || more.length > 0) throw failed('HTTP_MALFORMED')
  return Number(length)
}

async function* measured(pieces: Pieces, length: number): Pieces {
  let left = length
  if (left === 0) return
  for await (const piece of pieces) {
    const mine = piece.subarray(0, left)
    left -= mine.length
    yield mine
    if (left === 0) return
  }
  throw failed('ECONNRESET')
}

/**
 * The data of a chunked body (RFC 9112, 7.1), one piece for each that came, whatever chunks are in it. Everything
 * around the data (extensions, trailers) is bounded, and left out.
 */
async function* dechunked(pieces: Pieces): Pieces {
  /** A line that has not come to its end: a size, an end of data, or a trailer. */
  let line = ''
  let lineBytes = 0
  let left = 0
  let expects: 'size' | 'data' | 'end of data' | 'trailer' = 'size'
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    const data = Buffer.allocUnsafe(bytes.length)
    let size = 0
    for (let at = 0; at < bytes.length; ) {
      if (expects === 'data') {
        const end = Math.min(bytes.length, at + left)
        size += bytes.copy(data, size, at, end)
        left -= end - at
        at = end
        if (left === 0) expects = 'end of data'
        continue
      }
      const feed = bytes.indexOf(lineFeed, at)
      const end = feed < 0 ? bytes.length : feed
      lineBytes += end - at
      if (lineBytes > mostHeaderBytes)
        throw failed(expects === 'trailer' ? 'HTTP_HEADERS_TOO_LARGE' : 'HTTP_MALFORMED')
      line += bytes.toString('latin1', at, end)
      at = end + 1
      if (feed < 0) break
      const whole = line.endsWith('\r') ? line.slice(0, -1) : line
      line = ''
      if (expects === 'trailer') {
        if (whole !== '') continue
        if (size > 0) yield data.subarray(0, size)
        return
      }
      lineBytes = 0
      if (expects === 'end of data') {
        if (whole !== '') throw failed('HTTP_MALFORMED')
        expects = 'size'
        continue
      }
      const [, hex] = /^([\da-f]{1,12})[ \t]*(;.*)?$/i.exec(whole) ?? []
      if (hex === undefined) throw failed('HTTP_MALFORMED')
      left = Number.parseInt(hex, 16)
      expects = left === 0 ? 'trailer' : 'data'
    }
    if (size > 0) yield data.subarray(0, size)
  }
  throw failed('ECONNRESET')
}

function failed(code: string): CallFailed {
  return new CallFailed(Object.assign(new Error('no answer of HTTP/1.1'), { code }))
}
