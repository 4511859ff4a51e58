import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { operations } from '../../routes/schemas/index.ts'
import { createSeal } from '../../src/vault/seal/index.ts'
import { keyOf } from '../support/key.ts'
import { type Service, startService } from '../support/service.ts'
import { assertCost, processorMs } from '../support/limits.ts'

const key = keyOf('large pages')
let service: Service
before(async () => {
  service = await startService({ begin: false, env: { ENCRYPTION_KEY: key.toString('base64') } })
})
after(() => service.close())

const large = 'x'.repeat(240_000)
const mostBytes = 5 * 1024 * 1024

/** Every list of the API, by its path and the member of its items that tells them apart. */
const lists: Record<string, string> = {
  'GET /api/jobs': 'id',
  'GET /api/jobs/{id}/runs': 'id',
  'GET /api/jobs/{id}/executions': 'id',
  'GET /api/jobs/{id}/slots': 'slot',
  'GET /api/runs': 'id',
  'GET /api/deliveries': 'id',
  'GET /api/audit': 'id',
  'GET /api/channels': 'name',
  'GET /api/keys': 'id',
  'GET /api/secrets': 'name',
}

/** What has a list in it that cannot grow, by what ends it. */
const short: Record<string, string> = {
  'GET /api/status': 'as many projects as people have made',
  'GET /api/projects': 'as many as people have made',
  'GET /api/jobs/{id}/next': 'count, at most 1,000 instants',
  'GET /api/jobs/{id}/arm': 'the newest 20',
  'GET /api/jobs/{id}/why': 'five slots, two starts and four sentences',
  'GET /api/jobs/{id}/output': 'limit, and pages as of runs; each output is cut',
  'GET /api/runs/{id}/deliveries': 'a job has 20 targets at most',
  'GET /api/timeline': 'limit, at most 200 jobs without what they do, each with 288 slots',
  'GET /api/jobs/strips': '100 ids, each with 30 slots',
  'GET /api/jobs/{id}/days': '371 days',
  'GET /api/failures': '100 causes of 300 characters',
  'GET /api/costs': '371 days and 100 jobs',
  'GET /api/export': 'as many channels as are opened together, 1,000',
  'GET /v1/models': 'one',
}

/** Every item of a list by following its cursors, with the size of the largest page. */
async function follow(path: string, name: string, member: string) {
  const found = { ids: [] as string[], pages: 0, largest: 0 }
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body } = await service.api(
      'GET',
      path + (cursor && `${path.includes('?') ? '&' : '?'}cursor=${cursor}`),
    )
    assert.equal(status, 200)
    found.pages += 1
    found.largest = Math.max(found.largest, Buffer.byteLength(JSON.stringify(body)))
    found.ids.push(...(body[name] as Record<string, string>[]).map((item) => String(item[member])))
    cursor = body.next_cursor
    assert.ok(found.pages < 1_000, 'the cursors lead on for ever')
  }
  return found
}

test('every list of the document has a limit and a cursor, but for those that cannot grow', () => {
  for (const [route, { query, answer, isLarge }] of Object.entries(operations) as [string, Shape][]) {
    if (!route.startsWith('GET ')) continue
    const members = Object.entries(answer.properties ?? {})
    const hasList = members.some(([name, { type }]) => type === 'array' && name !== 'ignored')
    if (!hasList || route in short) continue
    assert.ok(route in lists, `${route} is a list that no test here reads`)
    assert.ok(query?.properties?.['limit'] && query.properties['cursor'], `${route} has no pages`)
    assert.ok(answer.properties?.['next_cursor'], `${route} does not lead on`)
    assert.ok(isLarge, `${route} takes no turns`)
  }
})
type Shape = { query?: Members; answer: Members; isLarge?: true }
type Members = { properties?: Record<string, { type?: string }> }

