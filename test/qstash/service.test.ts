import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startQstash } from '../../dev/qstash/index.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const startsAt = '2026-06-18T08:00:00Z'
const at = (time: string) => new Date(`2026-06-18T${time}Z`)

async function setup(t: TestContext, env: Record<string, string> = {}) {
  const qstash = await startQstash({ time: new Date(startsAt) })
  const service = await startService({ clock: startsAt, env: { ...qstash.environment(), ...env } })
  t.after(async () => {
    await service.close()
    await qstash.close()
  })
  const { api, url } = service
  const atRest = () => until('nothing is held', async () => service.app.holds.count() === 0 || null)
  const fireUrl = `${url}/api/cron/fire`

  /** A fire as QStash sends it, with a signature of its own unless one is given; `headers` replace ours. */
  async function fire(body: string, { signature = '', signed = body, claims = {} } = {}) {
    const response = await fetch(fireUrl, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'upstash-signature': signature || qstash.sign({ url: fireUrl, body: Buffer.from(signed) }, claims),
      },
    })
    const answer = (await response.json()) as Record<string, unknown>
    return { status: response.status, said: answer['code'] ?? answer['status'] }
  }

  return {
    ...{ qstash, service, atRest, fire, fireUrl },
    statusOf: async () => (await api('GET', '/api/status')).body,
    armOf: async (jobId: string) => (await api('GET', `/api/jobs/${jobId}/arm`)).body,
    async passTo(instant: string) {
      service.setClock(instant)
      await qstash.moveTo(instant)
      await atRest()
    },
    asked: () => qstash.calls.map(({ method, path }) => `${method} ${path.split('/').slice(0, 3).join('/')}`),
  }
}

test('a wake-up is one message at its second, with its own retries, gaps and deduplication id', async (t) => {
  const { qstash, service, armOf, fireUrl } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  assert.equal(job.armed, true)
  const [call] = qstash.calls
  assert.equal(call?.path, `/v2/publish/${fireUrl}`)
  const sent = Object.entries(call?.headers ?? {}).filter(([name]) => name.startsWith('upstash-'))
  assert.deepEqual(Object.fromEntries(sent), {
    'upstash-method': 'POST',
    'upstash-not-before': String(at('09:00:00').getTime() / 1_000),
    'upstash-retries': '3',
    'upstash-retry-delay': 'min(86400000, 10000 * pow(30, retried))',
    'upstash-timeout': '60s',
    'upstash-deduplication-id': `${job.id}-1-${at('09:00:00').getTime() / 1_000}`,
  })
  assert.deepEqual(JSON.parse(String(call?.body)), { job_id: job.id, fire_at: '2026-06-18T09:00:00.000Z' })
  const [message] = qstash.pending()
  const arm = await armOf(job.id)
  assert.deepEqual([arm.armed, arm.schedule_id], [true, message?.messageId])
})

test('an instant between two seconds is armed at the second before it, and its run waits for it', async (t) => {
  const { qstash, service, passTo } = await setup(t)
  await service.makeJob({ schedule: '2026-06-18T08:00:02.400Z' })
  assert.deepEqual(
    qstash.pending().map(({ notBeforeMs }) => new Date(notBeforeMs).toISOString()),
    ['2026-06-18T08:00:02.000Z'],
  )
  await passTo('2026-06-18T08:00:02Z')
  assert.equal(service.target.calls.length, 1)
  assert.equal(qstash.deliveries[0]?.status, 202)
})

test('the message that was replaced is deleted, and only after the new one is there', async (t) => {
  const { qstash, service, atRest, asked } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  await service.api('PATCH', `/api/jobs/${job.id}`, { schedule: '30 8 * * *' })
  await atRest()
  assert.deepEqual(asked(), ['POST /v2/publish', 'POST /v2/publish', 'DELETE /v2/messages'])
  assert.deepEqual(
    qstash.pending().map(({ notBeforeMs }) => new Date(notBeforeMs).toISOString()),
    ['2026-06-18T08:30:00.000Z'],
  )
})

test('a message that could not be deleted costs one wake that finds nothing due', async (t) => {
  const { qstash, service, atRest, passTo } = await setup(t)
  const job = await service.makeJob({ schedule: '30 8 * * *' })
  qstash.faults.api = { fault: { kind: 'refuse', status: 500 }, times: 1, method: 'DELETE' }
  await service.api('PATCH', `/api/jobs/${job.id}`, { schedule: '0 10 * * *' })
  await atRest()
  assert.equal(qstash.pending().length, 2)
  await passTo('2026-06-18T08:30:00Z')
  assert.equal(service.target.calls.length, 0)
  assert.equal(qstash.pending().length, 1)
  await passTo('2026-06-18T10:00:00Z')
  assert.equal(service.target.calls.length, 1)
})

test('a job that is paused holds no message, and one that is resumed within ten minutes is armed again', async (t) => {
  const { qstash, service, atRest } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  await service.api('POST', `/api/jobs/${job.id}/pause`, {})
  await atRest()
  assert.deepEqual(qstash.pending(), [])
  const { body } = await service.api('POST', `/api/jobs/${job.id}/resume`)
  assert.equal(body.job.armed, true)
  assert.equal(qstash.pending().length, 1)
})

test('the message of a deleted job is deleted too; one that comes all the same is answered gone', async (t) => {
  const { qstash, service, atRest, fire, statusOf } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  await service.api('DELETE', `/api/jobs/${job.id}`)
  await atRest()
  assert.deepEqual(qstash.pending(), [])
  assert.equal((await statusOf()).owed.cancels, 0)
  assert.deepEqual(await fire(JSON.stringify({ job_id: job.id })), { status: 200, said: 'gone' })
})

