import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startNas } from '../../dev/nas/index.ts'
import { startTarget } from '../../dev/target/index.ts'
import { startProcess } from '../../dev/torture/process.ts'
import { createTestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { freePort } from '../../dev/free-port.ts'

const leaseMs = 2_000
const retry = { attempts: 2, delayMs: 100, maxDelayMs: 100, backoff: 'fixed', on: ['interrupted'] }

/** A database, a NAS on the wall clock, a target that holds its answer back, and what it takes to start a process. */
async function setup(t: TestContext) {
  const database = await createTestDatabase()
  const nas = await startNas({ time: 'wall', retryScale: 0.2, fireTimeoutMs: 2_000 })
  const target = await startTarget()
  const port = await freePort()
  const processes: Awaited<ReturnType<typeof startProcess>>[] = []
  t.after(async () => {
    for (const { child } of processes) child.kill('SIGKILL')
    await Promise.all(processes.map(({ ended }) => ended))
    await Promise.all([nas.close(), target.close()])
    await database.drop()
  })
  target.behave('/held', { does: 'slow', value: 60_000 })
  const start = async (at = port) => {
    const process = await startProcess(at, {
      DATABASE_URL: database.url,
      RUN_LEASE_MS: String(leaseMs),
      DRAIN_TIMEOUT_MS: '5000',
      CALLBACK_URL: `http://127.0.0.1:${port}`,
      ...nas.environment(),
    })
    processes.push(process)
    return process
  }
  const runOf = async (jobId: string) => {
    const [run] = await database.sql`select * from runs where job_id = ${jobId}`
    return run
  }
  /** The platform starts a machine when a request comes for it, and only then. */
  const wokenByNas = async () => {
    const seen = nas.fires().length
    await until('NAS to call a machine that is off', async () =>
      nas
        .fires()
        .slice(seen)
        .some(({ error }) => error === 'ECONNREFUSED'),
    )
    return start()
  }
  /** Grants a job a second attempt, well before its first one is due. */
  const grantRetry = async (jobId: string) => {
    await database.sql`update jobs set policy = ${JSON.stringify({ retry })}::text::jsonb, version = version + 1 where id = ${jobId}`
  }
  return { database, nas, target, start, runOf, wokenByNas, grantRetry }
}

type Service = Awaited<ReturnType<typeof startProcess>>

async function makeJob({ api }: Service, url: string, fields: Record<string, unknown>): Promise<string> {
  const { status, body } = await api('POST', '/api/jobs', {
    name: 'a job',
    action: { type: 'http', url },
    ...fields,
  })
  assert.equal(status, 201, JSON.stringify(body))
  return (body['job'] as { id: string }).id
}

test('SIGKILL in mid-run: the watchdog wakes a machine, which says interrupted, or runs it again where it may', async (t) => {
  const { target, start, runOf, wokenByNas, grantRetry } = await setup(t)
  const service = await start()
  const once = await makeJob(service, `${target.url}/held`, { schedule: 'in 1s' })
  const again = await makeJob(service, `${target.url}/held`, { schedule: 'in 2s' })
  await grantRetry(again)
  await target.waitFor(2)
  service.signal('SIGKILL')
  assert.equal(await service.ended, 'SIGKILL')
  target.behave('/held', { does: 'status' })
  await wokenByNas()
  await until(
    'the first run to be told as interrupted',
    async () => (await runOf(once))?.['state'] === 'interrupted',
  )
  await until('the second one to be run again', async () => (await runOf(again))?.['state'] === 'succeeded')
  const calls = target.calls.map(({ headers }) => [headers['x-chronos-job'], headers['x-chronos-attempt']])
  assert.deepEqual(
    calls.filter(([job]) => job === once),
    [[once, '1']],
  )
  assert.deepEqual(
    calls.filter(([job]) => job === again),
    [
      [again, '1'],
      [again, '2'],
    ],
  )
})

test('SIGTERM in mid-run: interrupted is written, the lease given back, the wake-up armed, and the exit status is 0', async (t) => {
  const { nas, target, start, runOf } = await setup(t)
  const service = await start()
  const id = await makeJob(service, `${target.url}/held`, { schedule: 'every 1h' })
  const before = nas.armed()
  assert.equal((await service.api('POST', `/api/jobs/${id}/run`, {})).status, 202)
  await target.waitFor(1)
  service.signal('SIGTERM')
  assert.equal(await service.ended, 0)
  const run = await runOf(id)
  assert.deepEqual([run?.['state'], run?.['lease_until']], ['interrupted', null])
  const [arm] = nas.armed()
  assert.ok(arm && Math.abs(Date.parse(arm.fire_at) - Date.parse(before[0]?.fire_at ?? '')) <= 2_000)
})

test('SIGSTOP past the lease, then SIGCONT: the stale owner settles nothing and calls nobody', async (t) => {
  const { database, nas, target, start, runOf, grantRetry } = await setup(t)
  const stale = await start()
  target.behave('/held', { does: 'slow', value: 6_000 })
  const id = await makeJob(stale, `${target.url}/held`, { schedule: 'in 2s' })
  await grantRetry(id)
  await target.waitFor(1)
  // 202, or 200 to the retry of a fire that took a busy machine longer than NAS waits
  await nas.waitFor(() => nas.fires(id).some(({ status }) => status !== null && status < 300))
  stale.signal('SIGSTOP')
  target.behave('/held', { does: 'status' })
  const other = await start(await freePort())
  await until('the lease to end', async () => {
    const [row] =
      await database.sql`select lease_until < clock_timestamp() as over from runs where job_id = ${id}`
    return row?.['over'] === true
  })
  // the proxy of a platform would take NAS's fires to the machine that answers
  await until('the other machine to run it', async () => {
    await nas.sendFire({ url: `${other.url}/api/cron/fire`, body: { job_id: id } })
    return (await runOf(id))?.['state'] === 'succeeded'
  })
  const settled = await runOf(id)
  stale.signal('SIGCONT')
  await until('the stale owner to have noticed its attempt', async () =>
    stale.lines.some((line) => line.includes('"run ends"')),
  )
  const { status } = await stale.api('GET', `/api/jobs/${id}`)
  assert.equal(status, 200)
  assert.deepEqual(await runOf(id), settled)
  assert.deepEqual(
    target.calls.map(({ headers }) => headers['x-chronos-attempt']),
    ['1', '2'],
  )
})
