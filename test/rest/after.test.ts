import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { codeOf, type Problem } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

const make = (name: string, ahead?: Json) =>
  service.makeJob({ name, ...(ahead && { schedule: undefined, after: { job: ahead.id } }) })
const patch = (job: Json, fields: object) => service.api('PATCH', `/api/jobs/${job.id}`, fields)
const remove = (job: Json) => service.api('DELETE', `/api/jobs/${job.id}`)
const pathsOf = ({ body }: { body: Json }) => (body as Problem).errors?.map(({ path }) => path)

test('a job is shown with what it follows, and arms nothing', async () => {
  const a = await make('A')
  const b = await make('B', a)
  assert.deepEqual(
    [b.schedule, b.schedule_display, b.after, b.next_run_at],
    [
      { kind: 'after', display: `after job ${a.id}` },
      `after job ${a.id}`,
      { job: a.id, on: ['success'] },
      null,
    ],
  )
  assert.ok(!service.nas.armed().some((arm) => arm.job_id === b.id))
})

test('a job may have a schedule and follow another one', async () => {
  const a = await make('A')
  const b = await service.makeJob({ after: { job: a.id, on: ['failure', 'success'] } })
  assert.deepEqual([b.schedule.kind, b.after.on], ['cron', ['failure', 'success']])
  const { body } = await patch(b, { after: null })
  assert.deepEqual([body.job.after, body.job.schedule.kind], [null, 'cron'])
})

test('a job to follow that is not there is refused by its path, when it is made and when it is changed', async () => {
  const fields = {
    name: 'B',
    after: { job: 'ffffffffffff' },
    action: { type: 'http', url: 'http://127.0.0.1:1/' },
  }
  const made = await service.api('POST', '/api/jobs', fields)
  const changed = await patch(await make('A'), { after: { job: 'ffffffffffff' } })
  for (const answer of [made, changed]) {
    assert.equal(codeOf(answer), '400 FIELD_INVALID')
    assert.deepEqual(pathsOf(answer), ['after.job'])
  }
})

test('a job needs a schedule or one to follow', async () => {
  const neither = await service.api('POST', '/api/jobs', { name: 'x', prompt: 'x' })
  assert.deepEqual([codeOf(neither), pathsOf(neither)], ['400 FIELD_INVALID', ['schedule']])
  const b = await make('B', await make('A'))
  const alone = await patch(b, { after: null })
  assert.deepEqual([codeOf(alone), pathsOf(alone)], ['400 FIELD_INVALID', ['schedule']])
  const { status, body } = await patch(b, { after: null, schedule: '0 9 * * *' })
  assert.deepEqual(
    [status, body.job.schedule.kind, body.job.next_run_at],
    [200, 'cron', '2026-06-18T09:00:00.000Z'],
  )
})

test('a job with a schedule may give it up for one to follow, and its wake-up is cancelled', async () => {
  const a = await make('A')
  const b = await make('B')
  assert.ok(service.nas.armed().some((arm) => arm.job_id === b.id))
  const { status, body } = await patch(b, { after: { job: a.id }, schedule: null })
  assert.deepEqual([status, body.job.schedule.kind, body.job.next_run_at], [200, 'after', null])
  await service.nas.waitFor(() => !service.nas.armed().some((arm) => arm.job_id === b.id))
})

test('a job that follows another one from now on is shown so, and started by that one alone', async () => {
  const [a, c] = [await make('A'), await make('C')]
  const b = await make('B', a)
  const { body } = await patch(b, { after: { job: c.id, on: 'failure' } })
  assert.deepEqual(
    [body.job.schedule_display, body.job.after, body.job.version],
    [`after job ${c.id}`, { job: c.id, on: ['failure'] }, 2],
  )
  assert.equal((await remove(a)).status, 200)
  assert.equal((await remove(c)).status, 409)
})

test('no job starts itself: not at once, not over another one, not over three', async () => {
  const a = await make('A')
  const b = await make('B', a)
  const c = await make('C', b)
  for (const ahead of [a, b, c]) {
    const answer = await patch(a, { after: { job: ahead.id } })
    assert.deepEqual([codeOf(answer), pathsOf(answer)], ['400 AFTER_CYCLE', ['after.job']])
  }
  assert.equal((await patch(c, { after: { job: a.id } })).status, 200)
})

test('of two changes at once that would close a circle, one is refused, and nobody waits for a deadlock', async () => {
  for (let round = 0; round < 8; round++) {
    const [a, b, c] = [await make('A'), await make('B'), await make('C')]
    const answers = await Promise.all([
      patch(a, { after: { job: b.id } }),
      patch(b, { after: { job: c.id } }),
      patch(c, { after: { job: a.id } }),
    ])
    const refused = answers.filter(({ status }) => status !== 200)
    assert.deepEqual(refused.map(codeOf), ['400 AFTER_CYCLE'])
  }
  const [row] = await service.database.sql`
    select deadlocks::int as n from pg_stat_database where datname = current_database()`
  assert.equal(row?.['n'], 0, 'deadlocks')
})

test('a job that others follow is not deleted, and the answer names them', async () => {
  const a = await make('A')
  const b = await make('the follower', a)
  const answer = await remove(a)
  assert.equal(codeOf(answer), '409 JOB_STATE_CONFLICT')
  assert.deepEqual(answer.body.jobs, [b.id])
  assert.ok(String(answer.body.detail).includes(`${b.id} (the follower)`))
  assert.equal((await service.api('GET', `/api/jobs/${a.id}`)).status, 200)
  assert.equal((await remove(b)).status, 200)
  assert.equal((await remove(a)).status, 200)
})

test('a job is deleted, or followed: never both, whatever comes together', async () => {
  for (let round = 0; round < 8; round++) {
    const a = await make('A')
    const b = await make('B')
    const fields = { name: 'C', after: { job: a.id }, action: { type: 'http', url: 'http://127.0.0.1:1/' } }
    const [removed, made, changed] = await Promise.all([
      remove(a),
      service.api('POST', '/api/jobs', fields),
      patch(b, { after: { job: a.id } }),
    ])
    const followed = [made, changed].filter(({ status }) => status < 300).length
    if (removed.status === 200) assert.equal(followed, 0)
    else {
      assert.equal(codeOf(removed), '409 JOB_STATE_CONFLICT')
      assert.ok(followed > 0)
    }
    for (const one of [made, changed]) if (one.status >= 300) assert.equal(codeOf(one), '400 FIELD_INVALID')
  }
})
