import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startCloudTasks } from '../../dev/cloud-tasks/index.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const startsAt = '2026-06-18T08:00:00Z'

async function setup(t: TestContext, env: Record<string, string> = {}) {
  const google = await startCloudTasks({ time: new Date(startsAt) })
  const service = await startService({ clock: startsAt, env: { ...google.environment(), ...env } })
  t.after(async () => {
    await service.close()
    await google.close()
  })
  const { api, url } = service
  const audience = `${url}/api/cron/fire`
  const atRest = () => until('nothing is held', async () => service.app.holds.count() === 0 || null)
  const good = { serviceAccountEmail: google.caller, audience }
  return {
    ...{ google, service, atRest, audience },
    fire: async (body: unknown, token?: string) => {
      const answer = await service.fire(body, token ?? (await google.sign(good)))
      return { status: answer.status, said: answer.body.code ?? answer.body.status }
    },
    token: (change: Record<string, unknown> = {}, key?: Awaited<ReturnType<typeof google.stranger>>) =>
      google.sign(good, change, key),
    held: () => google.pending().map(({ scheduleMs }) => new Date(scheduleMs).toISOString()),
    statusOf: async () => (await api('GET', '/api/status')).body,
    async passTo(instant: string) {
      service.setClock(instant)
      await google.moveTo(instant)
      await atRest()
    },
    asked: () =>
      google.calls
        .filter(({ path }) => path.startsWith('/v2'))
        .map(({ method, path }) => `${method} ${path.split('/tasks').at(-1) ? 'task' : 'tasks'}`),
  }
}

test('a wake-up is one task at its instant, named after the job and its generation, with a token for the fire URL', async (t) => {
  const { google, service, audience, held } = await setup(t)
  const job = await service.makeJob({ schedule: '2026-06-18T09:00:00.250Z' })
  assert.equal(job.armed, true)
  assert.deepEqual(held(), ['2026-06-18T09:00:00.250Z'])
  const [task] = google.pending()
  assert.equal(task?.name, `${google.queue}/tasks/${job.id}-1-${Date.parse('2026-06-18T09:00:00.250Z')}`)
  assert.equal(task?.url, audience)
  assert.deepEqual(task?.oidcToken, { serviceAccountEmail: google.caller, audience })
  assert.deepEqual(JSON.parse(String(task?.body)), { job_id: job.id, fire_at: '2026-06-18T09:00:00.250Z' })
  const { body } = await service.api('GET', `/api/jobs/${job.id}/arm`)
  assert.equal(body.schedule_id, task?.name.split('/').at(-1))
})

test('the task that was replaced is deleted after the new one is there; nothing is ever listed', async (t) => {
  const { service, atRest, asked, held } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  await service.api('PATCH', `/api/jobs/${job.id}`, { schedule: '30 8 * * *' })
  await atRest()
  assert.deepEqual(held(), ['2026-06-18T08:30:00.000Z'])
  await service.api('POST', '/api/cron/reconcile')
  assert.deepEqual(asked(), ['POST tasks', 'POST tasks', 'DELETE task'])
})

test('an hourly job costs two billed operations an hour', async (t) => {
  const { google, service, passTo } = await setup(t)
  await service.makeJob({ schedule: '0 * * * *' })
  const before = google.billed()
  for (const hour of ['09', '10', '11', '12']) await passTo(`2026-06-18T${hour}:00:00Z`)
  assert.equal(service.target.calls.length, 4)
  assert.equal(google.billed() - before, 8)
})

test('a deleted job leaves no task; a paused one neither, and it is armed again under another name', async (t) => {
  const { google, service, atRest, held } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  await service.api('POST', `/api/jobs/${job.id}/pause`, {})
  await atRest()
  assert.deepEqual(held(), [])
  await service.api('POST', `/api/jobs/${job.id}/resume`)
  assert.equal(google.pending().length, 1)
  await service.api('DELETE', `/api/jobs/${job.id}`)
  await atRest()
  assert.deepEqual(held(), [])
})

