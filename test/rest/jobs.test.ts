import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import { codeOf } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

const unknownId = 'ffffffffffff'
const action = () => ({ type: 'http', url: `${service.target.url}/hook` })

test('POST /api/jobs makes a job in the shape that clients read, and says where it is', async () => {
  const fields = {
    name: 'report',
    schedule: 'every 30m',
    timezone: 'Europe/Berlin',
    action: action(),
    tags: ['a'],
  }
  const { status, headers, body } = await service.api('POST', '/api/jobs', fields)
  assert.equal(status, 201)
  const { job } = body
  assert.match(job.id, /^[0-9a-f]{12}$/)
  assert.equal(headers.get('location'), `/api/jobs/${job.id}`)
  assert.equal(headers.get('etag'), '"1"')
  assert.deepEqual(job, {
    id: job.id,
    name: 'report',
    project: 'default',
    key: null,
    schedule: { kind: 'interval', every_ms: 1_800_000, minutes: 30, display: 'every 30m' },
    schedule_display: 'every 30m',
    after: null,
    timezone: 'Europe/Berlin',
    prompt: null,
    skills: [],
    skill: null,
    model: null,
    provider: null,
    origin: null,
    deliver: null,
    tells_nobody: true,
    action: { ...action(), method: 'POST', success: ['2xx'] },
    enabled: true,
    state: 'scheduled',
    next_run_at: '2026-06-18T08:30:00.000Z',
    last_run_at: null,
    last_status: null,
    last_error: null,
    latest_execution: null,
    last_delivery_error: null,
    repeat: { times: null, completed: 0 },
    armed: true,
    trigger: 'chronos',
    paused_at: null,
    paused_reason: null,
    resume_at: null,
    failure_streak: 0,
    retry: {
      attempts: 1,
      backoff: 'exponential',
      delay_ms: 10_000,
      max_delay_ms: 3_600_000,
      on: ['failed', 'timed_out', 'interrupted'],
    },
    overlap: 'skip',
    max_live: 10,
    catch_up: 'latest',
    catch_up_max: 100,
    deadline_ms: null,
    timeout_ms: null,
    lease_ms: null,
    jitter_ms: 0,
    starts_at: null,
    ends_at: null,
    pause_after: null,
    retention: { runs: 1000, days: 90, history_runs: 10_000, history_days: 90 },
    tags: ['a'],
    created_at: '2026-06-18T08:00:00.000Z',
    updated_at: '2026-06-18T08:00:00.000Z',
    version: 1,
  })
})

test('POST /api/jobs takes the short form: a prompt, whom to tell, how often', async () => {
  const fields = {
    name: 'digest',
    schedule: '0 9 * * *',
    prompt: 'What is new?',
    deliver: 'origin',
    repeat: 3,
  }
  const { status, body } = await service.api('POST', '/api/jobs', fields)
  assert.equal(status, 201)
  assert.deepEqual(
    [body.job.action, body.job.prompt, body.job.deliver, body.job.repeat],
    [{ type: 'prompt' }, 'What is new?', 'origin', { times: 3, completed: 0 }],
  )
  const again = await service.api('POST', '/api/jobs', { ...fields, repeat: { times: null }, deliver: null })
  assert.deepEqual([again.body.job.repeat.times, again.body.job.deliver], [null, null])
})

test('POST /api/jobs with the same Idempotency-Key and content gives the same job, however often', async () => {
  const fields = { name: 'once', schedule: '0 9 * * *', action: action() }
  const reordered = { action: action(), schedule: '0 9 * * *', name: 'once' }
  const key = { 'idempotency-key': 'order-1' }
  const answers = await Promise.all(
    [fields, reordered, fields].map((body) => service.api('POST', '/api/jobs', body, key)),
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 201, 201],
  )
  assert.equal(new Set(answers.map(({ body }) => body.job.id)).size, 1)
  const replays = answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true')
  assert.equal(replays.length, 2)
})

