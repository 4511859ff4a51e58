import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import { codeOf, type Problem } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ begin: false })
})
after(() => service.close())

const tooLate = [
  '+010000-01-01T00:00:00Z',
  '+275760-09-13T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  '0000-12-31T23:59:59Z',
]
const good = { name: 'a', schedule: '30m', action: { type: 'http', url: 'https://example.com/' } }

/** 400 that names the field. */
function refusedFor(field: string, answer: { status: number; body: Problem }): void {
  assert.equal(codeOf(answer), '400 FIELD_INVALID', `${field}: ${JSON.stringify(answer.body)}`)
  assert.deepEqual(
    answer.body.errors?.map(({ path }) => path),
    [field],
  )
}

for (const instant of tooLate) {
  test(`the year of ${instant} is refused by the name of its field, wherever an instant is taken`, async () => {
    const { id } = await service.makeJob()
    const query = encodeURIComponent(instant)
    const asked: [string, string, string, unknown?][] = [
      ['from', 'GET', `/api/jobs/${id}/next?from=${query}`],
      ['from', 'GET', `/api/jobs/${id}/slots?from=${query}`],
      ['to', 'GET', `/api/jobs/${id}/slots?to=${query}`],
      ['until', 'POST', `/api/jobs/${id}/pause`, { until: instant }],
      ['from', 'POST', '/api/schedules/preview', { schedule: '30m', from: instant }],
      ['starts_at', 'POST', '/api/jobs', { ...good, starts_at: instant }],
      ['ends_at', 'PATCH', `/api/jobs/${id}`, { ends_at: instant }],
      ['expires_at', 'POST', '/api/keys', { name: 'a', scopes: ['admin'], expires_at: instant }],
    ]
    for (const [field, method, path, body] of asked) refusedFor(field, await service.api(method, path, body))
  })
}

test('the last instants that can be written are taken, and no slot comes after the year 9998', async () => {
  const last = '9999-12-31T23:59:59.999Z'
  const { id } = await service.makeJob()
  assert.equal((await service.api('POST', `/api/jobs/${id}/pause`, { until: last })).status, 200)
  assert.equal(
    (await service.api('POST', '/api/keys', { name: 'a', scopes: ['admin'], expires_at: last })).status,
    201,
  )
  assert.equal((await service.api('GET', `/api/jobs/${id}/slots?to=${last}`)).status, 200)
  for (const schedule of ['every 30m', '0 9 * * *', '9999-12-31T23:59:59Z']) {
    const fields = {
      ...good,
      schedule,
      jitter_ms: 86_400_000,
      ...(schedule.startsWith('9') ? {} : { starts_at: last }),
    }
    const { status, body } = await service.api('POST', '/api/jobs', fields)
    assert.equal(status, 400, JSON.stringify(body))
    const preview = { schedule, from: '9999-12-31T00:00:00Z', count: 1000 }
    assert.ok((await service.api('POST', '/api/schedules/preview', preview)).status < 500)
  }
  assert.equal((await service.api('POST', '/api/jobs', { ...good, ends_at: last })).status, 201)
})

test('what is counted from the first instant that is taken, or from a cursor far ahead, stays among those that are', async () => {
  const { id } = await service.makeJob()
  const path = `/api/jobs/${id}/slots`
  const first = await service.api('GET', `${path}?to=0001-01-01T00:00:00Z`)
  assert.equal(first.status, 200, JSON.stringify(first.body))
  assert.deepEqual(first.body.slots, [])
  const cursor = Buffer.from(`slots:${'9'.repeat(15)}`).toString('base64url')
  const { status, body } = await service.api('GET', `${path}?cursor=${cursor}`)
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual(body.slots, [])
})

