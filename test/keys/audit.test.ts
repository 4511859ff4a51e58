import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { codeOf, send } from '../rest/setup.ts'
import { type Service, startService } from '../support/service.ts'
import { entries, makeKey } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

test('a change is in the audit log with who asked, for what, of which fields, and the answer', async () => {
  const { id: actor, as } = await makeKey(service, { scopes: ['jobs:write'] })
  const job = await service.makeJob()
  await service.api('PATCH', `/api/jobs/${job.id}`, { name: 'another', tags: ['x'] }, as)
  const [entry] = await entries(service)
  const { id, request_id: requestId, ...rest } = entry
  assert.equal(typeof id, 'number')
  assert.match(requestId, /./)
  assert.deepEqual(rest, {
    at: '2026-06-18T08:00:00.000Z',
    ...{
      actor,
      actor_name: 'a key',
      action: 'changeJob',
      target: job.id,
      target_name: job.name,
      project: 'default',
      status: 200,
      fields: ['name', 'tags'],
    },
    changed: [
      { of: null, field: 'name', before: job.name, after: 'another' },
      { of: null, field: 'tags', before: null, after: ['x'] },
    ],
    changed_left_out: 0,
  })
})

test('a creation is told with the id of what was made', async () => {
  const job = await service.makeJob()
  const [entry] = await entries(service)
  assert.deepEqual([entry.action, entry.target, entry.status], ['createJob', job.id, 201])
})

test('things are named as they were called then, also those that are gone or were made by it', async () => {
  const named = async (action: string) => {
    const [entry] = await entries(service, `?action=${action}`)
    return [entry.actor_name, entry.target_name, entry.status]
  }
  const { id: keyId, as } = await makeKey(service, {
    name: 'the deploy',
    scopes: ['jobs:write', 'runs:start'],
  })
  assert.deepEqual(await named('createKey'), [null, 'the deploy', 201])
  const body = { name: 'Rates', schedule: '0 9 * * *', action: { type: 'http', url: service.target.url } }
  const made = await service.api('POST', '/api/jobs', body, as)
  const { id } = made.body.job
  assert.deepEqual(await named('createJob'), ['the deploy', 'Rates', 201])
  await service.api('PATCH', `/api/jobs/${id}`, { name: 'Exchange rates' }, as)
  assert.deepEqual(await named('changeJob'), ['the deploy', 'Rates', 200])
  const { run } = (await service.api('POST', `/api/jobs/${id}/run`, {}, as)).body
  await service.api('POST', `/api/runs/${run.id}/cancel`, {}, as)
  assert.deepEqual((await named('cancelRun')).slice(0, 2), ['the deploy', 'Exchange rates'])
  await service.api('DELETE', `/api/jobs/${id}`, undefined, as)
  assert.deepEqual(await named('removeJob'), ['the deploy', 'Exchange rates', 200])
  await service.api('DELETE', `/api/jobs/${id}`, undefined, as)
  assert.deepEqual(await named('removeJob'), ['the deploy', null, 404])
  await service.api('DELETE', `/api/keys/${keyId}`)
  assert.deepEqual(await named('revokeKey'), [null, 'the deploy', 200])
})

test('the audit log of a project has no names of another one', async () => {
  await service.api('PUT', '/api/projects/other', {})
  const admin = await makeKey(service, { scopes: ['admin'], project: 'other' })
  const job = await service.makeJob({ name: 'of default' })
  const { id: keyId } = await makeKey(service, { name: 'a key of default' })
  for (const path of [`/api/jobs/${job.id}`, `/api/keys/${keyId}`]) {
    await service.api('DELETE', path, undefined, admin.as)
    const [entry] = (await service.api('GET', '/api/audit', undefined, admin.as)).body.entries
    assert.deepEqual([entry.target, entry.target_name], [path.split('/').at(-1), null], path)
  }
})