test('POST /api/jobs with a used Idempotency-Key and another body is answered 422', async () => {
  const key = { 'idempotency-key': 'order-2' }
  const fields = { name: 'one', schedule: '0 9 * * *', action: action() }
  assert.equal((await service.api('POST', '/api/jobs', fields, key)).status, 201)
  const other = await service.api('POST', '/api/jobs', { ...fields, name: 'other' }, key)
  assert.equal(codeOf(other), '422 IDEMPOTENCY_KEY_REUSED')
})

test('GET /api/jobs/{id} answers the job, or 404', async () => {
  const job = await service.makeJob()
  const { status, body, headers } = await service.api('GET', `/api/jobs/${job.id}`)
  assert.equal(status, 200)
  assert.deepEqual(body, { job })
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.equal(codeOf(await service.api('GET', `/api/jobs/${unknownId}`)), '404 JOB_NOT_FOUND')
})

test('a job id that is not 12 lower-case hex digits is answered 400', async () => {
  for (const id of ['ABCDEF012345', 'abc', 'zzzzzzzzzzzz'])
    assert.equal(codeOf(await service.api('GET', `/api/jobs/${id}`)), '400 JOB_ID_INVALID')
})

test('PATCH /api/jobs/{id} changes what is given and keeps the rest', async () => {
  const job = await service.makeJob({ tags: ['keep'], repeat: 5 })
  const { status, body, headers } = await service.api('PATCH', `/api/jobs/${job.id}`, { name: 'renamed' })
  assert.equal(status, 200)
  assert.equal(headers.get('etag'), '"2"')
  const { name, version, updated_at: _, ...rest } = body.job
  assert.deepEqual([name, version], ['renamed', 2])
  const { name: _name, version: _version, updated_at: __, ...unchanged } = job
  assert.deepEqual(rest, unchanged)
})

test('PATCH /api/jobs/{id} with another schedule moves the next run and arms it', async () => {
  const job = await service.makeJob()
  const { body } = await service.api('PATCH', `/api/jobs/${job.id}`, {
    schedule: '30 8 * * *',
    repeat: { times: 2 },
  })
  assert.equal(body.job.next_run_at, '2026-06-18T08:30:00.000Z')
  assert.deepEqual([body.job.armed, body.job.repeat.times], [true, 2])
  const arm = service.nas.armed().find(({ job_id }) => job_id === job.id)
  assert.equal(Date.parse(arm?.fire_at ?? ''), Date.parse('2026-06-18T08:30:00Z'))
})

test('PATCH /api/jobs/{id} with an If-Match that is not the version is answered 412', async () => {
  const job = await service.makeJob()
  const change = (tag: string) =>
    service.api('PATCH', `/api/jobs/${job.id}`, { name: `by ${tag}` }, { 'if-match': tag })
  assert.equal(codeOf(await change('"7"')), '412 VERSION_CONFLICT')
  assert.equal(codeOf(await change('"not-ours"')), '412 VERSION_CONFLICT')
  assert.equal(codeOf(await change('"1", "2"')), '400 FIELD_INVALID')
  assert.equal((await change('"1"')).status, 200)
  assert.equal((await change('W/"2"')).status, 200)
  assert.equal((await change('3')).status, 200)
  assert.equal((await change('*')).status, 200)
})

test('PATCH /api/jobs/{id} of a job that is not there is answered 404', async () => {
  assert.equal(
    codeOf(await service.api('PATCH', `/api/jobs/${unknownId}`, { name: 'x' })),
    '404 JOB_NOT_FOUND',
  )
})

test('DELETE /api/jobs/{id} removes the job and cancels its arm', async () => {
  const job = await service.makeJob()
  const stale = await service.api('DELETE', `/api/jobs/${job.id}`, undefined, { 'if-match': '"9"' })
  assert.equal(codeOf(stale), '412 VERSION_CONFLICT')
  const { status, body } = await service.api('DELETE', `/api/jobs/${job.id}`)
  assert.deepEqual([status, body], [200, { ok: true, id: job.id }])
  assert.equal(codeOf(await service.api('GET', `/api/jobs/${job.id}`)), '404 JOB_NOT_FOUND')
  await service.nas.waitFor((nas) => nas.armed().every(({ job_id }) => job_id !== job.id))
  assert.equal(codeOf(await service.api('DELETE', `/api/jobs/${job.id}`)), '404 JOB_NOT_FOUND')
})

