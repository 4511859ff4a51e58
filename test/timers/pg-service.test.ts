import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { SignJWT } from 'jose/jwt/sign'
import { startPgTimer } from '../../dev/pg-timer/index.ts'
import { fireKey, halvesOf } from '../../src/timers/pg/key.ts'
import { createTestDatabase } from '../support/database.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const startsAt = '2026-06-18T08:00:00Z'
const ENCRYPTION_KEY = randomBytes(32).toString('base64')

async function setup(t: TestContext, env: Record<string, string> = {}, hasExtensions = true) {
  const database = await createTestDatabase()
  const timer = hasExtensions ? await startPgTimer({ database, time: new Date(startsAt) }) : null
  const usual = { CRON_PROVIDER: 'pg', ENCRYPTION_KEY, ...env }
  const service = await startService({ clock: startsAt, database, env: usual })
  t.after(async () => {
    await service.close()
    await timer?.close()
    await database.drop()
  })
  const atRest = () => until('nothing is held', async () => service.app.holds.count() === 0 || null)
  return {
    ...{ service, database, timer, atRest },
    statusOf: async () => (await service.api('GET', '/api/status')).body,
    jobOf: async (jobId: string) => (await service.api('GET', `/api/jobs/${jobId}`)).body.job,
    async passTo(instant: string) {
      service.setClock(instant)
      await timer?.moveTo(instant)
      await atRest()
    },
  }
}

test('a job is armed by its wake time alone, and is called in time and once', async (t) => {
  const { service, timer, passTo, jobOf } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  assert.deepEqual([job.armed, job.trigger], [true, 'pg'])
  await passTo('2026-06-18T08:59:55Z')
  assert.deepEqual(timer?.deliveries, [])
  await passTo('2026-06-18T09:00:00Z')
  await passTo('2026-06-18T09:00:05Z')
  await passTo('2026-06-18T09:00:30Z')
  assert.deepEqual(timer?.deliveries, [{ jobId: job.id, status: 202 }])
  assert.equal(service.target.calls.length, 1)
  const { armed, next_run_at } = await jobOf(job.id)
  assert.deepEqual([armed, next_run_at], [true, '2026-06-19T09:00:00.000Z'])
})

test('a wake time that moves, a pause and a delete need no call of anybody', async (t) => {
  const { service, timer, passTo } = await setup(t)
  const [moved, paused, deleted] = await Promise.all(
    ['a', 'b', 'c'].map((name) => service.makeJob({ name, schedule: '0 9 * * *' })),
  )
  await service.api('PATCH', `/api/jobs/${moved.id}`, { schedule: '30 9 * * *' })
  await service.api('POST', `/api/jobs/${paused.id}/pause`, {})
  await service.api('DELETE', `/api/jobs/${deleted.id}`)
  await passTo('2026-06-18T09:00:00Z')
  assert.deepEqual(timer?.deliveries, [])
  await passTo('2026-06-18T09:30:00Z')
  assert.deepEqual(timer?.deliveries, [{ jobId: moved.id, status: 202 }])
})

test('a job a year ahead is armed for that instant, with SENTINEL too, and is not lost meanwhile', async (t) => {
  const { service, passTo, statusOf, jobOf } = await setup(t, { SENTINEL: 'on' })
  const job = await service.makeJob({ schedule: '2027-06-18T08:00:00Z' })
  await passTo('2026-07-18T08:00:00Z')
  assert.equal(
    (await service.api('GET', `/api/jobs/${job.id}/arm`)).body.armed_at,
    '2027-06-18T08:00:00.000Z',
  )
  assert.equal((await jobOf(job.id)).armed, true)
  assert.equal((await statusOf()).owed.lost_wakes, 0)
})

test('a fire without a token of this database is refused', async (t) => {
  const { service } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  service.setClock('2026-06-18T09:00:00Z')
  const { status, body } = await service.fire({ job_id: job.id })
  assert.deepEqual([status, body.code], [401, 'TOKEN_REJECTED'])
  assert.equal(service.target.calls.length, 0)
})

test('a fire that the key of before has signed is taken until a boot gives Postgres the new one', async (t) => {
  const { service, database, timer, atRest } = await setup(t)
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  await atRest()
  const key = randomBytes(32)
  const env = {
    CRON_PROVIDER: 'pg',
    ENCRYPTION_KEY: key.toString('base64'),
    ENCRYPTION_KEYS_OLD: ENCRYPTION_KEY,
  }
  const clock = '2026-06-18T08:30:00Z'
  const next = await startService({ ...{ database, target: service.target, clock }, env })
  t.after(() => next.close())
  const tokenOf = async () => {
    const [row] = await database.sql`select chronos_fire_token(timer) as token from chronos_timer timer`
    return String(row?.['token'])
  }
  await until('Postgres has the new key', async () => {
    const [row] = await database.sql<{ inner_key: Buffer }[]>`select inner_key from chronos_timer`
    return halvesOf(fireKey(key)).inner.equals(row?.inner_key ?? Buffer.alloc(0)) || null
  })
  const { url } = next
  const claims = { iss: 'chronos-postgres', aud: `${url}/api/cron/fire`, purpose: 'cron_fire' }
  const old = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setIssuedAt().setExpirationTime('5m')
  const signed = await old.sign(fireKey(Buffer.from(ENCRYPTION_KEY, 'base64')))
  assert.equal((await next.fire({ job_id: job.id }, signed)).status, 200)
  assert.equal((await next.fire({ job_id: job.id }, await tokenOf())).status, 200)
  next.setClock('2026-06-18T09:00:00Z')
  await timer?.moveTo('2026-06-18T09:00:00Z')
  assert.deepEqual(timer?.deliveries, [{ jobId: job.id, status: 202 }])
})

test('without the extensions the built-in ticker runs the jobs, and the status says what is missing', async (t) => {
  const { service, statusOf } = await setup(t, {}, false)
  service.setClock(null)
  const job = await service.makeJob({ schedule: '* * * * * *', repeat: 1 })
  assert.deepEqual([job.armed, job.trigger], [false, 'builtin'])
  await service.target.waitFor(1)
  const status = await statusOf()
  assert.deepEqual([status.scheduler.configured, status.scheduler.name], ['pg', 'builtin'])
  assert.equal(status.nas.refused.code, 'PG_NO_CRON')
})

test('what NAS had armed is called by Postgres when that takes over, with a key that NAS never had', async (t) => {
  const { service, database, timer, atRest } = await setup(t, { CRON_PROVIDER: 'chronos' })
  const job = await service.makeJob({ schedule: '0 9 * * *' })
  await atRest()
  const next = await startService({
    ...{ database, nas: service.nas, target: service.target, clock: '2026-06-18T09:00:00Z' },
    env: { CRON_PROVIDER: 'pg', ENCRYPTION_KEY },
  })
  t.after(() => next.close())
  await until('Postgres is set up', async () => (await database.sql`select from cron.job`).length > 0 || null)
  await timer?.moveTo('2026-06-18T09:00:00Z')
  assert.deepEqual(timer?.deliveries, [{ jobId: job.id, status: 202 }])
})
