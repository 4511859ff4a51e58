import fc from 'fast-check'
import { type Bytes, joined } from './bytes.ts'
import { type Mutation, print } from './document.ts'
import { messageHeaders, messages } from './messages.ts'
import { type Description, livingThing, type Operation } from './operations.ts'
import { valuesOf } from './schema.ts'
import { mutation, wildText, wildValue } from './wild.ts'

/** One request as it is written to the connection. Names between `@@` are filled in when it is sent. */
export type Call = {
  key: string
  method: string
  path: string
  headers: [name: string, value: string][]
  body: Bytes
  /** How the end of the body is told: rightly by length or chunks, by a length too large or too small, or not at all. */
  framing: 'length' | 'chunked' | 'too_long' | 'too_short' | 'none'
  /** Written in so many pieces, with so long in between. */
  pieces: number
  gapMs: number
  /** All of it is as a good client would send it, but for the values. */
  isPlain: boolean
}

/** @throws Error: an operation that nothing can be generated for */
export function callsOf({ operations, components }: Description): fc.Arbitrary<Call> {
  return fc.oneof(
    ...operations.map((operation) => ({
      weight: operation.body && Object.keys(operation.body).length > 0 ? 2 : 1,
      arbitrary: callOf(operation, components),
    })),
  )
}

function callOf(operation: Operation, components: Description['components']): fc.Arbitrary<Call> {
  const isAgents = operation.key === 'POST /mcp'
  const ofBody = operation.body ? valuesOf(operation.body, components) : fc.constant(undefined)
  const document = isAgents ? messages(components) : ofBody
  const body = fc.oneof(
    { weight: 8, arbitrary: fc.record({ document, mutations: fc.constant<Mutation[]>([]) }) },
    {
      weight: 8,
      arbitrary: fc.record({ document, mutations: fc.array(mutation, { minLength: 1, maxLength: 4 }) }),
    },
  )
  return fc
    .record({
      path: pathOf(operation.path),
      query: queryOf(operation, components),
      headers: headersOf(operation, components),
      who: credentialOf(operation),
      body: operation.body
        ? fc.oneof(
            { weight: 16, arbitrary: body.map(printed) },
            { weight: 2, arbitrary: strangeBody },
            { weight: 1, arbitrary: fc.constant<Bytes>([]) },
          )
        : fc.oneof({ weight: 9, arbitrary: fc.constant<Bytes>([]) }, { weight: 1, arbitrary: wildValue }),
      odd: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: oddity }),
    })
    .map(({ path, query, headers, who, body: bytes, odd }): Call => {
      const type: [string, string][] = bytes.length > 0 ? [['content-type', 'application/json']] : []
      return {
        key: operation.key,
        method: operation.method,
        path: path + query,
        headers: [...who, ...type, ...(isAgents ? messageHeaders : []), ...headers, ...(odd?.headers ?? [])],
        body: odd?.before ? joined([...odd.before, ...bytes]) : bytes,
        framing: odd?.framing ?? (bytes.length > 0 ? 'length' : 'none'),
        pieces: odd?.pieces ?? 1,
        gapMs: odd?.gapMs ?? 0,
        isPlain: odd === null,
      }
    })
}

function printed({ document, mutations }: { document: unknown; mutations: Mutation[] }): Bytes {
  return print(structuredCloneOf(document), mutations)
}

/** Pieces that are printed as they are (`Raw`) stay what they are. */
function structuredCloneOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCloneOf)
  if (typeof value !== 'object' || value === null || value.constructor?.name === 'Raw') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, structuredCloneOf(item)]))
}

const strangeBody: fc.Arbitrary<Bytes> = fc.oneof(
  wildValue,
  fc.constantFrom<Bytes>(
    [' '],
    [{ repeat: ' ', times: 262_143 }, '1'],
    [{ repeat: ' ', times: 262_200 }],
    ['{', { repeat: ' ', times: 250_000 }, '}'],
    [{ hex: 'efbbbf' }, '{}'],
    [{ hex: 'fffe7b007d00' }],
    [{ hex: '1f8b08000000000000ff' }],
    ['{"name":"x"'],
    ['{"a":1}{"b":2}'],
    ["{'a':1}"],
    ['{"a":1,}'],
    ['"', { repeat: '\\', times: 100_000 }],
    ['{"a":"', { repeat: '\\u0000', times: 40_000 }, '"}'],
    [{ repeat: '{"__proto__":', times: 60 }, '{}', { repeat: '}', times: 60 }],
    ['{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}}'],
  ),
  fc.uint8Array({ maxLength: 200 }).map((bytes): Bytes => [{ hex: Buffer.from(bytes).toString('hex') }]),
)

function pathOf(path: string): fc.Arbitrary<string> {
  const parts = path.split(/\{([^}]+)\}/)
  const pieces = parts.map((part, at) =>
    at % 2 === 0
      ? fc.constant(part)
      : fc.oneof(
          { weight: 9, arbitrary: fc.nat(40).map((n) => `@@${livingThing(path, part)}:${n}@@`) },
          { weight: 1, arbitrary: wildText.map(encoded) },
        ),
  )
  return fc.tuple(...pieces).map((all) => all.join(''))
}

function queryOf({ parameters }: Operation, components: Description['components']): fc.Arbitrary<string> {
  const pairs = parameters
    .filter((one) => one.in === 'query')
    .map(({ name, schema }) =>
      fc.oneof(
        { weight: 6, arbitrary: fc.constant('') },
        {
          weight: 3,
          arbitrary: valuesOf(schema, components, name).map((value) => `${name}=${encoded(String(value))}`),
        },
        { weight: 1, arbitrary: wildText.map((text) => `${name}=${encoded(text)}`) },
        { weight: 1, arbitrary: wildText.map((text) => `${name}=1&${name}[]=${encoded(text)}&${name}=2`) },
      ),
    )
  const more = fc.oneof(
    { weight: 20, arbitrary: fc.constant('') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '__proto__=1',
        '&&&',
        '=',
        '%',
        '%ff=%ff',
        'a=1&'.repeat(1_500),
        `${'x'.repeat(7_000)}=1`,
      ),
    },
  )
  return fc.tuple(...pairs, more).map((all) => {
    const given = all.filter((pair) => pair !== '')
    return given.length > 0 ? `?${given.join('&')}` : ''
  })
}

