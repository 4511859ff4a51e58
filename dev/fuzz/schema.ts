import fc from 'fast-check'
import { Raw } from './document.ts'
import { phrases } from './phrases.ts'

export type Schema = { [keyword: string]: unknown }
type Components = Record<string, Schema>
type Value = fc.Arbitrary<unknown>

/** Understood here, or without a bearing on what is generated. Any other one stops the program. */
const known = new Set([
  ...[
    '$ref',
    'anyOf',
    'enum',
    'const',
    'type',
    'properties',
    'required',
    'additionalProperties',
    'maxProperties',
  ],
  ...['patternProperties', 'items', 'minItems', 'maxItems', 'uniqueItems', 'minimum', 'maximum'],
  ...[
    'minLength',
    'maxLength',
    'pattern',
    'format',
    'title',
    'description',
    'default',
    'examples',
    'x-expected',
    'writeOnly',
  ],
])

const one = (...texts: string[]): Value => fc.constantFrom(...texts)
const index = fc.nat(40)
const living = (kind: string): Value => index.map((n) => `@@${kind}:${n}@@`)
const ms = (from: number, to: number): Value => fc.integer({ min: from, max: to })

const instants = one(
  '2026-01-01T00:00:00Z',
  '2031-06-30T12:00:00+02:00',
  '2024-02-29T23:59:59.999-11:00',
  '0001-01-01T00:00:00Z',
  '9998-12-31T23:59:59Z',
  '9999-12-31T23:59:59.999Z',
  '2030-03-31T01:59:59+01:00',
)
const goodSchedules = one(
  'every 30m',
  'every 5s',
  'in 1s',
  'in 2h',
  '0 9 * * 1-5',
  '*/5 * * * *',
  '* * * * * *',
  'every weekday at 9am',
  '@daily',
  '@every 6h',
  '0 4\t* * *',
  '0 0 29 2 *',
  '59 59 23 31 12 *',
  '2099-01-01T00:00:00Z',
  'CRON_TZ=America/New_York 0 4 * * *',
  '0 0 31 2,4,6 *',
  '0 0 1-7 * 0',
  'every month on the 31st at 23:59',
  '1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 1-23/2 */3 1-12 0-7',
)
const schedules = fc.oneof({ weight: 4, arbitrary: goodSchedules }, { weight: 1, arbitrary: phrases })
const template = one(
  '{{status}} of {{job.name}}: {{output}}',
  '{{output}}',
  'it ended {{status}} {{error}}',
  'text',
)

/** What the keywords do not tell: known by the words of the field. The first that fits counts. */
const byWords: [RegExp, Value][] = [
  [/ISO 8601 instant/, instants],
  [/statuses such as/, one('2xx', '200', '200-299', '1xx', '500-599')],
  [
    /^\{\{secrets\.NAME\}\} and nothing else/,
    one('{{secrets.FUZZ_URL}}', '{{secrets.FUZZ_SIGN}}', '{{secrets.FUZZ_TOKEN}}'),
  ],
  [/whsec_/, one('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '{{secrets.FUZZ_SIGN}}')],
  [/http or https URL/, living('place')],
  [/one address/, one('ops@example.com', 'Chronos <cron@example.com>', '"a, b" <x@example.org>')],
  [/host of an SMTP server/, one('127.0.0.1')],
  [/a bot token/, one('123456:AbC-d_E', '{{secrets.FUZZ_TOKEN}}')],
  [/id of a chat/, one('@chat', '-1001234567')],
  [/no other names between braces/, template],
  [
    /names of channels/,
    one('chan-1', 'chan-2,chan-3', 'all', 'none', 'local', 'telegram:-100123', 'chan-1, chan-1'),
  ],
  [/other than "local"/, one('chan-1', 'chan-2', 'chan-3', 'chan-4', 'chan-5')],
  [/"self" or a job id/, fc.oneof(one('self'), living('job'))],
  [/as a key is never written into a job/, one('{{secrets.FUZZ_TOKEN}}')],
  [/name of a file in handlers/, one('hello', 'check-page', 'none')],
  [/12 lower-case hex digits/, living('job')],
  [/a UUID/, living('run')],
  [/capital letters, digits and underscores/, one('FUZZ_A', 'FUZZ_B', 'FUZZ_URL')],
  [
    /names such as MY_NAME/,
    fc.dictionary(fc.stringMatching(/^[A-Z]{1,8}$/), fc.string({ maxLength: 20 }), { maxKeys: 3 }),
  ],
  [
    /64 headers|20 headers/,
    fc.dictionary(fc.stringMatching(/^x-[a-z]{1,8}$/), one('a', '{{secrets.FUZZ_TOKEN}}', 'b c'), {
      maxKeys: 3,
    }),
  ],
  [/path or the name of a program/, one('true')],
  [
    /one or several of/,
    one('failed', 'succeeded,failed', 'claimed,running,waiting', 'timed_out,interrupted,cancelled,skipped'),
  ],
]
const byName: Record<string, Value> = {
  schedule: schedules,
  timezone: one(
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Pacific/Apia',
  ),
  timeout_ms: ms(20, 1_500),
  inactivity_ms: ms(20, 1_500),
  // a shorter one may end on a busy machine although the service renews it
  lease_ms: ms(20_000, 60_000),
  deadline_ms: ms(1_000, 5_000),
  jitter_ms: ms(0, 500),
  delay_ms: ms(0, 300),
  max_delay_ms: ms(300, 600),
  port: index.map((n) => new Raw([`@@smtp:${n}@@`])),
  handler: one('hello', 'check-page'),
  cursor: one('MQ', 'bm9uZQ', '1', 'eyJzZXEiOjF9'),
  scopes: fc.uniqueArray(fc.constantFrom('jobs:read', 'jobs:write', 'runs:start'), { minLength: 1 }),
}
/** Without these a document of this title means nothing. */
const alwaysIn: Record<string, string[]> = { JobInput: ['schedule', 'action'] }

/**
 * Values that a schema of the OpenAPI document lets pass, mostly: what only code checks, a few of them miss.
 * @throws Error: the schema has a keyword that is not known here
 */
export function valuesOf(schema: Schema, components: Components, name = ''): Value {
  for (const keyword of Object.keys(schema))
    if (!known.has(keyword))
      throw new Error(`dev/fuzz/schema.ts generates nothing for the keyword "${keyword}"`)
  const words = (schema['x-expected'] ?? '') as string
  const hint = byWords.find(([pattern]) => pattern.test(words))?.[1]
  if (hint && !schema['anyOf']) return schema['type'] === 'array' ? listOf(schema, hint) : hint
  const named = byName[name]
  if (named) return named
  if ('$ref' in schema) return referred(String(schema['$ref']), components)
  if (Array.isArray(schema['anyOf']))
    return fc.oneof(...schema['anyOf'].map((branch: Schema) => valuesOf(branch, components, name)))
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]))
  if ('const' in schema) return fc.constant(schema['const'])
  const types = [schema['type'] ?? 'any'].flat() as string[]
  return fc.oneof(...types.map((type) => typed(type, schema, components)))
}

