import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Operation, operations, otherOperations, readInput } from '../../routes/schemas/index.ts'
import { AppError } from '../../src/ground/errors.ts'
import { assertCost, processorMs } from '../support/limits.ts'
import { type Service, startService } from '../support/service.ts'
import { asJson, codeOf, type Problem, send } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ begin: false })
})
after(() => service.close())

const good = { name: 'a', schedule: '30m', action: { type: 'http', url: 'https://example.com/' } }
const most = 250_000

/** As `assertCost`, of the least of three tries. Client and service share this process, so that it is an upper bound. */
async function assertLittle(limitMs: number, work: () => unknown, what?: string): Promise<void> {
  let leastMs = Infinity
  for (let tries = 0; tries < 3 && leastMs >= limitMs; tries++)
    leastMs = Math.min(leastMs, await processorMs(work))
  assertCost(leastMs, limitMs, what)
}

type Schema = { [keyword: string]: unknown }
type Place = { key: string; path: string; schema: Schema; wrap: (value: unknown) => unknown }

/**
 * Every schema within the body of every operation, with a body in which only the value at this place is to be filled in.
 * One that stands in several bodies, as the fields of a job do, comes once.
 */
function* places(): Generator<Place> {
  const seen = new Set<Schema>()
  const all = Object.entries({ ...operations, ...otherOperations }) as [string, Operation][]
  for (const [key, { body }] of all) {
    if (body) yield* within(key, '', body as Schema, (value) => value, seen)
  }
}

function* within(
  key: string,
  path: string,
  schema: Schema,
  wrap: Place['wrap'],
  seen: Set<Schema>,
): Generator<Place> {
  if (seen.has(schema)) return
  seen.add(schema)
  yield { key, path, schema, wrap }
  for (const branch of (schema['anyOf'] ?? []) as Schema[]) yield* within(key, path, branch, wrap, seen)
  const type = (schema['properties'] as Record<string, Schema> | undefined)?.['type']?.['const']
  for (const [name, inner] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
    const around = (value: unknown) => wrap({ ...(type !== undefined && { type }), [name]: value })
    yield* within(key, `${path}.${name}`, inner, around, seen)
  }
  for (const inner of Object.values((schema['patternProperties'] ?? {}) as Record<string, Schema>))
    yield* within(key, `${path}.*`, inner, (value) => wrap({ x: value }), seen)
  if (schema['items'])
    yield* within(key, `${path}[]`, schema['items'] as Schema, (value) => wrap([value]), seen)
}

test('every list, text and object of a body has an end that its schema says', () => {
  const endless = [...places()].filter(({ schema }) => {
    const { type, maxItems, maxLength, pattern, maxProperties, patternProperties } = schema
    if ('const' in schema || 'enum' in schema) return false
    if (type === 'array') return maxItems === undefined
    if (type === 'object') return patternProperties !== undefined && maxProperties === undefined
    // an instant is read by a parser that takes 64 characters, a form's value may be as long as the body
    const isText = type === 'string' || (Array.isArray(type) && type.includes('string'))
    return isText && maxLength === undefined && pattern === undefined
  })
  const named = [...new Set(endless.map(({ key, path }) => `${key} ${path}`))]
  assert.deepEqual(
    named.filter(
      (name) =>
        !/\.(until|from|job_id|fire_at|token|starts_at|ends_at|expires_at)$|form\.\*(\[\])?$/.test(name),
    ),
    [],
  )
})

const sizes: [what: string, value: unknown][] = [
  ['a list of equal items', Array.from({ length: 60_000 }, () => '')],
  ['a list of different items', Array.from({ length: 25_000 }, (_, index) => `t${index}`)],
  ['a list of numbers', Array.from({ length: 100_000 }, () => 1)],
  ['a list of empty objects', Array.from({ length: 60_000 }, () => ({}))],
  ['a list of lists', Array.from({ length: 60_000 }, () => [])],
  ['a wide object', Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`k${index}`, 1]))],
  ['a long text', 'x'.repeat(most)],
  ['a long text of braces', '{{'.repeat(most / 2)],
  ['a long text of blanks', ' '.repeat(most)],
  ['a long text of combining characters', '\u0301'.repeat(most / 2)],
]

for (const [what, value] of sizes) {
  test(`${what} is refused or taken in milliseconds, wherever it stands in a body`, async () => {
    const seen = new Set<string>()
    for (const { key, path, wrap } of places()) {
      if (!(key in operations) || seen.has(key + path)) continue
      seen.add(key + path)
      const params = key.includes('{name}')
        ? { name: key.includes('secrets') ? 'NAME' : 'name' }
        : { id: key.includes('/runs/') ? crypto.randomUUID() : '0123456789ab', delivery: crypto.randomUUID() }
      const body = wrap(value)
      const read = () => {
        try {
          readInput(key as keyof typeof operations, { params, query: {}, body })
        } catch (error) {
          assert.ok(error instanceof AppError, `${key} ${path}: ${String(error)}`)
          const told = JSON.stringify(error.extra).length + error.message.length
          assert.ok(told < 64 * 1024, `${key} ${path}: the refusal has ${told} characters`)
        }
      }
      await assertLittle(200, read, `${key} ${path}`)
    }
  })
}

test('20,000 equal tags, and 60,000, are refused in milliseconds', async () => {
  for (const count of [20_000, 60_000]) {
    const body = JSON.stringify({ ...good, tags: Array.from({ length: count }, () => '') })
    let answer: Awaited<ReturnType<typeof send>> | undefined
    await assertLittle(300, async () => {
      answer = await send(service, { path: '/api/jobs', headers: asJson, body })
    })
    assert.equal(answer?.status, 400)
  }
})

test('texts with templates deep in a wide body cost no more than their number', async () => {
  let deep: unknown = Array.from({ length: 40_000 }, () => '')
  for (let level = 0; level < 55; level++) deep = [deep]
  const body = JSON.stringify({ ...good, action: { ...good.action, body: deep } })
  let status = 0
  const cost = await processorMs(async () => {
    status = (await send(service, { path: '/api/jobs', headers: asJson, body })).status
  })
  assert.equal(status, 201)
  assertCost(cost, 2_000)
})

test('a refusal is short, however long the names are that it speaks of', async () => {
  const name = 'n'.repeat(200_000)
  const texts = Array.from({ length: 60 }, () => '{{nothing}}')
  for (const fields of [
    { ...good, [name]: 1 },
    { ...good, action: { ...good.action, body: { [name]: texts } } },
  ]) {
    const { status, body } = await send(service, {
      path: '/api/jobs',
      headers: asJson,
      body: JSON.stringify(fields),
    })
    assert.equal(status, 400)
    assert.ok(body.length < 100_000, `${body.length} characters`)
  }
})

test('a body with more than 50,000 values or more than 64 levels is refused before it is walked', async () => {
  const bodies: [string, RegExp][] = [
    [`{"input":[${'[],'.repeat(60_000)}1]}`, /50000 values/],
    [`{"input":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /64 levels/],
  ]
  const { id } = await service.makeJob()
  for (const [body, words] of bodies) {
    let answer: Awaited<ReturnType<typeof send>> | undefined
    await assertLittle(300, async () => {
      answer = await send(service, { path: `/api/jobs/${id}/run`, headers: asJson, body })
    })
    const problem = JSON.parse(answer?.body ?? '') as Problem
    assert.equal(codeOf({ status: answer?.status ?? 0, body: problem }), '400 FIELD_INVALID')
    assert.match(problem.detail, words)
  }
})
