import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Json, startService } from '../support/service.ts'

const service = await startService()
after(service.close)

const made = [
  { name: 'beta', schedule: '0 12 * * *' },
  { name: 'Alpha', schedule: '0 9 * * *' },
  { name: 'delta', schedule: '0 6 * * *' },
  { name: 'alpha', schedule: '0 9 * * *' },
  { name: 'Übung', schedule: '0 18 * * *' },
]
for (const job of made) await service.makeJob({ timezone: 'UTC', ...job })
const { sql } = service.database
await sql`update job_runtime set next_slot = '2027-01-02T00:00:00Z'::timestamptz + interval '1 microsecond' * (select seq from jobs where id = job_id)`
await sql`update job_runtime set next_slot = '2027-01-01T00:00:00Z' where job_id in (select id from jobs where name ilike 'alpha')`
await sql`update job_runtime set failure_streak = 2 where job_id = (select id from jobs where name = 'delta')`
const beta = (await service.api('GET', '/api/jobs?q=beta')).body.jobs[0]
await service.api('POST', `/api/jobs/${beta.id}/pause`, {})

const namesIn = (body: Json) => (body.jobs as { name: string }[]).map(({ name }) => name)

/** All names in an order, by following its pages. */
async function names(order: string, limit: number): Promise<string[]> {
  const found: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const path = `/api/jobs?state=all&order=${order}&limit=${limit}${cursor && `&cursor=${cursor}`}`
    const { status, body } = await service.api('GET', path)
    assert.equal(status, 200)
    found.push(...namesIn(body))
    cursor = body.next_cursor
  }
  return found
}

const orders = {
  name: ['Alpha', 'alpha', 'beta', 'delta', 'Übung'],
  '-name': ['Übung', 'delta', 'beta', 'alpha', 'Alpha'],
  next: ['Alpha', 'alpha', 'delta', 'Übung', 'beta'],
  // without a next run: last in either direction
  '-next': ['Übung', 'delta', 'alpha', 'Alpha', 'beta'],
  state: ['delta', 'Alpha', 'alpha', 'Übung', 'beta'],
  '-state': ['beta', 'Übung', 'alpha', 'Alpha', 'delta'],
}

for (const [order, expected] of Object.entries(orders))
  test(`jobs by ${order}: on one page, and on pages of one or two`, async () => {
    for (const limit of [100, 2, 1]) assert.deepEqual(await names(order, limit), expected, `limit ${limit}`)
  })

test('a cursor is good for its own order; one that was made up is refused', async () => {
  const { body } = await service.api('GET', '/api/jobs?order=name&limit=1')
  const cursors = [
    ...['-name', 'next', ''].map((order) => [order, body.next_cursor]),
    ['next', Buffer.from('ordered jobs:next.1.MjAyNi05OS05OQ').toString('base64url')],
    ['state', Buffer.from('ordered jobs:state.1.eA').toString('base64url')],
  ]
  for (const [order, cursor] of cursors) {
    const answer = await service.api('GET', `/api/jobs?${order && `order=${order}&`}cursor=${cursor}`)
    assert.deepEqual([answer.status, answer.body.code], [400, 'CURSOR_INVALID'], `${order}`)
  }
})

test('an order keeps to the filters', async () => {
  const { body } = await service.api('GET', '/api/jobs?order=-name&q=alpha&limit=1')
  assert.deepEqual(namesIn(body), ['alpha'])
  const next = await service.api('GET', `/api/jobs?order=-name&q=alpha&limit=1&cursor=${body.next_cursor}`)
  assert.deepEqual([next.body.jobs[0].name, next.body.next_cursor], ['Alpha', null])
})
