import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Nas, startNas } from '../../dev/nas/index.ts'
import { startTarget, type Target } from '../../dev/target/index.ts'
import { type ServerProcess, startServerProcess } from '../store/processes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { apiKey, type Json } from '../support/service.ts'
import { until } from '../support/until.ts'
import { assertTook } from '../support/limits.ts'

// Real processes on the real clock; NAS stands still, so that all the fires are ours.

let nas: Nas
let target: Target
let database: TestDatabase
const running = new Set<ServerProcess>()

before(async () => {
  ;[nas, target, database] = await Promise.all([startNas(), startTarget(), createTestDatabase()])
})
after(async () => {
  await Promise.all([...running].map((server) => server.kill('SIGKILL')))
  await Promise.all([nas?.close(), target?.close(), database?.drop()])
})

async function boot(leaseMs: number): Promise<ServerProcess> {
  const server = await startServerProcess({
    DATABASE_URL: database.url,
    CRON_PROVIDER: 'chronos',
    API_KEY: apiKey,
    RATE_LIMIT_PER_MINUTE: '0',
    TARGET_ALLOW: '127.0.0.1',
    RUN_LEASE_MS: String(leaseMs),
    ...nas.environment(),
  })
  running.add(server)
  return server
}

async function kill(server: ServerProcess): Promise<void> {
  running.delete(server)
  await server.kill('SIGKILL')
}

async function call({ url }: ServerProcess, method: string, path: string, body?: unknown): Promise<Json> {
  const headers: Record<string, string> = { authorization: `Bearer ${apiKey}` }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await fetch(url + path, { method, headers, ...sent })
  return { status: response.status, body: await response.json() }
}

async function make(server: ServerProcess, path: string, fields: object): Promise<string> {
  const action = { type: 'http', url: target.url + path }
  const { status, body } = await call(server, 'POST', '/api/jobs', {
    name: path,
    schedule: '0 0 1 1 *',
    action,
    ...fields,
  })
  assert.equal(status, 201, JSON.stringify(body))
  return body.job.id
}

test('a run that one process makes is cancelled through another, and its call is over within seconds', async () => {
  const [one, other] = await Promise.all([boot(3_000), boot(3_000)])
  target.behave('/long', { does: 'hang' })
  const id = await make(one, '/long', {})
  const { body } = await call(one, 'POST', `/api/jobs/${id}/run`)
  await target.waitFor((calls) => calls.some(({ path }) => path === '/long'))
  const startedAt = performance.now()
  const cancelled = await call(other, 'POST', `/api/runs/${body.run.id}/cancel`)
  assert.deepEqual([cancelled.status, cancelled.body.run.state], [202, 'cancelled'])
  await target.allClosed(10_000)
  assertTook(performance.now() - startedAt, 10_000)
  const { body: read } = await call(one, 'GET', `/api/runs/${body.run.id}`)
  assert.deepEqual([read.run.state, read.run.reason], ['cancelled', 'cancelled by request'])
  await Promise.all([kill(one), kill(other)])
})

test('a job whose run kills the process each time pauses itself: the attempts were counted at the claims', async () => {
  target.behave('/poison', { does: 'hang' })
  const callsNow = () => target.calls.filter(({ path }) => path === '/poison').length
  const readRuns = () => database.sql`
    select state, attempt, lease_until < clock_timestamp() as is_lapsed from runs where job_id = ${id}`
  const first = await boot(3_000)
  const id = await make(first, '/poison', { retry: { attempts: 2, delay_ms: 0 }, pause_after: 1 })
  await call(first, 'POST', `/api/jobs/${id}/run`)
  let server = first
  for (const attempt of [1, 2]) {
    await target.waitFor(() => callsNow() === attempt, 10_000)
    await kill(server)
    await until('its lease has ended', async () => (await readRuns())[0]?.['is_lapsed'])
    server = await boot(3_000)
    await fire(server)
  }
  assert.deepEqual(
    (await readRuns()).map(({ state, attempt }) => [state, attempt]),
    [['interrupted', 2]],
  )
  const { body } = await call(server, 'GET', `/api/jobs/${id}`)
  assert.deepEqual([body.job.state, body.job.armed, body.job.failure_streak], ['paused', false, 1])
  assert.match(body.job.paused_reason, /the last: LEASE_LAPSED/)
  assert.equal(callsNow(), 2)

  async function fire({ url }: ServerProcess) {
    const headers = {
      authorization: `Bearer ${await nas.signFireToken()}`,
      'content-type': 'application/json',
    }
    await fetch(`${url}/api/cron/fire`, { method: 'POST', headers, body: JSON.stringify({ job_id: id }) })
  }
})