test('a page of large jobs ends before the memory does, and its cursor leads on to every one', async () => {
  const made: string[] = []
  for (let n = 0; n < 40; n++) {
    const action = { type: 'http', url: 'https://example.com/', body: large }
    made.push((await service.makeJob({ action })).id)
  }
  const { ids, pages, largest } = await follow('/api/jobs?limit=1000', 'jobs', 'id')
  assert.deepEqual(ids, made.toReversed())
  assert.ok(pages >= 4, `${pages} pages`)
  assert.ok(largest < mostBytes, `${largest} bytes`)
  const ordered = await follow('/api/jobs?order=name&limit=1000', 'jobs', 'id')
  assert.deepEqual(ordered.ids, made)
  assert.ok(ordered.pages >= 4 && ordered.largest < mostBytes, `${ordered.pages}, ${ordered.largest}`)
})

test('a page is measured in bytes, not in characters', async () => {
  const made: string[] = []
  for (let n = 0; n < 40; n++)
    made.push((await service.makeJob({ prompt: '日'.repeat(80_000), tags: ['wide'] })).id)
  const { ids, largest } = await follow('/api/jobs?tag=wide', 'jobs', 'id')
  assert.deepEqual(ids, made.toReversed())
  assert.ok(largest < mostBytes, `${largest} bytes`)
})

test('a page of runs with large inputs ends likewise, and small ones still come in one page', async () => {
  const { id } = await service.makeJob()
  await service.database.sql`
    insert into runs (job_id, id, trigger, state, attempt, fence, claimed_at, finished_at, input, attempts)
    select ${id}, gen_random_uuid(), 'manual', 'cancelled', 1, 1, now(), now(),
      case when n <= 40 then to_jsonb(${large}::text) end, '[]'
    from generate_series(1, 340) n`
  for (const [path, name] of [
    [`/api/jobs/${id}/runs`, 'runs'],
    [`/api/runs?job=${id}`, 'runs'],
    [`/api/jobs/${id}/executions`, 'executions'],
  ] as const) {
    const all = await follow(`${path}${path.includes('?') ? '&' : '?'}limit=1000`, name, 'id')
    assert.equal(new Set(all.ids).size, 340, path)
    assert.equal(all.ids.length, 340, path)
    assert.ok(all.pages >= 4, `${path}: ${all.pages} pages`)
    assert.ok(all.largest < mostBytes, `${path}: ${all.largest} bytes`)
  }
  const { body } = await service.api('GET', `/api/jobs/${id}/runs?limit=300`)
  assert.equal(body.runs.length, 300)
})

test('a page of deliveries is bounded by what is shown, and their targets are not read', async () => {
  const { id } = await service.makeJob()
  const [run] = await service.database.sql`
    insert into runs (job_id, id, trigger, state, attempt, fence, claimed_at, finished_at, attempts)
    values (${id}, gen_random_uuid(), 'manual', 'failed', 1, 1, now(), now(), '[]') returning id`
  const add = (count: number, target: object, message: string | null) => service.database.sql`
    insert into deliveries (id, run_id, job_id, target, event, state, finished_at, error_code, error_message)
    select gen_random_uuid(), ${run?.['id']}, ${id}, ${JSON.stringify(target)}::text::jsonb, 'failure',
      'failed', now(), ${message && 'HTTP_STATUS'}, ${message}
    from generate_series(1, ${count})`
  await add(20, { type: 'webhook', url: 'https://example.com/', template: large }, null)
  const listed = await service.api('GET', '/api/deliveries?limit=1000')
  assert.deepEqual([listed.body.deliveries.length, listed.body.next_cursor], [20, null])
  assert.deepEqual(listed.body.deliveries[0].to, { type: 'webhook' })
  await add(40, { channel: 'ops' }, large)
  const { ids, pages, largest } = await follow('/api/deliveries?state=failed&limit=1000', 'deliveries', 'id')
  assert.equal(new Set(ids).size, 60)
  assert.ok(pages >= 4 && largest < mostBytes, `${pages} pages, ${largest} bytes`)
})