test('a wake time beyond 29 days is armed in hops', async (t) => {
  const { service, passTo, held } = await setup(t)
  await service.makeJob({ schedule: '2026-08-01T09:00:00Z' })
  assert.deepEqual(held(), ['2026-07-17T08:00:00.000Z'])
  await passTo('2026-07-17T08:00:00Z')
  assert.deepEqual(held(), ['2026-08-01T09:00:00.000Z'])
  await passTo('2026-08-01T09:00:00Z')
  assert.equal(service.target.calls.length, 1)
})

test('fires get the answers that NAS gets', async (t) => {
  const { service, fire } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  assert.deepEqual(await fire({ job_id: job.id }), { status: 200, said: 'not_due' })
  assert.deepEqual(await fire({}), { status: 400, said: 'FIELD_INVALID' })
  assert.deepEqual(await fire({ job_id: 'aaaaaaaaaaaa' }), { status: 200, said: 'gone' })
  service.setClock('2026-06-18T09:00:00Z')
  assert.deepEqual(await fire({ job_id: job.id }), { status: 202, said: 'accepted' })
})

test('a token that is not Google’s for this account and this address is refused', async (t) => {
  const { google, service, fire, token, audience } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  service.setClock('2026-06-18T09:00:00Z')
  const nowS = Math.floor(Date.now() / 1_000)
  const bad = [
    await token({}, await google.stranger()),
    await token({ aud: 'https://other.example/api/cron/fire' }),
    await token({ aud: [audience, 'https://other.example'] }),
    await token({ iss: 'https://accounts.example' }),
    await token({ email: 'stranger@a-project.iam.gserviceaccount.com' }),
    await token({ email_verified: false }),
    await token({ email_verified: 'true' }),
    await token({ email: undefined }),
    await token({ exp: nowS - 60 }),
    await token({ exp: undefined }),
    await token({ nbf: nowS + 120 }),
    await token({ iat: nowS + 120 }),
    await service.nas.signFireToken(),
    'a.b.c',
  ]
  for (const one of bad)
    assert.deepEqual(await fire({ job_id: job.id }, one), { status: 401, said: 'TOKEN_REJECTED' })
  assert.equal(service.target.calls.length, 0)
  assert.equal((await fire({ job_id: job.id }, await token({ iss: 'accounts.google.com' }))).status, 202)
})

test('an access token that ended early is renewed, and the call made again', async (t) => {
  const { google, service } = await setup(t)
  await service.makeJob({ schedule: '0 9 * * *' })
  google.endTokens()
  const job = await service.makeJob({ schedule: '0 10 * * *' })
  assert.equal(job.armed, true)
  assert.equal(google.assertions().length, 2)
})

const refusals: Record<string, { env?: Record<string, string>; isForbidden?: true; code: string }> = {
  'an account without the permission': { isForbidden: true, code: 'CLOUD_TASKS_FORBIDDEN' },
  'a queue that does not exist': {
    env: { CLOUD_TASKS_QUEUE: 'projects/a-project/locations/europe-west1/queues/other' },
    code: 'CLOUD_TASKS_NO_QUEUE',
  },
}
for (const [what, { env, isForbidden, code }] of Object.entries(refusals))
  test(`${what} is said once, with Google's words; the built-in ticker runs the jobs`, async (t) => {
    const { google, service, statusOf, asked } = await setup(t, env)
    google.permit(!isForbidden)
    service.setClock(null)
    await service.makeJob({ schedule: '* * * * * *', repeat: 1 })
    await service.target.waitFor(1)
    const status = await statusOf()
    assert.equal(status.scheduler.name, 'builtin')
    assert.equal(status.nas.refused.code, code)
    assert.match(status.nas.refused.message, isForbidden ? /PERMISSION_DENIED/ : /Queue does not exist/)
    assert.equal(asked().length, 1)
  })
