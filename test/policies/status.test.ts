import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { startNas } from '../../dev/nas/index.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { change, readJob } from './setup.ts'
import { until } from '../support/until.ts'

const clock = '2026-06-18T08:00:00Z'

async function start(t: TestContext, env: Record<string, string> = {}): Promise<Service> {
  const service = await startService({ clock, env })
  t.after(() => service.close())
  return service
}

async function statusOf({ api }: Service): Promise<Json> {
  const { status, body } = await api('GET', '/api/status')
  assert.equal(status, 200)
  return body
}

async function armOf({ api }: Service, id: string): Promise<Json> {
  return (await api('GET', `/api/jobs/${id}/arm`)).body
}

test('a job that NAS did not arm is shown as not armed, with what was said and since when', async (t) => {
  const service = await start(t)
  await service.nas.misbehave('answer', '500')
  const { status, body } = await service.api('POST', '/api/jobs', {
    name: 'x',
    schedule: '0 9 * * *',
    prompt: 'p',
  })
  assert.deepEqual([status, body.code, body.job.armed], [424, 'NOT_ARMED', false])
  const { id } = body.job
  service.setClock('2026-06-18T08:07:00Z')
  const shown = await statusOf(service)
  assert.deepEqual([shown.owed.arms, shown.owed.oldest_since], [1, '2026-06-18T08:00:00.000Z'])
  const [unarmed] = shown.unarmed
  assert.deepEqual(
    [unarmed.job_id, unarmed.wake_at, unarmed.armed_at, unarmed.for_ms],
    [id, '2026-06-18T09:00:00.000Z', null, 420_000],
  )
  assert.match(unarmed.last_error, /^NAS_/)
  assert.equal(shown.nas.last_error.code, 'NAS_FAILED')
  assert.ok(shown.process.holds.arm >= 1, 'the process stays up for it')
  const arm = await armOf(service, id)
  assert.deepEqual([arm.armed, arm.owed_since, arm.armed_at], [false, '2026-06-18T08:00:00.000Z', null])
  assert.deepEqual([arm.last_provision.outcome, arm.last_provision.error.code], ['failed', 'NAS_FAILED'])

  await service.nas.behave()
  await until('it is armed', async () => (await readJob(service, id)).armed)
  const after = await statusOf(service)
  assert.deepEqual(
    [after.owed.arms, after.owed.oldest_since, after.unarmed, after.nas.last_error],
    [0, null, [], null],
  )
})

test('a wake-up that is under way is no failure; one that failed, or takes too long, is told', async (t) => {
  const service = await start(t)
  const { id } = await service.makeJob()
  const told = async () =>
    ((await service.api('GET', `/api/jobs/${id}/why`)).body.story as string[]).find((line) =>
      line.includes('wake-up'),
    ) ?? ''
  assert.match(await told(), /The timer service holds its wake-up, in/)
  await service.nas.misbehave('slow', '3000', { call: 'provision', times: 1 })
  const saving = change(service, id, { schedule: '30 8 * * *' })
  assert.match(
    await until('it is under way', async () => /under way/.exec(await told())?.input),
    /, for 0 ms,/,
  )
  service.setClock('2026-06-18T08:01:00Z')
  assert.match(await told(), /is NOT confirmed by the timer service since 2026-06-18T08:00:00.000Z\./)
  await saving
  assert.match(await told(), /The timer service holds its wake-up, in/)
})

test('GET /api/jobs/{id}/arm tells the whole story of the last arms, newest first', async (t) => {
  const service = await start(t)
  const { id } = await service.makeJob()
  await service.nas.misbehave('answer', '429', { times: 1 })
  await change(service, id, { schedule: '30 8 * * *' })
  await service.api('POST', `/api/jobs/${id}/pause`)
  const story = await until('the cancel is told', async () => {
    const arm = await armOf(service, id)
    return arm.last_provision.outcome === 'cancelled' && arm
  })
  assert.deepEqual(
    (story.history as Json[]).map(({ outcome }) => outcome),
    ['cancelled', 'armed', 'failed', 'armed'],
  )
  const [cancelled, armed, failed] = story.history
  assert.deepEqual([cancelled.fire_at, cancelled.schedule_id], [null, null])
  assert.deepEqual([typeof armed.schedule_id, typeof armed.took_ms, armed.error], ['string', 'number', null])
  assert.equal(failed.error.code, 'NAS_BUSY')
  assert.deepEqual([story.armed, story.wake_at, story.armed_at, story.owed_since], [false, null, null, null])
})