function referred(ref: string, components: Components): Value {
  const schema = components[ref.replace('#/components/schemas/', '')]
  if (!schema) throw new Error(`the OpenAPI document has no ${ref}`)
  return valuesOf(schema, components)
}

function typed(type: string, schema: Schema, components: Components): Value {
  switch (type) {
    case 'object':
      return objectOf(schema, components)
    case 'array':
      return listOf(schema, valuesOf((schema['items'] ?? {}) as Schema, components))
    case 'string':
      return textOf(schema)
    case 'integer':
      return fc.integer({
        min: Number(schema['minimum'] ?? -1_000),
        max: Number(schema['maximum'] ?? 1_000_000),
      })
    case 'number':
      return fc.double({
        min: Number(schema['minimum'] ?? -1e6),
        max: Number(schema['maximum'] ?? 1e6),
        noNaN: true,
      })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'any':
      return fc.jsonValue({ maxDepth: 2 })
    default:
      throw new Error(`dev/fuzz/schema.ts generates nothing for the type "${type}"`)
  }
}

function objectOf(schema: Schema, components: Components): Value {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>
  const required = [...((schema['required'] ?? []) as string[]), ...(alwaysIn[String(schema['title'])] ?? [])]
  const isSmall = Object.keys(properties).length < 8
  const patterns = Object.values((schema['patternProperties'] ?? {}) as Record<string, Schema>)[0]
  if (patterns)
    return fc.dictionary(fc.stringMatching(/^[a-z-]{1,12}$/), valuesOf(patterns, components), { maxKeys: 4 })
  const fields = Object.entries(properties).map(([name, property]) => {
    const value = valuesOf(property, components, name)
    if (required.includes(name)) return [name, value] as const
    return [
      name,
      fc.oneof(
        { weight: isSmall ? 2 : 9, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: value },
      ),
    ] as const
  })
  return fc
    .record(Object.fromEntries(fields))
    .map((given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)))
}

function listOf(schema: Schema, item: Value): Value {
  const [minLength, most] = [Number(schema['minItems'] ?? 0), Number(schema['maxItems'] ?? 5)]
  const maxLength = Math.min(most, Math.max(minLength, 5))
  if (!schema['uniqueItems']) return fc.array(item, { minLength, maxLength })
  return fc.uniqueArray(item, { minLength, maxLength, selector: (value) => JSON.stringify(value) })
}

function textOf(schema: Schema): Value {
  const pattern = schema['pattern']
  if (typeof pattern === 'string') return fc.stringMatching(new RegExp(pattern, 'u'))
  const minLength = Number(schema['minLength'] ?? 0)
  const most = Number(schema['maxLength'] ?? 1_000)
  const short = fc.string({ minLength, maxLength: Math.max(minLength, Math.min(most, 30)), unit: 'grapheme' })
  const atTheLimit = fc.constantFrom('x', 'é', '😀').map((letter) => letter.repeat(most))
  return fc.oneof({ weight: 12, arbitrary: short }, { weight: 1, arbitrary: atTheLimit })
}
