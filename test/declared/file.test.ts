import assert from 'node:assert/strict'
import { after, before as prepare, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { codeOf } from '../rest/setup.ts'

let service: Service
prepare(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

const action = (path = '/hook') => ({ type: 'http', url: `${service.target.url}${path}` })
const post = (path: string, body: unknown) => service.api('POST', path, body)
const linesOf = ({ body }: { body: Json }) =>
  (body.changes as Json[]).map(
    ({ key, what, changed }: Json) =>
      `${what} ${key} ${(changed as Json[]).map((one) => one.field).join(' ')}`,
  )
const counts = ({ made, changed, removed, kept }: Json) => ({ made, changed, removed, kept })
const jobsNow = async () =>
  ((await service.api('GET', '/api/jobs?state=all')).body.jobs as Json[]).map(
    (job) => job.key as string | null,
  )

test('a key makes a job and then changes it, and says which and what', async () => {
  const put = (fields: object) =>
    service.api('PUT', '/api/jobs/by-key/report', { schedule: 'every 30m', action: action(), ...fields })
  const made = await put({})
  assert.equal(made.status, 201)
  assert.deepEqual([made.body.made, made.body.job.key, made.body.job.name], [true, 'report', 'report'])
  assert.equal(made.body.job.armed, true)
  const again = await put({})
  assert.deepEqual([again.status, again.body.made, again.body.changed], [200, false, []])
  assert.equal(again.body.job.version, 1)
  const changed = await put({ schedule: 'every 1h', overlap: 'queue' })
  assert.deepEqual(
    (changed.body.changed as Json[]).map(({ field, before, after: now }) => [field, before, now]),
    [
      ['schedule', 'every 30m', 'every 1h'],
      ['overlap', null, 'queue'],
    ],
  )
  assert.equal(changed.body.job.id, made.body.job.id)
  // what is left out has its default again
  const back = await put({ schedule: 'every 1h' })
  assert.deepEqual(back.body.job.overlap, 'skip')
  const read = await service.api('GET', '/api/jobs/by-key/report')
  assert.equal(read.body.job.id, made.body.job.id)
  assert.equal(codeOf(await service.api('GET', '/api/jobs/by-key/other')), '404 JOB_NOT_FOUND')
})

test('of two jobs with one key the second is refused, also as a change and as a draft', async () => {
  const fields = { name: 'x', schedule: 'every 1d', action: action(), key: 'only' }
  assert.equal((await post('/api/jobs', fields)).status, 201)
  assert.equal(codeOf(await post('/api/jobs', fields)), '409 KEY_TAKEN')
  assert.equal(codeOf(await post('/api/jobs?validate_only=true', fields)), '409 KEY_TAKEN')
  const other = await service.makeJob()
  assert.equal(codeOf(await service.api('PATCH', `/api/jobs/${other.id}`, { key: 'only' })), '409 KEY_TAKEN')
  assert.equal(
    codeOf(await service.api('PATCH', `/api/jobs/${other.id}`, { key: 'a b' })),
    '400 FIELD_INVALID',
  )
})

test('validate_only makes nothing and shows what would be', async () => {
  const before = await jobsNow()
  const fields = { name: 'draft', schedule: '0 9 * * 1-5', timezone: 'Europe/Berlin', action: action() }
  const { status, body } = await post('/api/jobs?validate_only=true', fields)
  assert.equal(status, 200)
  assert.deepEqual([body.valid, body.job.schedule, body.timezone], [true, '0 9 * * 1-5', 'Europe/Berlin'])
  assert.equal(body.upcoming[0].local, '2026-06-19T09:00:00+02:00')
  assert.deepEqual(await jobsNow(), before)
  const wrong = await post('/api/jobs?validate_only=true', { ...fields, schedule: 'at noonish' })
  assert.equal(codeOf(wrong), '400 SCHEDULE_INVALID')
})

const file = (jobs: object) => ({
  owner: 'shop',
  defaults: { timezone: 'Europe/Berlin', retry: { attempts: 3 } },
  jobs,
})
const three = () => ({
  backup: { schedule: 'every day at 3am', action: action('/backup') },
  report: { name: 'Report', schedule: '0 9 * * 1', action: action('/report'), after: { job: 'backup' } },
  cleanup: { after: { job: 'backup', on: 'failure' }, action: action('/cleanup') },
})

test('a file is planned, applied as planned, and then is so already', async () => {
  await service.api(
    'DELETE',
    `/api/jobs/${(await service.api('GET', '/api/jobs/by-key/report')).body.job.id}`,
  )
  const plan = await post('/api/plan', file(three()))
  assert.deepEqual(
    linesOf(plan).map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['make backup', 'make report', 'make cleanup'],
  )
  const [first] = plan.body.changes
  assert.deepEqual(
    (first.next.after as Json[]).map(({ local }) => local),
    ['2026-06-19T03:00:00+02:00', '2026-06-20T03:00:00+02:00', '2026-06-21T03:00:00+02:00'],
  )
  const applied = await post(`/api/apply?plan=${plan.body.plan}`, file(three()))
  assert.deepEqual(counts(applied.body), { made: 3, changed: 0, removed: 0, kept: 0 })
  const { job } = (await service.api('GET', '/api/jobs/by-key/cleanup')).body
  const { job: backup } = (await service.api('GET', '/api/jobs/by-key/backup')).body
  assert.deepEqual(job.after, { job: backup.id, on: ['failure'] })
  assert.deepEqual([backup.armed, backup.tags, backup.retry.attempts], [true, ['owner:shop'], 3])
  const again = await post('/api/apply', file(three()))
  assert.deepEqual(counts(again.body), { made: 0, changed: 0, removed: 0, kept: 3 })
  assert.deepEqual((await service.api('GET', '/api/jobs/by-key/backup')).body.job.version, 1)
})

test('a plan shows field by field what changes, with the instants before and after, and a stale one is refused', async () => {
  const next = three()
  next.backup.schedule = 'every day at 4am'
  const plan = await post('/api/plan', file(next))
  assert.deepEqual(linesOf(plan), ['change backup schedule'])
  const [change] = plan.body.changes
  assert.deepEqual(change.changed[0], {
    field: 'schedule',
    before: 'every day at 3am',
    after: 'every day at 4am',
  })
  assert.deepEqual(
    [change.next.before[0].local, change.next.after[0].local],
    ['2026-06-19T03:00:00+02:00', '2026-06-19T04:00:00+02:00'],
  )
  // a job that the plan leaves as it is counts as well
  const { job } = (await service.api('GET', '/api/jobs/by-key/cleanup')).body
  await service.api('PATCH', `/api/jobs/${job.id}`, { tags: ['owner:shop', 'new'] })
  assert.equal(codeOf(await post(`/api/apply?plan=${plan.body.plan}`, file(next))), '409 PLAN_STALE')
  const { job: same } = (await service.api('GET', '/api/jobs/by-key/backup')).body
  assert.equal(same.schedule_display, 'every day at 3am')
  const applied = await post('/api/apply', file(next))
  assert.deepEqual(linesOf(applied).toSorted(), ['change backup schedule', 'change cleanup tags'])
})

test('one job that cannot be made keeps the whole file from being applied', async () => {
  const before = await jobsNow()
  const wrong = file({ ...three(), fourth: { schedule: 'every day at noonish', action: action() } })
  const refused = await post('/api/apply', wrong)
  assert.equal(codeOf(refused), '400 SCHEDULE_INVALID')
  assert.match(refused.body.detail, /^jobs\.fourth/)
  // refused in the midst of the transaction: the circle is found by Postgres
  const circle = file({
    ...three(),
    backup: { action: action('/backup'), after: { job: 'fifth' } },
    fifth: { action: action(), after: { job: 'cleanup' } },
  })
  assert.equal(codeOf(await post('/api/apply', circle)), '400 AFTER_CYCLE')
  assert.deepEqual(await jobsNow(), before)
  assert.equal((await service.api('GET', '/api/jobs/by-key/backup')).body.job.after, null)
  const unknown = await post('/api/plan', file({ x: { action: action(), after: { job: 'nothing' } } }))
  assert.deepEqual([codeOf(unknown), unknown.body.errors[0].path], ['400 FIELD_INVALID', 'jobs.x.after.job'])
})

test('what is wrong with several jobs is told in one answer, and of very many some', async () => {
  const pathsOf = ({ body }: { body: { errors?: { path: string }[] } }) =>
    (body.errors ?? []).map(({ path }) => path)
  const schedules = { a: 'every day at noonish', b: 'every day at 9am', c: '0 25 * * *' }
  const jobs = Object.entries(schedules).map(([key, schedule]) => [key, { schedule, action: action() }])
  const wrong = await post('/api/plan', file(Object.fromEntries(jobs)))
  assert.equal(codeOf(wrong), '400 SCHEDULE_INVALID')
  assert.deepEqual(pathsOf(wrong), ['jobs.a', 'jobs.c'])
  assert.match(wrong.body.detail, /jobs\.a: .*noonish.*; jobs\.c: .*25/)
  const typo = { ...action(), url: 'https://a.example/{{job.nmae}}' }
  const typos = Object.fromEntries(
    Array.from({ length: 40 }, (_, n) => [`x${n}`, { action: typo }]),
  ) as object
  const many = await post('/api/plan', file(typos))
  assert.equal(codeOf(many), '400 FIELD_INVALID')
  assert.equal(pathsOf(many).length, 20)
})

test('a pause is declared, carried out and taken back; without it a job stays as it is', async () => {
  const paused = (wish: object) => file({ ...three(), backup: { ...three().backup, ...wish } })
  const stateNow = async () => (await service.api('GET', '/api/jobs/by-key/backup')).body.job.state
  assert.deepEqual(linesOf(await post('/api/apply', paused({ paused: true }))), [
    'change backup schedule paused',
  ])
  assert.equal(await stateNow(), 'paused')
  assert.deepEqual(linesOf(await post('/api/apply', paused({}))), [])
  assert.equal(await stateNow(), 'paused')
  assert.deepEqual(linesOf(await post('/api/apply', paused({ paused: false }))), ['change backup paused'])
  assert.equal(await stateNow(), 'scheduled')
})

test('prune removes what the file of an owner has no more, and leaves the jobs of others', async () => {
  const others = { owner: 'other', jobs: { theirs: { schedule: 'every 1d', action: action() } } }
  await post('/api/apply', others)
  const { cleanup: _, report: __, ...rest } = three()
  assert.deepEqual(counts((await post('/api/plan', file(rest))).body).removed, 0)
  const plan = await post('/api/plan?prune=true', file(rest))
  assert.deepEqual(
    (plan.body.changes as Json[]).map(({ key, what }) => `${what} ${key}`),
    ['remove cleanup', 'remove report'],
  )
  // the job that both follow cannot be removed alone
  assert.equal(
    codeOf(await post('/api/apply?prune=true', file({ cleanup: three().cleanup }))),
    '409 JOB_STATE_CONFLICT',
  )
  await post(`/api/apply?prune=true&plan=${plan.body.plan}`, file(rest))
  assert.deepEqual(
    (await jobsNow()).filter((key) => ['backup', 'report', 'cleanup', 'theirs'].includes(key ?? '')),
    ['theirs', 'backup'],
  )
  assert.equal(codeOf(await post('/api/apply?prune=true', { jobs: {} })), '400 FIELD_INVALID')
  const stolen = await post('/api/plan', {
    owner: 'shop',
    jobs: { theirs: { schedule: 'every 1d', action: action() } },
  })
  assert.equal(codeOf(stolen), '409 OWNER_CONFLICT')
})

test('an export is a file that changes nothing', async () => {
  const { body } = await service.api('GET', '/api/export')
  assert.ok(body.without_key >= 1)
  assert.deepEqual(Object.keys(body.file.jobs).toSorted(), ['backup', 'only', 'theirs'])
  const plan = await post('/api/plan', body.file)
  assert.deepEqual(counts(plan.body), { made: 0, changed: 0, removed: 0, kept: 3 })
  const ours = await service.api('GET', '/api/export?owner=shop')
  assert.deepEqual(counts((await post('/api/plan?prune=true', ours.body.file)).body).kept, 1)
})

test('editors get the schema of the file, and it takes what the service takes', async () => {
  const { status, headers, body } = await service.api('GET', '/chronos.schema.json')
  assert.deepEqual([status, headers.get('content-type')], [200, 'application/schema+json'])
  const schema = typeof body === 'string' ? JSON.parse(body) : body
  const { Compile } = await import('typebox/schema')
  const validator = Compile(schema)
  assert.equal(validator.Check(file(three())), true)
  assert.equal(validator.Check({ ...file(three()), job: {} }), false)
  assert.equal(validator.Check(file({ x: { schedul: 'every 1d' } })), false)
})