test('an attempt that no run can have, and a Last-Event-ID of any size, are no fault of ours', async () => {
  const { id } = await service.makeJob()
  const { body } = await service.api('POST', `/api/jobs/${id}/run`)
  const logs = `/api/runs/${body.run.id}/logs`
  refusedFor('attempt', await service.api('GET', `${logs}?attempt=2147483648`))
  refusedFor('attempt', await service.api('GET', `${logs}?attempt=2147483647`))
  for (const last of [
    '999999999.1',
    '1.999999999999999',
    `1.${'9'.repeat(4000)}`,
    '0.0',
    '-1.-1',
    'x',
    '1e9.1e9',
  ]) {
    const controller = new AbortController()
    const headers = { authorization: 'Bearer test-key-0123456789abcdef', 'last-event-id': last }
    const answer = await fetch(`${service.url}${logs}?follow=1`, { headers, signal: controller.signal })
    assert.ok(answer.status < 500, `${last}: ${answer.status}`)
    controller.abort()
  }
})

test('limits, cursors and texts that no list has are refused, never broken on', async () => {
  const { id } = await service.makeJob()
  const lists = ['/api/jobs', '/api/runs', `/api/jobs/${id}/runs`, '/api/audit']
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const cursors = [
    '',
    'x',
    '%00',
    '%ed%a0%80',
    '%e9',
    encode('jobs:-1'),
    encode('runs:1e9'),
    encode('jobs:9'.repeat(9)),
  ]
  for (const list of lists) {
    for (const limit of ['0', '-1', '1001', '2147483648', '9'.repeat(400), '1e3', '0x10', 'NaN', '%00'])
      refusedFor('limit', await service.api('GET', `${list}?limit=${limit}`))
    for (const cursor of cursors)
      assert.equal((await service.api('GET', `${list}?cursor=${cursor}`)).status, 400, `${list} ${cursor}`)
  }
  for (const text of ['%00', '%e9', '%ed%a0%80', '%f0%9f', 'a%00b', '😀'])
    for (const name of ['/api/jobs?tag', '/api/jobs?q', '/api/audit?actor', '/api/audit?action'])
      assert.ok((await service.api('GET', `${name}=${text}`)).status < 500, `${name}=${text}`)
})

test('a NUL or half a surrogate pair is refused in every text of a body', async () => {
  const { id } = await service.makeJob()
  for (const text of ['a\0b', '\ud800', 'a\udc00']) {
    const bodies: [string, string, unknown][] = [
      ['POST', '/api/jobs', { ...good, name: text }],
      ['POST', '/api/jobs', { ...good, [text]: 1 }],
      ['POST', '/api/jobs', { ...good, action: { ...good.action, body: { [text]: [text] } } }],
      ['PATCH', `/api/jobs/${id}`, { prompt: text }],
      ['POST', `/api/jobs/${id}/pause`, { reason: text }],
      ['POST', `/api/jobs/${id}/run`, { input: { a: [text] } }],
      ['POST', '/api/schedules/preview', { schedule: text }],
      ['PUT', '/api/secrets/NAME', { value: `12345678${text}` }],
      ['PUT', '/api/channels/chat', { type: 'slack', url: `https://example.com/${text}` }],
      ['POST', '/api/keys', { name: text, scopes: ['admin'] }],
    ]
    for (const [method, path, body] of bodies)
      assert.equal((await service.api(method, path, body)).status, 400, `${method} ${path}`)
  }
})

test('overviews begin and end with the calendar', async () => {
  const { id } = await service.makeJob()
  const [first, last] = ['0001-01-01T00:00:00.000Z', '9999-12-31T23:59:59.000Z']
  const days = `/api/jobs/${id}/days`
  const asked: [string, string][] = [
    [`/api/timeline?from=${last}`, '200'],
    [`/api/timeline?from=${first}`, '200'],
    [`/api/timeline?to=${first}`, '400 FIELD_INVALID'],
    [`/api/failures?since=${first}`, '200'],
    [`/api/failures?since=${last}`, '200'],
    [`/api/jobs/${id}/slots?from=${last}`, '200'],
  ]
  for (const path of [days, '/api/costs']) {
    asked.push([`${path}?to=0001-01-01`, '200'], [`${path}?from=9999-12-31&to=9999-12-31`, '200'])
    asked.push([`${path}?to=0000-12-31`, '400 FIELD_INVALID'])
  }
  for (const [path, expected] of asked) {
    const answer = await service.api('GET', path)
    assert.equal(answer.status < 400 ? '200' : codeOf(answer), expected, path)
  }
})