test('DELETE /api/jobs/{id} aborts a live run of the job', async () => {
  service.target.behave('/hang', { does: 'hang' })
  const job = await service.makeJob({ action: { type: 'http', url: `${service.target.url}/hang` } })
  assert.equal((await service.api('POST', `/api/jobs/${job.id}/run`)).status, 202)
  await service.target.waitFor((calls) => calls.some(({ path }) => path === '/hang'))
  assert.equal((await service.api('DELETE', `/api/jobs/${job.id}`)).status, 200)
  await service.target.allClosed()
})

test('POST /api/jobs/{id}/pause keeps the reason and the end, and takes the arm back', async () => {
  const job = await service.makeJob()
  const { status, body } = await service.api('POST', `/api/jobs/${job.id}/pause`, { reason: 'holiday' })
  assert.equal(status, 200)
  assert.deepEqual(
    [body.job.state, body.job.enabled, body.job.next_run_at, body.job.paused_at, body.job.paused_reason],
    ['paused', false, null, '2026-06-18T08:00:00.000Z', 'holiday'],
  )
  assert.equal(body.job.armed, false)
  await service.nas.waitFor((nas) => nas.armed().every(({ job_id }) => job_id !== job.id))
  const until = await service.api('POST', `/api/jobs/${job.id}/pause`, { until: '2026-06-20T10:00:00+02:00' })
  assert.equal(until.body.job.resume_at, '2026-06-20T08:00:00.000Z')
})

test('POST /api/jobs/{id}/resume lets a paused job go on, armed again', async () => {
  const job = await service.makeJob()
  await service.api('POST', `/api/jobs/${job.id}/pause`)
  const { status, body } = await service.api('POST', `/api/jobs/${job.id}/resume`)
  assert.equal(status, 200)
  assert.deepEqual(
    [body.job.state, body.job.next_run_at, body.job.armed, body.job.paused_at],
    ['scheduled', '2026-06-18T09:00:00.000Z', true, null],
  )
})

test('POST /api/jobs/{id}/resume of a one-shot whose instant has passed is answered 409', async (t) => {
  const job = await service.makeJob({ schedule: '2026-06-18T08:30:00Z' })
  await service.api('POST', `/api/jobs/${job.id}/pause`)
  service.setClock('2026-06-18T08:45:00Z')
  t.after(() => service.setClock('2026-06-18T08:00:00Z'))
  assert.equal(codeOf(await service.api('POST', `/api/jobs/${job.id}/resume`)), '409 JOB_STATE_CONFLICT')
})

test('POST /api/jobs/{id}/run starts a run without a slot and leaves the schedule alone', async () => {
  const job = await service.makeJob()
  const { status, body, headers } = await service.api('POST', `/api/jobs/${job.id}/run`, { input: { a: 1 } })
  assert.equal(status, 202)
  assert.deepEqual(
    [body.run.job_id, body.run.slot, body.run.trigger, body.run.input],
    [job.id, null, 'manual', { a: 1 }],
  )
  assert.equal(headers.get('location'), `/api/runs/${body.run.id}`)
  assert.equal(body.job.next_run_at, job.next_run_at)
})

test('POST /api/jobs/{id}/run of a paused job runs it once and leaves it paused', async () => {
  const job = await service.makeJob()
  await service.api('POST', `/api/jobs/${job.id}/pause`, { reason: 'holiday', until: '2026-06-20T08:00:00Z' })
  const { status, body } = await service.api('POST', `/api/jobs/${job.id}/run`)
  assert.deepEqual([status, body.run.trigger, body.job.state], [202, 'manual', 'paused'])
  const call = (calls: { path: string; headers: Record<string, unknown> }[]) =>
    calls.filter(({ headers }) => headers['x-chronos-run'] === body.run.id)
  await service.target.waitFor((calls) => call(calls).length === 1)
  const left = (await service.api('GET', `/api/jobs/${job.id}`)).body.job
  assert.deepEqual(
    [left.state, left.paused_reason, left.resume_at, left.repeat.completed],
    ['paused', 'holiday', '2026-06-20T08:00:00.000Z', 0],
  )
})
