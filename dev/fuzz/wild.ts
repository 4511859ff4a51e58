import fc from 'fast-check'
import type { Bytes } from './bytes.ts'
import type { Mutation } from './document.ts'

const times = fc.constantFrom(1, 2, 51, 101, 201, 1_001, 5_000, 20_001, 49_999, 62_000, 100_001)

/** Texts that someone's code was wrong about, as JSON. */
const texts: Bytes[] = [
  ['""'],
  ['" "'],
  ['"\\u0000"'],
  ['"a\\u0000b"'],
  ['"\\ud800"'],
  ['"\\udc00\\ud800"'],
  ['"😀"'],
  ['"', { hex: 'eda080' }, '"'],
  ['"', { hex: 'fffe' }, '"'],
  ['"caf', { hex: 'e9' }, '"'],
  ['"', { hex: 'c0af' }, '"'],
  ['"\\u202eevil"'],
  ['"\\u001b[31m"'],
  ['"\\u2028"'],
  ['"\\r\\n.\\r\\nMAIL FROM:<x@y>"'],
  ['"__proto__"'],
  ['"\t"'],
  ['"{{slot}}"'],
  ['"{{"'],
  ['"{{secrets.NONE}}"'],
  ['"{{secrets.FUZZ_A}}"'],
  ['"{{input.a.b.c}}"'],
  ['"{{input}}{{job.name}}"'],
  ['"+010000-01-01T00:00:00Z"'],
  ['"-000001-01-01T00:00:00Z"'],
  ['"0000-01-01T00:00:00Z"'],
  ['"0001-01-01T00:00:00+18:00"'],
  ['"9999-12-31T23:59:59.999999999-18:00"'],
  ['"9999-12-31T23:59:59Z"'],
  ['"2024-02-30T00:00:00Z"'],
  ['"2025-03-30T02:30:00+02:00[Europe/Berlin]"'],
  ['"1970-01-01T00:00:00Z"'],
  ['"every 1s"'],
  ['"every 999999999999999999999 years"'],
  ['"every 0s"'],
  ['"0 0 29 2 1"'],
  ['"0 0 30 2 *"'],
  ['"*/7 */5 */3 */2 */1"'],
  ['"59 23 31 12 7"'],
  ['"', { repeat: '1,', times: 90 }, '1 * * * *"'],
  ['"@yearly"'],
  ['"in 9999 years"'],
  ['"0 0 1-31/31 * *"'],
  ['"CRON_TZ=Asia/Kathmandu 1 2 3 4 5"'],
  ['"http://[::1]:0/"'],
  ['"http://127.0.0.1:99999/"'],
  ['"https://@@place:0@@"'],
  ['"HTTP://%00/"'],
  ['"file:///etc/passwd"'],
  ['"http://169.254.169.254/"'],
  ['"http://xn--a/"'],
  ['"http://', { repeat: 'a.', times: 1_000 }, '/"'],
  ['"Etc/GMT+14"'],
  ['"Europe/Kyiv"'],
  ['"+99:99"'],
  ['"whsec_"'],
  ['"<a@b>, c@d"'],
  ['"', { repeat: '"'.replace('"', 'a@b,'), times: 200 }, '"'],
]
const numbers = [
  '0',
  '-0',
  '-1',
  '1',
  '1e400',
  '-1e400',
  '1e308',
  '5e-324',
  '1e-400',
  '9007199254740993',
  '1097559412345678901',
  '2147483647',
  '2147483648',
  '-2147483649',
  '4294967296',
  '9223372036854775808',
  '0.1',
  '1.0000000000000000001',
  '1e2',
  '8.64e15',
  '8640000000000001',
  'NaN',
  'Infinity',
  '0x10',
  '01',
  '+1',
  '.5',
  '1.',
].map((text): Bytes => [text])
const plain = [
  'null',
  'true',
  'false',
  '{}',
  '[]',
  '[[]]',
  '[null]',
  '{"":null}',
  '{"type":"http"}',
  'undefined',
  '',
  '{"times":null}',
]
const pieces = [
  'x',
  'é',
  '😀',
  '{',
  '{{',
  '}}',
  '{{slot}}',
  ' ',
  '\\\\',
  '\\"',
  '\\u0041',
  '<',
  '*',
  '../',
  'a@b.c,',
  '%',
  '\\n',
  '1,',
]

