import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { startNas } from '../../dev/nas/index.ts'
import { startTarget } from '../../dev/target/index.ts'
import { startTcpProxy } from '../../dev/tcp-proxy/index.ts'
import { createTestDatabase } from '../support/database.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const clock = '2026-06-18T08:00:00Z'
const shared = {
  nas: await startNas({ time: clock }),
  target: await startTarget(),
  database: await createTestDatabase(),
  clock,
}
after(async () => {
  await shared.nas.close()
  await shared.target.close()
  await shared.database.drop()
})
const direct = shared.nas.environment()
const portal = new URL(direct['NAS_PORTAL_URL'] ?? '')
const proxy = await startTcpProxy({ target: { host: portal.hostname, port: Number(portal.port) } })
after(() => proxy.close())
const proxied = portal.href.replace(`:${portal.port}`, `:${proxy.port}`).replace(/\/$/, '')
const env = {
  NAS_PORTAL_URL: proxied,
  // the keys come another way: what is counted is what calls of the timer need
  NAS_JWKS_URL: `${direct['NAS_PORTAL_URL']}/.well-known/jwks.json`,
}
const accepted = () => proxy.counters().accepted

/** A process that has not called the timer, and a job that another one has made. */
async function setup(t: TestContext, more: Record<string, string> = {}) {
  const maker = await startService(shared)
  const { id } = await maker.makeJob({ schedule: 'every 5m' })
  await maker.close()
  const service = await startService({ ...shared, begin: false, env: { ...env, ...more } })
  t.after(() => service.close())
  service.setClock('2026-06-18T08:05:00Z')
  return { service, body: { job_id: id, fire_at: '2026-06-18T08:05:00+00:00' } }
}

test('the connection to the timer is there before the claim, and the arm takes it', async (t) => {
  const { service, body } = await setup(t)
  const before = accepted()
  const unlikely = await shared.nas.signFireToken({ claims: { iss: proxied, aud: 'someone-else' } })
  assert.equal((await service.fire(body, unlikely)).status, 401)
  assert.equal(accepted(), before)
  const token = await shared.nas.signFireToken({ claims: { iss: proxied } })
  const provisions = shared.nas.requests('provision').length
  let answer: Promise<{ status: number }> | undefined
  await service.database.sql.begin(async (tx) => {
    await tx`select from job_runtime where job_id = ${body.job_id} for update`
    answer = service.fire(body, token)
    await until('a connection is open', async () => accepted() === before + 1)
  })
  assert.equal((await answer)?.status, 202)
  assert.ok(shared.nas.requests('provision').length > provisions)
  assert.equal(accepted(), before + 1)
})

test('no connection is opened where nothing is armed with the timer', async (t) => {
  const { service, body } = await setup(t, { CRON_PROVIDER: 'builtin' })
  const before = accepted()
  const token = await shared.nas.signFireToken({ claims: { iss: proxied } })
  assert.equal((await service.fire(body, token)).status, 202)
  assert.equal(accepted(), before)
})