test('a wake time beyond the plan is armed at the horizon, and that wake arms the next hop', async (t) => {
  const { qstash, service, passTo } = await setup(t)
  await service.makeJob({ schedule: '2026-07-01T09:00:00Z' })
  const held = () => qstash.pending().map(({ notBeforeMs }) => new Date(notBeforeMs).toISOString())
  assert.deepEqual(held(), ['2026-06-25T08:00:00.000Z'])
  await passTo('2026-06-25T08:00:00Z')
  assert.equal(service.target.calls.length, 0)
  assert.deepEqual(held(), ['2026-07-01T09:00:00.000Z'])
  await passTo('2026-07-01T09:00:00Z')
  assert.equal(service.target.calls.length, 1)
})

test('a plan that takes less than QSTASH_MAX_HORIZON is found out', async (t) => {
  const { qstash, service } = await setup(t, { QSTASH_MAX_HORIZON: String(30 * 86_400_000) })
  const job = await service.makeJob({ schedule: '2026-07-17T09:00:00Z' })
  await until('it is armed', async () => qstash.pending().length === 1 || null)
  assert.equal((await service.api('GET', `/api/jobs/${job.id}/arm`)).body.wake_at, '2026-07-17T09:00:00.000Z')
})

test('fires get the answers that NAS gets', async (t) => {
  const { service, fire, passTo } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  const body = JSON.stringify({ job_id: job.id })
  assert.deepEqual(await fire(body), { status: 200, said: 'not_due' })
  assert.deepEqual(await fire('{}'), { status: 400, said: 'FIELD_INVALID' })
  assert.deepEqual(await fire('[]'), { status: 400, said: 'FIELD_INVALID' })
  assert.deepEqual(await fire('not JSON'), { status: 400, said: 'BODY_NOT_JSON' })
  assert.deepEqual(await fire('{"job_id":"another form"}'), { status: 200, said: 'gone' })
  assert.equal((await fire(JSON.stringify({ job_id: 'x'.repeat(5_000) }))).status, 413)
  await passTo('2026-06-18T09:00:00Z')
  await service.api('POST', `/api/jobs/${job.id}/pause`, {})
  assert.deepEqual(await fire(body), { status: 200, said: 'inactive' })
})

test('what QStash did not sign is refused, and changes nothing', async (t) => {
  const { service, fire, fireUrl, qstash } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  service.setClock('2026-06-18T09:00:00Z')
  const body = JSON.stringify({ job_id: job.id })
  const refused = { status: 401, said: 'TOKEN_REJECTED' }
  assert.deepEqual(await fire(body, { signature: 'a.b.c' }), refused)
  assert.deepEqual(await fire(body, { signed: '{}' }), refused)
  assert.deepEqual(await fire(body, { claims: { sub: `${fireUrl}/` } }), refused)
  assert.deepEqual(await fire(body, { claims: { iss: 'upstash' } }), refused)
  assert.deepEqual(await fire('', { signed: body }), refused)
  const bearer = await service.fire({ job_id: job.id })
  assert.deepEqual([bearer.status, bearer.body.code], [401, 'TOKEN_REJECTED'])
  assert.equal(service.target.calls.length, 0)
  const signature = qstash.sign({ url: fireUrl, body: Buffer.from(body) })
  assert.equal((await fire(body, { signature })).status, 202)
  assert.deepEqual(await fire(body, { signature }), refused, 'a replay')
})

test('what NAS had armed is armed with QStash when that takes over, and again at another address of its API', async () => {
  const callback = { CALLBACK_URL: 'https://app.example' }
  const before = await startService({ clock: startsAt, env: callback })
  await before.makeJob({ schedule: '0 9 * * *' })
  const { database, nas, target } = before
  const shared = { database, nas, target, clock: startsAt }
  const regions = [
    await startQstash({ time: new Date(startsAt) }),
    await startQstash({ time: new Date(startsAt) }),
  ]
  for (const qstash of regions) {
    const service = await startService({ ...shared, env: { ...qstash.environment(), ...callback } })
    await until('the job is armed there', () => qstash.pending().length === 1 || null)
    await until('nothing is held', () => service.app.holds.count() === 0 || null)
    await service.close()
    await qstash.close()
  }
  await before.close()
})

test('a token that QStash refuses is said once; the built-in ticker runs the jobs', async (t) => {
  const { qstash, service, statusOf } = await setup(t, { QSTASH_TOKEN: 'another-token' })
  service.setClock(null)
  const job = await service.makeJob({ schedule: '* * * * * *', repeat: 1 })
  assert.equal(job.id.length, 12)
  await service.target.waitFor(1)
  const status = await statusOf()
  assert.deepEqual([status.scheduler.configured, status.scheduler.name], ['qstash', 'builtin'])
  assert.equal(status.nas.refused.code, 'QSTASH_TOKEN_REJECTED')
  assert.equal(qstash.calls.length, 1)
})

test('what failed at QStash is told by its name', async (t) => {
  const { qstash, service, armOf } = await setup(t)
  qstash.faults.api = { fault: { kind: 'refuse', status: 500 }, times: 1 }
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  assert.equal(job.armed, true)
  const arm: { history: { outcome: string; error: { code: string } | null }[] } = await armOf(job.id)
  const told = arm.history.map((one) => [one.outcome, one.error?.code ?? null])
  assert.deepEqual(told, [
    ['armed', null],
    ['failed', 'QSTASH_FAILED'],
  ])
})
