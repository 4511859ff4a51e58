import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { type Bytes, joined, toBuffer } from './bytes.ts'
import { print } from './document.ts'
import { mutation, wildValue } from './wild.ts'

/** What is written after a request has come in, and how the connection ends. */
export type Answer = {
  bytes: Bytes
  /** Written in pieces of so many bytes (0: at once), with so long in between. */
  cut: number
  gapMs: number
  /** From this byte on the rest comes again and again. */
  isEndless: boolean
  ending: 'end' | 'reset' | 'hold'
}
/** Replies of an SMTP server: the first greets, each later one answers a line. After the last, good ones. */
export type Replies = Answer[]

const cuts = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.constantFrom(1, 2, 16, 100, 1_400) },
)
const gaps = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(1, 20, 300) },
)
const ends = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Answer['ending']>('end') },
  { weight: 1, arbitrary: fc.constant<Answer['ending']>('reset') },
  { weight: 1, arbitrary: fc.constant<Answer['ending']>('hold') },
)
const manner = {
  cut: cuts,
  gapMs: gaps,
  isEndless: fc.oneof(
    { weight: 14, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  ending: ends,
}

const contents: fc.Arbitrary<Bytes> = fc.oneof(
  { weight: 2, arbitrary: wildValue },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ maxLength: 300 })
      .map((bytes): Bytes => [{ hex: Buffer.from(bytes).toString('hex') }]),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Bytes>(
      [],
      ['ok'],
      ['[SILENT]'],
      ['{"proceed":false,"reason":"😀"}'],
      ['{"ok":true,"result":{"message_id":1}}'],
      ['{"ok":false,"error_code":429,"parameters":{"retry_after":1e9}}'],
      ['no_service'],
      ['invalid_payload'],
      ['{"wakeAgent":false}'],
      [{ repeat: 'x', times: 65_536 }],
      [{ repeat: 'x', times: 65_535 }, '😀'],
      [{ repeat: 'é', times: 300_000 }],
      [{ repeat: 'x', times: 8_000_000 }],
      [{ repeat: '\n', times: 1_000_000 }],
      [{ each: 'line #\n', times: 100_000 }],
      [{ repeat: '😀', times: 50 }, '\ud83d'],
      [{ hex: '93fa967b' }],
      [{ hex: '00ff00ff0a0d' }],
      [{ repeat: '\u0000', times: 70_000 }],
      [{ repeat: '\u001b[31m', times: 9_000 }],
      [{ repeat: '[', times: 60_000 }],
      [{ repeat: '{"a":', times: 200_000 }],
      [{ repeat: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ', times: 3_000 }],
      ['{"skipped":true}'],
    ),
  },
)
const chunkDocument = fc.record({
  id: fc.constant('c'),
  object: fc.constant('chat.completion.chunk'),
  model: fc.constantFrom('m', 'x'.repeat(500)),
  choices: fc.array(
    fc.record({
      index: fc.nat(3),
      delta: fc.record({
        role: fc.constant('assistant'),
        content: fc.constantFrom('Hello', '', '😀', ' there\n', 'x'.repeat(30_000)),
      }),
      finish_reason: fc.constantFrom(null, 'stop', 'length', 'tool_calls'),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  usage: fc.constantFrom(null, { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }),
})
const whole = fc.record({
  id: fc.constant('c'),
  object: fc.constant('chat.completion'),
  model: fc.constant('m'),
  choices: fc.array(
    fc.record({
      index: fc.nat(1),
      message: fc.record({
        role: fc.constant('assistant'),
        content: fc.constantFrom('Hello', 'x'.repeat(70_000), '[SILENT]'),
      }),
      finish_reason: fc.constantFrom('stop', 'length'),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  usage: fc.record({ prompt_tokens: fc.nat(), completion_tokens: fc.nat(), total_tokens: fc.nat() }),
})
const mutated = (document: fc.Arbitrary<unknown>) =>
  fc
    .record({ document, mutations: fc.array(mutation, { maxLength: 2 }) })
    .map(({ document: given, mutations }) => print(structuredClone(given), mutations))

const event = fc.oneof(
  { weight: 6, arbitrary: mutated(chunkDocument).map((bytes): Bytes => ['data: ', ...bytes, '\n\n']) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Bytes>(
      ['data: [DONE]\n\n'],
      [': ping\n\n'],
      ['event: error\ndata: {"error":{"message":"no"}}\n\n'],
      ['data\n\n'],
      ['\n\n\n'],
      ['\r\r'],
      ['\r\n\r\n'],
      ['id: \u0000\nretry: 1e9\ndata: 1\n\n'],
      [{ hex: 'efbbbf' }, 'data: {}\r\n\r\n'],
      [{ repeat: 'data: x\n', times: 300_000 }],
      [{ repeat: 'data:\n', times: 1_000_000 }],
      [{ repeat: ': ping\n\n', times: 200_000 }],
      [{ repeat: 'data: {}\n\n', times: 50_000 }],
      ['data: ', { repeat: 'x', times: 1_500_000 }],
      ['data: ', { repeat: '[],', times: 400_000 }, '\n\n'],
      [{ repeat: 'data: {"choices":[{"delta":{"content":"y"}}]}\n\n', times: 20_000 }],
      [
        'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\ndata: {"choices":[{"delta":{"content":"\\ude00"}}]}\n\n',
      ],
      [{ repeat: '\n', times: 2_000_000 }],
      [{ repeat: 'x', times: 3_000_000 }],
      ['data: {"choices":[', { repeat: '{"delta":{"content":"z"}},', times: 30_000 }, '{}]}\n\n'],
      [
        'data: {"choices":[{"delta":{"tool_calls":[{"index":1e9,"function":{"arguments":"',
        { repeat: '{', times: 100_000 },
        '"}}]}}]}\n\n',
      ],
    ),
  },
)
const stream = fc
  .array(event, { maxLength: 12 })
  .map((events): Bytes => [...events.flat(), 'data: [DONE]\n\n'])

const large = {
  zeros: Buffer.alloc(60_000_000),
  lists: Buffer.from('[[],'.padEnd(20_000_000, '[],')),
  lines: Buffer.from('data: x\n'.repeat(2_000_000)),
}
const bombs = Object.values(large).map((bytes): Bytes => [{ hex: gzipSync(bytes).toString('hex') }])
const packed: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: gzipSync,
  br: brotliCompressSync,
  deflate: deflateSync,
  zstd: zstdCompressSync,
}
/** What a small machine packs in no time. */
const mostPacked = 2_000_000

const codings = fc.oneof(
  { weight: 12, arbitrary: fc.constant({ name: '', does: 'nothing' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      name: fc.constantFrom('gzip', 'br', 'deflate', 'zstd'),
      does: fc.constantFrom('well', 'well', 'cut', 'broken', 'lies', 'twice'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { name: 'gzip', does: 'bomb0' },
      { name: 'gzip', does: 'bomb1' },
      { name: 'x-gzip', does: 'bomb2' },
      { name: 'gzip, gzip, gzip, gzip, gzip, gzip, gzip', does: 'lies' },
      { name: 'compress', does: 'lies' },
    ),
  },
)

function coded(content: Bytes, { name, does }: { name: string; does: string }): Bytes {
  if (does.startsWith('bomb')) return bombs[Number(does.at(-1))] as Bytes
  const pack = packed[name]
  const bytes = toBuffer(content)
  if (!pack || does === 'lies' || bytes.length > mostPacked) return content
  const all = does === 'twice' ? Buffer.concat([pack(bytes), pack(bytes)]) : pack(bytes)
  if (does === 'broken') all[Math.floor(all.length / 2)] = 255 - (all[Math.floor(all.length / 2)] ?? 0)
  return [{ hex: (does === 'cut' ? all.subarray(0, all.length / 2) : all).toString('hex') }]
}

const statuses = fc.oneof(
  { weight: 10, arbitrary: fc.constant('200 OK') },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      '201 Created',
      '204 No Content',
      '202 Accepted',
      '301 Moved',
      '302 Found',
      '303 See Other',
      '304 Not Modified',
      '307 Temporary',
      '308 Permanent',
      '400 Bad Request',
      '401 Who',
      '404 Not Found',
      '408 Late',
      '410 Gone',
      '429 Too Many',
      '500 Oops',
      '502 Bad',
      '503 Busy',
      '101 Switching',
      '100 Continue',
      '199 What',
      '600 More',
      '999 Most',
      '000 None',
      '20 Short',
      '2000 Long',
      '200',
      '-1 Minus',
      'abc def',
      `200 ${'r'.repeat(20_000)}`,
      '200 \u0000\u001b[31m',
    ),
  },
)
const headLines = fc.oneof(
  { weight: 9, arbitrary: fc.constant<Bytes>([]) },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Bytes>(
      ['Retry-After: 1\r\n'],
      ['Retry-After: 99999999999999999999\r\n'],
      ['Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n'],
      ['Retry-After: -1\r\n'],
      ['Set-Cookie: a=b\r\n'],
      ['X-Long: ', { repeat: 'h', times: 15_000 }, '\r\n'],
      ['X-Long: ', { repeat: 'h', times: 70_000 }, '\r\n'],
      [{ each: 'X-#: v\r\n', times: 5_000 }],
      [{ repeat: 'X-A: v\r\n', times: 100_000 }],
      ['X-\u00e9: é\r\n'],
      ['X-A: a\r\n b\r\n'],
      ['X-A : b\r\n'],
      [': b\r\n'],
      ['nocolon\r\n'],
      ['X-A: a\u0000b\r\n'],
      ['Trailer: X-T\r\n'],
      ['Connection: keep-alive\r\n'],
      ['Connection: upgrade\r\nUpgrade: h2c\r\n'],
      ['X-Chronos-Result: failed\r\n'],
      ['Content-Encoding: gzip\r\n'],
      ['Transfer-Encoding: gzip, chunked\r\n'],
      ['Content-Length: 5\r\nContent-Length: 6\r\n'],
      ['Content-Length: -5\r\n'],
      ['Content-Length: 99999999999999999999\r\n'],
      ['Content-Length: 0x10\r\n'],
      ['Location: /p/0\r\n'],
      ['Location: @@place:0@@\r\n'],
      ['Location: @@place:1@@\r\n'],
      ['Location: http://169.254.169.254/\r\n'],
      ['Location: ', { repeat: 'a', times: 5_000 }, '\r\n'],
      ['Location: javascript:1\r\n'],
      ['Location: //[\r\n'],
      ['Location: \r\n'],
      ['Location: ?x=\u00e9😀\r\n'],
    ),
  },
)
const types = fc.constantFrom(
  'text/plain',
  'text/plain; charset=ISO-8859-1',
  'text/html; charset=Shift_JIS',
  'text/plain; charset=utf-16',
  'text/plain; charset=\u0000',
  'application/json',
  'application/octet-stream',
  'text/event-stream',
  `x/${'y'.repeat(3_000)}`,
  '',
)
const framings = fc.constantFrom(
  'close',
  'close',
  'length',
  'length',
  'length',
  'chunked',
  'chunked',
  'long',
  'short',
  'badChunk',
  'trailers',
)
const interim = fc.oneof(
  { weight: 15, arbitrary: fc.constant<Bytes>([]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Bytes>(
      ['HTTP/1.1 100 Continue\r\n\r\n'],
      [{ repeat: 'HTTP/1.1 102 Processing\r\n\r\n', times: 500 }],
      ['HTTP/1.1 103 Early Hints\r\nLink: ', { repeat: 'l', times: 5_000 }, '\r\n\r\n'],
    ),
  },
)

function framed(content: Bytes, framing: string): { headers: Bytes; body: Bytes } {
  const bytes = toBuffer(content)
  const length = (difference: number): Bytes => [
    `Content-Length: ${Math.max(0, bytes.length + difference)}\r\n`,
  ]
  const size = bytes.length.toString(16)
  switch (framing) {
    case 'length':
      return { headers: length(0), body: content }
    case 'long':
      return { headers: length(1_000), body: content }
    case 'short':
      return { headers: length(-5), body: content }
    case 'chunked':
      return {
        headers: ['Transfer-Encoding: chunked\r\n'],
        body: bytes.length > 0 ? [`${size}\r\n`, ...content, '\r\n0\r\n\r\n'] : ['0\r\n\r\n'],
      }
    case 'badChunk':
      return {
        headers: ['Transfer-Encoding: chunked\r\n'],
        body: [`${size};${'e'.repeat(3_000)}\r\n`, ...content, 'zz\r\n-1\r\n'],
      }
    case 'trailers':
      return {
        headers: ['Transfer-Encoding: chunked\r\n'],
        body: ['2\r\nok\r\n0\r\n', { each: 'X-T#: t\r\n', times: 3_000 }, '\r\n'],
      }
    default:
      return { headers: [], body: content }
  }
}

const parts = { status: statuses, more: headLines, coding: codings, framing: framings, interim, ...manner }
type Made = { [Name in keyof typeof parts]: (typeof parts)[Name] extends fc.Arbitrary<infer T> ? T : never }

function answered(type: string, content: Bytes, made: Made): Answer {
  const { headers, body } = framed(coded(content, made.coding), made.framing)
  const about = `${type ? `Content-Type: ${type}\r\n` : ''}${made.coding.name ? `Content-Encoding: ${made.coding.name}\r\n` : ''}`
  const { cut, gapMs, isEndless, ending } = made
  return {
    bytes: joined([
      ...made.interim,
      `HTTP/1.1 ${made.status}\r\n`,
      ...made.more,
      about,
      ...headers,
      '\r\n',
      ...body,
    ]),
    ...{ cut, gapMs, isEndless, ending },
  }
}

/** What is no HTTP, or never comes to an end of its headers. */
const noHttp: fc.Arbitrary<Answer> = fc.record({
  bytes: fc.constantFrom<Bytes>(
    [],
    ['\r\n\r\n'],
    [{ hex: '160301' }],
    ['HTTP/0.9 200\r\n\r\n'],
    ['HTTP/2 200 OK\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\n', { each: 'X-#: 1\r\n', times: 100_000 }],
    ['HTTP/1.1 200 OK\r\nX: ', { repeat: 'x', times: 2_000_000 }],
    ['HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
    [{ repeat: 'HTTP/1.1 100 Continue\r\n\r\n', times: 30_000 }],
    ['ICY 200 OK\r\n\r\n'],
    [{ repeat: '\r\n', times: 100_000 }],
  ),
  ...manner,
})

const answeredWith = (type: fc.Arbitrary<string>, content: fc.Arbitrary<Bytes>) =>
  fc
    .record({ type, content, made: fc.record(parts) })
    .map(({ type: given, content: bytes, made }) => answered(given, bytes, made))
const tame = (content: Bytes): Answer => ({
  bytes: ['HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n', ...content],
  cut: 0,
  gapMs: 0,
  isEndless: false,
  ending: 'end',
})

/** Of a target or of a receiver over HTTP. */
export const httpAnswer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(tame(['{"ok":true}']), tame([])) },
  { weight: 10, arbitrary: answeredWith(types, contents) },
  { weight: 1, arbitrary: noHttp },
)

/** Of a model server: streams and whole answers, and everything else that a target may send. */
export const modelAnswer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 6, arbitrary: answeredWith(fc.constant('text/event-stream'), stream) },
  { weight: 3, arbitrary: answeredWith(fc.constant('application/json'), mutated(whole)) },
  { weight: 2, arbitrary: httpAnswer },
)

const reply = fc.record({
  bytes: fc.constantFrom<Bytes>(
    ['220 ready\r\n'],
    ['250 ok\r\n'],
    ['250-a\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1\r\n'],
    ['354 go on\r\n'],
    ['421 later\r\n'],
    ['451 later 😀\r\n'],
    ['550 ', { repeat: '😀', times: 200 }, '\r\n'],
    ['550-', { repeat: 'x', times: 199 }, '😀\r\n550 x\r\n'],
    ['999 what\r\n'],
    ['2\r\n'],
    ['\r\n'],
    ['250 no end of line'],
    [{ repeat: '250-more\r\n', times: 200_000 }],
    [{ repeat: 'x', times: 3_000_000 }],
    ['250-', { repeat: 'y', times: 1_000_000 }, '\r\n250 ok\r\n'],
    [{ hex: 'fffe00' }, '\r\n'],
    ['334 \r\n'],
    ['535 whsec_ no\r\n'],
    ['250 ok\n'],
    ['220 a\r\n220 b\r\n220 c\r\n'],
    [{ repeat: '\r\n', times: 300_000 }],
  ),
  ...manner,
})
export const smtpReplies: fc.Arbitrary<Replies> = fc.array(reply, { maxLength: 5 })