/** One JSON value that no schema had in mind. */
export const wildValue: fc.Arbitrary<Bytes> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...texts) },
  { weight: 3, arbitrary: fc.constantFrom(...numbers) },
  { weight: 3, arbitrary: fc.constantFrom(...plain).map((text): Bytes => [text]) },
  {
    weight: 1,
    arbitrary: fc.string({ maxLength: 50, unit: 'binary' }).map((text): Bytes => [JSON.stringify(text)]),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }).map((value): Bytes => [JSON.stringify(value)]) },
  { weight: 2, arbitrary: fc.record({ piece: fc.constantFrom(...pieces), times }).map(longText) },
  { weight: 3, arbitrary: fc.record({ times, kind: fc.nat(9) }).map(large) },
)

function longText({ piece, times: wanted }: { piece: string; times: number }): Bytes {
  return ['"', { repeat: piece, times: wanted }, '"']
}

/** Deep and wide, of equal and of unequal items. */
function large({ times: wanted, kind }: { times: number; kind: number }): Bytes {
  const item = ['1', '"tag"', 'null', '[]', '{}', '""'][kind % 6] as string
  switch (kind) {
    case 0:
      return [
        { repeat: '[', times: wanted },
        { repeat: ']', times: wanted },
      ]
    case 1:
      return [{ repeat: '{"a":', times: wanted }, '1', { repeat: '}', times: wanted }]
    case 2:
      return ['[', { each: '"t#",', times: wanted }, '"t"]']
    case 3:
      return ['[', { each: '#,', times: wanted }, '1]']
    case 4:
      return ['{', { each: '"n#":1,', times: wanted }, '"n":1}']
    case 5:
      return ['{', { repeat: '"n":1,', times: wanted }, '"n":1}']
    case 6:
      return [
        '[',
        { each: '{"type":"webhook","url":"http://127.0.0.1:9/#"},', times: Math.min(wanted, 4_000) },
        '{}]',
      ]
    default:
      return ['[', { repeat: `${item},`, times: wanted }, `${item}]`]
  }
}

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(400),
  does: fc.constantFrom<Mutation['does']>('put', 'put', 'put', 'put', 'add', 'append', 'remove', 'twice'),
  bytes: wildValue,
})

/** Texts for a query, a header or a path, before they are encoded. */
export const wildText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1.5',
    '1e3',
    '2147483648',
    '999999999999999999999',
    'null',
    'true',
    '%',
    '%00',
    '%ff',
    '😀',
    '\ud800',
    '..',
    '../..',
    "' or 1=1 --",
    '{{slot}}',
    '__proto__',
    '*',
    '"1"',
    'W/"1"',
    '\u202e',
  ),
  fc.constantFrom(
    '+010000-01-01T00:00:00Z',
    '-000001-01-01T00:00:00Z',
    '0000-00-00',
    '9999-12-31T23:59:59Z',
    '9998-12-31T23:59:59Z',
    '0001-01-01T00:00:00Z',
    '2025-03-30T02:30:00+02:00',
    'now',
  ),
  fc.string({ maxLength: 40, unit: 'binary' }),
  fc
    .record({
      piece: fc.constantFrom('a', ',', 'failed,', '%', 'é', '[', '1'),
      times: fc.constantFrom(65, 201, 256, 1_001, 4_000, 7_900),
    })
    .map(({ piece, times: wanted }) => piece.repeat(wanted)),
)