test('what is refused is in the audit log too, whatever it is refused for, and names that nobody knows are not', async () => {
  const { id, as } = await makeKey(service)
  const cases: [expected: string, call: () => Promise<{ status: number }>][] = [
    ['changeJob ffffffffffff 404', () => service.api('PATCH', '/api/jobs/ffffffffffff', { name: 'x' })],
    ['createJob null 400', () => service.api('POST', '/api/jobs', { name: 'x', 'my-password-hunter2': 1 })],
    ['createKey null 403', () => service.api('POST', '/api/keys', { name: 'x' }, as)],
    ['pauseJob a\ufffdb 400', () => service.api('POST', '/api/jobs/a%00b/pause', {})],
  ]
  for (const [expected, call] of cases) {
    await call()
    const [{ action, target, status }] = await entries(service)
    assert.equal(`${action} ${target} ${status}`, expected)
  }
  assert.equal((await entries(service, `?actor=${id}`)).length, 1)
  const text = { 'content-type': 'text/plain', authorization: as.authorization }
  const writer = await makeKey(service, { scopes: ['jobs:write'] })
  const call = { path: '/api/jobs', headers: { ...text, ...writer.as }, body: 'x' }
  assert.equal((await send(service, call)).status, 415)
  const [unread] = await entries(service)
  assert.deepEqual([unread.actor, unread.status, unread.fields], [writer.id, 415, null])
  assert.ok(!JSON.stringify(await service.database.sql`select * from audit`).includes('hunter2'))
})

test('strangers and those who only look leave nothing in the audit log', async () => {
  const known = await entries(service)
  await service.api('POST', '/api/jobs', {}, { authorization: 'Bearer wrong' })
  await service.api('GET', '/api/jobs')
  await service.api('POST', '/api/schedules/preview', { schedule: '30m' })
  assert.deepEqual(await entries(service), known)
})

test('the intent is there before the change is made, without a status', async () => {
  const job = await service.makeJob()
  const { sql } = service.database
  let changing: Promise<{ status: number }> | undefined
  await sql.begin(async (tx) => {
    await tx`select from jobs where id = ${job.id} for update`
    changing = service.api('PATCH', `/api/jobs/${job.id}`, { name: 'later' })
    const find = () => sql`select status from audit where target = ${job.id} and action = 'changeJob'`
    let rows = await find()
    while (rows.length === 0) rows = await find()
    assert.deepEqual(rows[0], { status: null })
  })
  assert.equal((await changing)?.status, 200)
  assert.equal((await entries(service))[0].status, 200)
})

test('where the intent cannot be written nothing is done: 503', async () => {
  const job = await service.makeJob()
  const { sql } = service.database
  await sql`alter table audit rename to audit_away`
  try {
    const answer = await service.api('DELETE', `/api/jobs/${job.id}`)
    assert.equal(codeOf(answer), '503 DATABASE_UNAVAILABLE')
    assert.ok(answer.headers.get('retry-after'))
    assert.equal((await service.api('GET', `/api/jobs/${job.id}`)).status, 200)
  } finally {
    await sql`alter table audit_away rename to audit`
  }
})

test('GET /api/audit pages back through all of it, and narrows by actor and action', async () => {
  const { id, as } = await makeKey(service, { scopes: ['jobs:write'] })
  for (let n = 0; n < 5; n++) await service.api('PATCH', '/api/jobs/ffffffffffff', {}, as)
  await service.api('DELETE', '/api/jobs/ffffffffffff', undefined, as)
  const seen: number[] = []
  let cursor = ''
  do {
    const { body } = await service.api('GET', `/api/audit?actor=${id}&limit=2${cursor}`)
    const page = body.entries as { id: number }[]
    seen.push(...page.map((entry) => entry.id))
    cursor = body.next_cursor ? `&cursor=${body.next_cursor}` : ''
  } while (cursor)
  assert.equal(seen.length, 6)
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => b - a),
  )
  const removals = await entries(service, `?actor=${id}&action=removeJob`)
  assert.deepEqual(
    removals.map(({ status }) => status),
    [404],
  )
  const foreign = Buffer.from('jobs:3').toString('base64url')
  assert.equal(codeOf(await service.api('GET', `/api/audit?cursor=${foreign}`)), '400 CURSOR_INVALID')
})