test('a page of the audit ends likewise', async () => {
  await service.database.sql`
    insert into audit (actor, action, target, status, request_id, detail)
    select 'somebody', 'createJob', ${large}, 201, 'r', null from generate_series(1, 40)`
  const { ids, pages, largest } = await follow('/api/audit?actor=somebody&limit=1000', 'entries', 'id')
  assert.equal(new Set(ids).size, 40)
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => Number(b) - Number(a)),
  )
  assert.ok(pages >= 4 && largest < mostBytes, `${pages} pages, ${largest} bytes`)
})

test('channels are read a few at a time, sealed as they are, and shown by pages', async () => {
  const { seal } = createSeal(key)
  const names = Array.from({ length: 40 }, (_, n) => `channel-${String(n).padStart(3, '0')}`)
  for (const name of names) {
    const config = { type: 'slack', url: 'https://example.com/hook', template: large }
    await service.database.sql`
      insert into channels (name, type, sealed)
      values (${name}, 'slack', ${seal(JSON.stringify(config), `channel:${name}`)})`
  }
  const { ids, pages } = await follow('/api/channels', 'channels', 'name')
  assert.deepEqual(ids, names)
  assert.ok(pages >= 5, `${pages} pages`)
  assert.deepEqual((await follow('/api/channels?limit=7', 'channels', 'name')).ids, names)
  const { body } = await service.api('GET', '/api/channels?limit=1')
  assert.deepEqual(body.channels[0].summary, { host: 'example.com' })
})

test('keys and secrets have pages too, and no more than a thousand in one', async () => {
  await service.database.sql`
    insert into api_keys (id, name, hash, scopes, created_by, created_at)
    select lpad(to_hex(n), 12, '0'), 'a key', repeat('0', 64), '{jobs:read}', 'API_KEY',
      timestamptz '2026-01-01' + interval '1 microsecond' * (n / 2)
    from generate_series(1, 1100) n`
  await service.database.sql`
    insert into secrets (name, sealed) select 'S' || lpad(n::text, 5, '0'), 'v1.00.' from generate_series(1, 1100) n`
  for (const [path, name, member] of [
    ['/api/keys', 'keys', 'id'],
    ['/api/secrets', 'secrets', 'name'],
  ] as const) {
    const all = await follow(path, name, member)
    assert.deepEqual([all.pages, all.ids.length, new Set(all.ids).size], [2, 1100, 1100], path)
  }
})

test('slots come by pages, and a fold that stands for a million of them is not written out', async () => {
  const { id } = await service.makeJob()
  const rule = { schedule: { kind: 'interval', everyMs: 60_000, display: 'every minute' }, timezone: 'UTC' }
  const anchored = JSON.stringify({ ...rule, anchor: '2020-01-01T00:00:00Z' })
  await service.database.sql`
    insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule)
    select ${id}, start + interval '1 minute', start + interval '1 day', 1440, 'missed', 'NO_PROCESS', ${anchored}::text::jsonb
    from generate_series(timestamptz '2020-01-01Z', '2022-09-01Z', '1 day') start`
  const path = `/api/jobs/${id}/slots?from=2020-01-01T00:00:00Z&to=2022-01-01T00:00:00Z`
  let slots: { slot: string }[] = []
  let next_cursor = ''
  const cost = await processorMs(async () => {
    const { body } = await service.api('GET', path)
    ;({ slots, next_cursor } = body as { slots: typeof slots; next_cursor: string })
  })
  assert.equal(slots.length, 1000)
  assertCost(cost, 700)
  assert.equal(slots.at(-1)?.slot, '2020-01-01T16:40:00.000Z')
  const next = await service.api('GET', `${path}&cursor=${next_cursor}&limit=500`)
  const more = next.body.slots as { slot: string }[]
  assert.deepEqual(
    [more.length, more[0]?.slot, more.at(-1)?.slot],
    [500, '2020-01-01T16:41:00.000Z', '2020-01-02T01:00:00.000Z'],
  )
})