function headersOf(
  { parameters }: Operation,
  components: Description['components'],
): fc.Arbitrary<[string, string][]> {
  const all = parameters
    .filter((one) => one.in === 'header')
    .map(({ name, schema }) =>
      fc.oneof(
        // what names a project that is not there goes nowhere
        { weight: name === 'Chronos-Project' ? 60 : 3, arbitrary: fc.constant(null) },
        {
          weight: 1,
          arbitrary: fc
            .oneof(
              valuesOf(schema, components).map(String),
              fc.constantFrom('"1"', '*', '1', 'key-1', '0', '"2", "1"'),
            )
            .map((value): [string, string] => [name, value]),
        },
        { weight: 1, arbitrary: wildText.map((value): [string, string] => [name, value]) },
      ),
    )
  return fc.tuple(...all).map((pairs) => pairs.filter((pair) => pair !== null))
}

function credentialOf({ who }: Operation): fc.Arbitrary<[string, string][]> {
  if (who === 'anybody') return fc.constant([])
  const good = who === 'apiKey' ? 'Bearer @@apiKey@@' : 'Bearer @@fire@@'
  const others = [
    '',
    'Bearer',
    'Bearer x',
    'Basic eDp5',
    `Bearer ${'a'.repeat(7_000)}`,
    'Bearer a.b.c',
    'Bearer eyJhbGciOiJub25lIn0.e30.',
    'bearer  @@apiKey@@',
    'Bearer @@fire@@',
    'Bearer ck_000000000000_x',
  ]
  return fc.oneof(
    { weight: 18, arbitrary: fc.constant<[string, string][]>([['authorization', good]]) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...others).map((value): [string, string][] => [['authorization', value]]),
    },
    { weight: 1, arbitrary: fc.constant<[string, string][]>([]) },
  )
}

type Oddity = {
  headers?: [string, string][]
  before?: Bytes
  framing?: Call['framing']
  pieces?: number
  gapMs?: number
}

const oddHeaders: [string, string][][] = [
  [['content-type', 'text/plain']],
  [['content-type', 'application/json; charset=utf-16']],
  [['content-type', 'application/jsonx']],
  [['content-type', `multipart/form-data; boundary=${'-'.repeat(70)}`]],
  [['content-type', '']],
  [
    ['content-type', 'application/json'],
    ['content-type', 'text/html'],
  ],
  [['content-encoding', 'gzip']],
  [['content-encoding', 'br, br, br']],
  [['transfer-encoding', 'gzip, chunked']],
  [['transfer-encoding', 'identity']],
  [['content-length', '5']],
  [['content-length', '-1']],
  [['content-length', '9'.repeat(30)]],
  [['expect', '100-continue']],
  [['expect', 'the-unexpected']],
  [
    ['upgrade', 'websocket'],
    ['connection', 'upgrade'],
  ],
  [['connection', 'keep-alive, close, x']],
  [['te', 'trailers']],
  [['x-forwarded-for', '1.2.3.4, '.repeat(400)]],
  [['accept', `${'text/*;q=0.1,'.repeat(500)}*/*`]],
  [['accept-encoding', 'br;q=1.0, *;q=0']],
  [['cookie', 'a=b; '.repeat(2_500)]],
  [['x-long', 'y'.repeat(15_000)]],
  [['x-long', 'y'.repeat(70_000)]],
  Array.from({ length: 300 }, (_, n): [string, string] => [`x-${n}`, 'v']),
  Array.from({ length: 2_500 }, (_, n): [string, string] => [`x-${n}`, '']),
  [['x-request-id', 'x'.repeat(3_000)]],
  [['x-request-id', '\u00ff\u001b[2J']],
  [['origin', 'https://evil.example']],
  [
    ['origin', 'null'],
    ['access-control-request-method', 'PUT'],
  ],
  [['host', '']],
  [['host', 'a b']],
  [['if-none-match', '*']],
  [['range', 'bytes=0-0,-1']],
  [['x-\u00e9', '1']],
  [['x y', '1']],
  [['', '1']],
  [['x-null', 'a\u0000b']],
  [['x-fold', 'a\r\n b']],
  [['authorization', 'Bearer twice']],
]

const oddity: fc.Arbitrary<Oddity> = fc.oneof(
  fc.constantFrom(...oddHeaders).map((headers) => ({ headers })),
  fc
    .constantFrom<Call['framing']>('chunked', 'too_long', 'too_short', 'none', 'chunked')
    .map((framing) => ({ framing })),
  fc.record({
    pieces: fc.constantFrom(2, 3, 10, 100, 1_000),
    gapMs: fc.constantFrom(0, 0, 1, 20),
    framing: fc.constantFrom<Call['framing']>('length', 'chunked'),
  }),
  fc
    .constantFrom<Bytes>([' \n\t'], [{ hex: 'efbbbf' }], [{ repeat: '\n', times: 200_000 }], [{ hex: '00' }])
    .map((before) => ({ before })),
)

function encoded(text: string): string {
  try {
    return /^@@[a-zA-Z]+(:\d+)?@@$/.test(text) ? text : encodeURIComponent(text)
  } catch {
    // half a pair: as the bytes that a careless client would send
    return '%ed%a0%80'
  }
}