test('a job whose wake-up passed unattended is not shown as armed, whatever NAS had confirmed', async (t) => {
  const service = await start(t)
  const { id, armed } = await service.makeJob()
  assert.equal(armed, true)
  service.setClock('2026-06-18T09:00:59Z')
  assert.equal((await readJob(service, id)).armed, true, 'a fire may be a moment late')
  service.setClock('2026-06-18T09:10:00Z')
  const late = await readJob(service, id)
  assert.deepEqual(
    [late.armed, late.state, late.next_run_at],
    [false, 'scheduled', '2026-06-18T09:00:00.000Z'],
  )
  assert.equal((await armOf(service, id)).armed, false)
  assert.equal((await statusOf(service)).owed.overdue_jobs, 1)
})

test('a job about which nothing can be decided is in error, not armed, and has no next run', async (t) => {
  const service = await start(t)
  const { id } = await service.makeJob()
  await service.database.sql`
    update jobs set schedule = jsonb_set(schedule, '{expr}', '"no cron"'), version = version + 1 where id = ${id}`
  service.setClock('2026-06-18T09:00:00Z')
  await service.fire({ job_id: id, fire_at: '2026-06-18T09:00:00Z' })
  const job = await readJob(service, id)
  assert.deepEqual([job.state, job.armed, job.next_run_at, job.last_status], ['error', false, null, 'error'])
  assert.match(job.last_error, /could not be evaluated/)
  assert.equal((await statusOf(service)).jobs.error, 1)
  const { body } = await service.api('GET', `/api/jobs/${id}/slots?from=${clock}`)
  assert.deepEqual(
    (body.slots as Json[]).map(({ slot, verdict, reason }) => [slot, verdict, reason]),
    [['2026-06-18T09:00:00.000Z', 'due', job.last_error]],
  )
  assert.equal((await change(service, id, { pause_after: 3 })).state, 'error', 'another policy mends nothing')
  const mended = await change(service, id, { schedule: '0 10 * * *' })
  assert.deepEqual([mended.state, mended.armed], ['scheduled', true])
})

test('while the built-in scheduler triggers, no arm is owed to NAS', async (t) => {
  const service = await start(t, { CRON_PROVIDER: 'builtin' })
  const { id, armed, trigger } = await service.makeJob()
  assert.deepEqual([armed, trigger], [false, 'builtin'], 'this process is the timer')
  const [row] = await service.database
    .sql`select armed_gen < wake_gen as owed from job_runtime where job_id = ${id}`
  assert.equal(row?.['owed'], true)
  const status = await until('a heartbeat', async () => {
    const shown = await statusOf(service)
    return shown.scheduler.heartbeat?.clean_tick_at && shown
  })
  assert.deepEqual([status.scheduler.name, status.owed.arms, status.unarmed], ['builtin', 0, []])
  assert.equal(status.process.holds.ticker, 1)
  const { body: metrics } = await service.api('GET', '/metrics')
  assert.match(metrics, /^chronos_arms_owed 0$/m)
})

test('an identity that NAS refuses for good shows as refused, and the built-in scheduler has taken over', async (t) => {
  const service = await start(t)
  await service.nas.misbehave('answer', '403')
  await service.makeJob()
  const { scheduler, nas, owed } = await statusOf(service)
  assert.deepEqual([scheduler.configured, scheduler.name], ['chronos', 'builtin'])
  assert.equal(nas.refused.code, 'NAS_INVALID_CLIENT')
  assert.equal(owed.arms, 0)
})

test('a login that is refused shows as refused', async (t) => {
  const nas = await startNas({ time: clock })
  t.after(() => nas.close())
  const key = randomBytes(32).toString('base64')
  const { NAS_ACCESS_TOKEN: _, ...env } = nas.environment({ refresh: true })
  await nas.revokeLogin()
  const service = await startService({
    clock,
    nas,
    env: { ...env, NAS_ACCESS_TOKEN: '', ENCRYPTION_KEY: key },
  })
  t.after(() => service.close())
  await service.makeJob()
  const { scheduler, nas: shown } = await statusOf(service)
  assert.equal(scheduler.name, 'builtin')
  assert.equal(shown.refused.code, 'LOGIN_REFUSED')
})

test('the last error of the signing keys is shown', async (t) => {
  const service = await startService({ clock, begin: false })
  t.after(() => service.close())
  await service.nas.misbehave('jwks', 'down')
  const { status, body } = await service.fire({ job_id: 'ab12cd34ef56' })
  assert.deepEqual([status, body.code], [503, 'JWKS_UNAVAILABLE'])
  const { nas } = await statusOf(service)
  assert.ok(nas.last_jwks_error.message)
  assert.ok(Date.parse(nas.last_jwks_error.at) > 0)
})

test('the status says how far the database is and how its clock differs, and what this process holds', async (t) => {
  const service = await start(t)
  const { database, process } = await statusOf(service)
  assert.ok(database.round_trip_ms >= 0)
  assert.ok(Math.abs(Date.parse(clock) - Date.now() - database.clock_ahead_ms) < 60_000)
  assert.ok(process.holds.request >= 1)
  assert.deepEqual(process.runs, { running: 0, queued: 0, waiting: 0 })
})
